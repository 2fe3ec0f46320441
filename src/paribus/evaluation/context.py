"""What one evaluation is of, and what its measures share: images that are made once, encoded once, measured once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from paribus.base.processes import place
from paribus.config import EvaluationSettings
from paribus.evaluation.encoding import (
    Progress,
    batches,
    counted,
    encoded_by,
    joined_features,
    reference,
    silent,
)
from paribus.evaluation.protocols import encoder_record
from paribus.evaluation.rows import Rows
from paribus.evaluation.subject import EvaluatedModel
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import Features
from paribus.results.protocol import Protocol
from paribus.results.score import Fact, Score
from paribus.training.distributed import gather_on_first_process

if TYPE_CHECKING:
    from paribus.data import ImageData

Watcher = Callable[[Tensor], Mapping[str, Tensor]]
"""Numbers of each image of a batch uint8 (m, C, H, W): by name, (m, ...)."""

Numbers = dict[str, Tensor]
"""What a watcher saw of all images: by name, (n, ...)."""


@dataclass
class Context:
    """One evaluation: of a model, or of images that any program made, against real images.

    Attributes:
        settings: How to score.
        wanted: Names of the metrics that are wanted.
        n: Images on either side.
        encoders: What they are seen through, in the order in which they speak.
        images: Batches uint8 of those of the n measured images from one place to another.
        protocol: Of a score of the measured images against the real ones.
        split: Name of the real images' split.
        named: Whether each metric was named: it is shown where it says little, and has a reason where it is missing.
        model: What makes the images; None where they are given.
        data: The data with the split that is scored against in the place of the test images; None without a data set.
        whole: The data as they are.
        against: Real images uint8 (n, C, H, W) where there is no data set.
        weights: Which of a run's weights the model has.
        stage: What is being done while images pass by.
        progress: Told of long work.
        shared: Whether the processes of a run make and encode a share each.
        watchers: By measure, what sees images as they pass by to be encoded.
    """

    settings: EvaluationSettings
    wanted: tuple[str, ...]
    n: int
    encoders: list[Encoder]
    images: Callable[[int, int], Iterable[Tensor]]
    protocol: Protocol
    split: str = "test"
    named: bool = False
    model: EvaluatedModel | None = None
    data: ImageData | None = None
    whole: ImageData | None = None
    against: Tensor | None = None
    weights: Literal["last", "best"] = "last"
    stage: str = "encoding images"
    progress: Progress = silent
    shared: bool = False
    watchers: dict[str, Watcher] = field(default_factory=dict)
    _real_numbers: dict[str, Numbers] = field(default_factory=dict)

    def wants(self, *metrics: str) -> bool:
        """Whether any of these metrics is wanted."""
        return any(metric in self.wanted for metric in metrics)

    @property
    def seed(self) -> int:
        """Of all that is drawn."""
        return self.settings.seed

    @cached_property
    def labels(self) -> Tensor | None:
        """Classes (n,) that a conditional model is asked for."""
        return None if self.model is None else self.model.sample_labels(self.n)

    @property
    def features(self) -> list[Features]:
        """Features of the measured images by each encoder."""
        assert self._seen is not None, "another process scores"
        return self._seen[0]

    def numbers(self, watcher: str) -> Numbers:
        """What the watcher of a measure saw of the measured images."""
        assert self._seen is not None, "another process scores"
        return self._seen[1][watcher]

    def is_left_to_others(self) -> bool:
        """Whether this process has done its share and another one scores; the share is done then."""
        return self.shared and self._seen is None

    @cached_property
    def _seen(self) -> tuple[list[Features], dict[str, Numbers]] | None:
        """The one pass over the measured images; None in processes that have done their share and do not score."""
        start, stop = place().share(self.n) if self.shared else (0, self.n)
        passing = counted(self.images(start, stop), stop - start, self.stage, self.progress)
        kept: dict[str, defaultdict[str, Rows]] = {name: _rows(stop - start) for name in self.watchers}
        features = encoded_by(self.encoders, _watched(passing, self.watchers, kept), stop - start)
        seen = features, {name: _joined(rows) for name, rows in kept.items()}
        if not self.shared:
            return seen
        shares = gather_on_first_process(seen)
        return _joined_shares(shares) if shares else None

    def real(self, encoder: Encoder, n: int | None = None) -> Features:
        """Features of the chosen n real images; by default of as many as are measured."""
        if self.data is None:
            return self._against[encoder.id]
        return reference(encoder, self.data, "test", n or self.n, self.progress)

    @cached_property
    def _against(self) -> dict[str, Features]:
        assert self.against is not None
        passing = counted(self.against.split(500), self.n, "encoding the images to compare with", self.progress)
        by_encoder = encoded_by(self.encoders, passing, self.n)
        return {encoder.id: features for encoder, features in zip(self.encoders, by_encoder, strict=True)}

    def real_numbers(self, name: str, watcher: Watcher) -> Numbers:
        """What a watcher sees of the chosen n real images, once under a name."""
        if name not in self._real_numbers:
            kept = {name: _rows(self.n)}
            for _ in _watched(self._real_images(f"{name} of real images"), {name: watcher}, kept):
                pass
            self._real_numbers[name] = _joined(kept[name])
        return self._real_numbers[name]

    def _real_images(self, stage: str) -> Iterable[Tensor]:
        if self.data is None:
            assert self.against is not None
            return list(self.against.split(500))
        return (images for images, _, _ in batches(self.data.test, self.n, stage, self.progress))

    def score(
        self,
        metric: str,
        found: Estimate | float | None,
        *,
        protocol: Protocol,
        n: int | None = None,
        encoder: Encoder | None = None,
        split: str | None = None,
        warning: Fact | None = None,
    ) -> Score:
        """A score of this evaluation; `split` is that of the images that it is held against."""
        value, error = found if isinstance(found, Estimate) else (found, None)
        return Score.of(
            metric,
            value,
            error,
            n=n,
            encoder=None if encoder is None else encoder_record(encoder),
            split=split,
            weights=self.weights,
            protocol=protocol,
            warnings=(warning,) if warning else (),
        )


def _watched(
    passing: Iterable[Tensor], watchers: Mapping[str, Watcher], kept: Mapping[str, defaultdict[str, Rows]]
) -> Iterator[Tensor]:
    """The same batches; what watchers see of them is kept."""
    for batch in passing:
        yield batch  # first: encoders say best which images do not fit
        for name, watcher in watchers.items():
            for key, rows in watcher(batch).items():
                kept[name][key].add(rows)


def _rows(n: int) -> defaultdict[str, Rows]:
    return defaultdict(lambda: Rows(n))


def _joined(kept: Mapping[str, Rows]) -> Numbers:
    return {key: rows.joined for key, rows in kept.items()}


def _joined_shares(
    shares: list[tuple[list[Features], dict[str, Numbers]]],
) -> tuple[list[Features], dict[str, Numbers]]:
    first = shares[0][1]
    numbers = {
        name: {key: torch.cat([seen[name][key] for _, seen in shares]) for key in of} for name, of in first.items()
    }
    return joined_features([features for features, _ in shares]), numbers
