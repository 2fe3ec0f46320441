"""What one evaluation is of, and what its measures share: images that are made once, encoded once, measured once."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

import torch
from torch import Tensor

from paribus.base.processes import place
from paribus.config import EvaluationSettings
from paribus.data import ImageData
from paribus.evaluation.encoding import Rows, StageProgress, batches, counted, encoded_by, reference, silent
from paribus.evaluation.protocols import asked_labels, encoder_record
from paribus.metrics.encoders import Encoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import Features
from paribus.results.protocol import Likelihood, Protocol
from paribus.results.score import Fact, Score
from paribus.training.distributed import gather_on_first_process

DEFAULT = "default"
"""Stands in a list of metrics for those that are measured where none is named."""

Watcher = Callable[[Tensor], Mapping[str, Tensor]]
"""Numbers of each image of a batch uint8 (m, C, H, W): by name, (m, ...)."""

Numbers = dict[str, Tensor]
"""What a watcher saw of all images: by name, (n, ...)."""


class EvaluatedModel(typing.Protocol):
    """What evaluation needs of a model; `paribus.models.Model` is one."""

    @property
    def classes(self) -> int:
        """Classes that it is conditioned on; 0 without."""

    @property
    def can_encode(self) -> bool:
        """Whether `reconstruct` is available."""

    @property
    def likelihood(self) -> Likelihood | None:
        """What the nats of `likelihood_terms` mean; None without a likelihood."""

    @property
    def has_log_weights(self) -> bool:
        """Whether `log_weights` is available."""

    @property
    def prior_is_normal(self) -> bool:
        """Whether the prior is a standard normal distribution."""

    @property
    def sampler_words(self) -> str | None:
        """What was fitted after training to draw latents from, in words; None for the prior."""

    @property
    def parameters(self) -> dict[str, int]:
        """Number of parameters by role."""

    @property
    def seed(self) -> int:
        """That it was trained with."""

    def with_prior(self) -> EvaluatedModel:
        """The same model, drawing its latents from the prior."""

    def latents(self, n: int, seed: int = 0) -> Tensor:
        """Latents (n, latent) that samples are made from."""

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images uint8 (n, C, H, W) of latents; `labels` are those of a conditional model."""

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The images of `decode` as floats in [-1, 1], differentiable in z."""

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Samples uint8 (n, C, H, W)."""

    def sample_batches(
        self, n: int, *, labels: Tensor | None = None, seed: int = 0, rows: tuple[int, int] | None = None
    ) -> Iterator[Tensor]:
        """Samples of a conditional model's classes (n,), a batch at a time; `rows`: where to begin and to end."""

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions uint8 of images uint8."""

    def likelihood_terms(self, images: Tensor, labels: Tensor | None = None, *, seed: int = 0) -> dict[str, Tensor]:
        """Per image: reconstruction_nats (n,), kl_nats (n,) with weight 1, posterior_means (n, latent)."""

    def log_weights(self, images: Tensor, labels: Tensor | None = None, *, count: int = 64, seed: int = 0) -> Tensor:
        """Per image: log p(x, z_k) / q(z_k|x) (n, count) of draws z_k from q(z|x)."""


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
        model: What makes the images; None where they are given.
        data: The data with the split that is scored against in the place of the test images; None without a data set.
        against: Real images uint8 (n, C, H, W) where there is no data set.
        weights: Which of a run's weights the model has.
        stage: What is being done while images pass by.
        progress: Called during long work.
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
    model: EvaluatedModel | None = None
    data: ImageData | None = None
    against: Tensor | None = None
    weights: Literal["last", "best"] = "last"
    stage: str = "encoding images"
    progress: StageProgress = silent
    shared: bool = False
    watchers: dict[str, Watcher] = field(default_factory=dict)
    _real_numbers: dict[str, Numbers] = field(default_factory=dict)

    def wants(self, *metrics: str) -> bool:
        """Whether any of these metrics is wanted."""
        return any(metric in self.wanted for metric in metrics)

    @property
    def named(self) -> bool:
        """Whether each metric was named: it is shown where it says little, and has a reason where it is missing."""
        return DEFAULT not in (self.settings.metrics or [DEFAULT])

    @property
    def seed(self) -> int:
        """Of all that is drawn."""
        return self.settings.seed

    @cached_property
    def labels(self) -> Tensor | None:
        """Classes (n,) that a conditional model is asked for."""
        if self.model is None or self.data is None:
            return None
        return asked_labels(self.model.classes, self.data, self.n)[1]

    @property
    def features(self) -> list[Features]:
        """Features of the measured images by each encoder."""
        assert self._seen is not None, "another process scores"
        return [Features(**self._seen[encoder.id]) for encoder in self.encoders]

    def numbers(self, watcher: str) -> Numbers:
        """What the watcher of a measure saw of the measured images."""
        assert self._seen is not None, "another process scores"
        return self._seen[watcher]

    def is_left_to_others(self) -> bool:
        """Whether this process has done its share and another one scores; the share is done then."""
        return self.shared and self._seen is None

    @cached_property
    def _seen(self) -> dict[str, Numbers] | None:
        """The one pass over the measured images, by encoder's id and by watcher.

        None in processes that have done their share and do not score.
        """
        start, stop = place().share(self.n) if self.shared else (0, self.n)
        passing = counted(self.images(start, stop), stop - start, self.stage, self.progress)
        kept = {name: Rows(stop - start) for name in self.watchers}
        features = encoded_by(self.encoders, _watched(passing, self.watchers, kept), stop - start)
        seen = {name: rows.joined for name, rows in kept.items()}
        seen |= {encoder.id: own.tensors for encoder, own in zip(self.encoders, features, strict=True)}
        if not self.shared:
            return seen
        shares = gather_on_first_process(seen)
        of_last = shares[-1].items() if shares else ()  # of images in any case
        joined = {
            name: {key: torch.cat([share[name][key] for share in shares if key in share[name]]) for key in own}
            for name, own in of_last
        }
        return joined or None

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
            kept = {name: Rows(self.n)}
            for _ in _watched(self._real_images(f"{name} of real images"), {name: watcher}, kept):
                pass
            self._real_numbers[name] = kept[name].joined
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
        protocol: Protocol | None = None,
        *,
        n: int | None = None,
        encoder: Encoder | None = None,
        split: str | None = None,
        alone: bool = False,
        warning: Fact | None = None,
    ) -> Score:
        """A score; by default of the n measured images against those of the split, by this evaluation's protocol.

        Args:
            metric: Its name.
            found: The value, with its error where there is one.
            protocol: How it was measured, where that is another way.
            n: How many images it is of, where these are others.
            encoder: What they were seen through.
            split: That of the images it is held against, where these are others.
            alone: Whether it is held against no images: it has no split, and no n that is not given.
            warning: What is to be said of it.
        """
        value, error, left_out = found if isinstance(found, Estimate) else (found, None, ())
        return Score.of(
            metric,
            value,
            error,
            left_out=left_out,
            n=self.n if n is None and not alone else n,
            encoder=None if encoder is None else encoder_record(encoder),
            split=None if alone else split or self.split,
            weights=self.weights,
            protocol=protocol or self.protocol,
            warnings=(warning,) if warning else (),
        )


def _watched(passing: Iterable[Tensor], watchers: Mapping[str, Watcher], kept: Mapping[str, Rows]) -> Iterator[Tensor]:
    """The same batches; what watchers see of them is kept."""
    for batch in passing:
        yield batch  # first: encoders say best which images do not fit
        for name, watcher in watchers.items():
            kept[name].add(watcher(batch))
