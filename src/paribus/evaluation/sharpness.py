"""How sharp generated images are beside real ones, measured as they pass by to be encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

import torch
from torch import Tensor

from paribus.metrics.catalogue import SHARPNESS
from paribus.metrics.estimates import mean_estimate, ratio_estimate
from paribus.metrics.sharpness import SMALLEST, sharpness_terms
from paribus.metrics.sheet import Sheet


class Sharpness:
    """Gathers two numbers an image, and adds their means over those of real images.

    Args:
        sheet: Where scores are added.
        real: The real images, uint8 in batches; asked for once, and only where a score needs them.
        n: How many they are.
        form: Height and width.
        split: Name of the real images' split.
    """

    def __init__(
        self, sheet: Sheet, real: Callable[[], Iterable[Tensor]], n: int, form: Iterable[int], split: str = "test"
    ) -> None:
        self.sheet, self.real_batches, self.n, self.split = sheet, real, n, split
        self.too_small = min(form) < SMALLEST
        self.seen: dict[str, list[dict[str, Tensor]]] = {}
        """What was measured, a dictionary a batch, by prefix."""

    @cached_property
    def real(self) -> dict[str, Tensor]:
        """Both measures of each real image, (n,) each."""
        return _joined([sharpness_terms(batch) for batch in self.real_batches()])

    def is_wanted(self, prefix: str) -> bool:
        """Whether any score with this prefix is wanted."""
        return any(prefix + name in self.sheet.wanted for name in SHARPNESS)

    def passing(self, batches: Iterable[Tensor], prefix: str = "") -> Iterator[Tensor]:
        """The same batches, measured."""
        measured = self.is_wanted(prefix) and not self.too_small
        for batch in batches:
            yield batch  # first: encoders say best which images do not fit
            if measured:
                self.seen.setdefault(prefix, []).append(sharpness_terms(batch))

    def add_scores(self, protocol: str, prefix: str = "", *, paired: bool = False) -> None:
        """Adds the ratios of the images that passed; `paired` if each was made from the real image in its place."""
        if not self.is_wanted(prefix):
            return
        made = _joined(self.seen.pop(prefix, []))
        for name in SHARPNESS:
            score = None if self.too_small else ratio_estimate(made[name], self.real[name], paired=paired)
            warning = f"images of fewer than {SMALLEST} pixels" if self.too_small else None
            self.sheet.add(prefix + name, score, n=self.n, split=self.split, protocol=protocol, warning=warning)

    def add_real(self, protocol: str) -> None:
        """Adds what the real images have, the ratios' denominators."""
        if self.is_wanted("real_") and not self.too_small:
            for name in SHARPNESS:
                score = mean_estimate(self.real[name])
                self.sheet.add(f"real_{name}", score, n=self.n, split=self.split, protocol=protocol)


def _joined(parts: list[dict[str, Tensor]]) -> dict[str, Tensor]:
    return {name: torch.cat([part[name] for part in parts]) for name in SHARPNESS} if parts else {}
