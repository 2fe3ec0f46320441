"""How sharp generated images are beside real ones, measured as they pass by to be encoded."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cached_property

from torch import Tensor

from paribus.evaluation.rows import Rows
from paribus.metrics.catalogue import SHARPNESS
from paribus.metrics.estimates import mean_estimate, ratio_estimate
from paribus.metrics.sharpness import SMALLEST, sharpness_terms
from paribus.metrics.sheet import Sheet
from paribus.results.protocol import Protocol
from paribus.results.score import Fact

MEASURED_AT_ONCE = 32
"""Images measured together, so that what is float64 in between stays small."""


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
        self.seen: dict[str, dict[str, Tensor]] = {}
        """What was measured of the images that passed, by prefix."""

    @cached_property
    def real(self) -> dict[str, Tensor]:
        """Both measures of each real image, (n,) each."""
        kept = _Terms(self.n)
        for batch in self.real_batches():
            kept.add(batch)
        return kept.joined

    def is_wanted(self, prefix: str) -> bool:
        """Whether any score with this prefix is wanted."""
        return any(prefix + name in self.sheet.wanted for name in SHARPNESS)

    def passing(self, batches: Iterable[Tensor], prefix: str = "") -> Iterator[Tensor]:
        """The same batches, measured."""
        measured, kept = self.is_wanted(prefix) and not self.too_small, _Terms(self.n)
        for batch in batches:
            yield batch  # first: encoders say best which images do not fit
            if measured:
                kept.add(batch)
        if measured:
            self.seen[prefix] = kept.joined

    def add_scores(self, protocol: Protocol, prefix: str = "", *, paired: bool = False) -> None:
        """Adds the ratios of the images that passed; `paired` if each was made from the real image in its place."""
        if not self.is_wanted(prefix):
            return
        made = self.seen.pop(prefix, {})
        for name in SHARPNESS:
            score = None if self.too_small else ratio_estimate(made[name], self.real[name], paired=paired)
            warning = Fact(code="small_images", figures={"least": SMALLEST}) if self.too_small else None
            self.sheet.add(prefix + name, score, n=self.n, split=self.split, protocol=protocol, warning=warning)

    def add_real(self, protocol: Protocol) -> None:
        """Adds what the real images have, the ratios' denominators."""
        if self.is_wanted("real_") and not self.too_small:
            for name in SHARPNESS:
                score = mean_estimate(self.real[name])
                self.sheet.add(f"real_{name}", score, n=self.n, split=self.split, protocol=protocol)


class _Terms:
    """Both measures of n images that pass by."""

    def __init__(self, n: int) -> None:
        self._rows = {name: Rows(n) for name in SHARPNESS}

    def add(self, batch: Tensor) -> None:
        for part in batch.split(MEASURED_AT_ONCE):
            for name, values in sharpness_terms(part).items():
                self._rows[name].add(values)

    @property
    def joined(self) -> dict[str, Tensor]:
        return {name: rows.joined for name, rows in self._rows.items()}
