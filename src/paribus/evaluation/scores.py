"""Evaluation: generate once from a fixed seed, encode once, and score everything on the same features.

Each score is a dictionary that says all that a comparison needs to know of it: {metric, value, error, n, encoder,
split, protocol, weights} and, where there is something to say, "warning". `value` and `error` are None where there is
no number; the warning then says why.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from paribus.cache import cache_folder
from paribus.config import EvaluationSettings
from paribus.errors import ParibusError
from paribus.evaluation.encoding import (
    ENCODERS,
    Progress,
    batches,
    check_known,
    choice,
    counted,
    encoded,
    encoded_by,
    encoders_for,
    reference,
    silent,
)
from paribus.metrics.catalogue import FLOORED, METRICS
from paribus.metrics.cost import samples_per_second
from paribus.metrics.distances import kernel_distance
from paribus.metrics.encoders import Encoder, PixelEncoder
from paribus.metrics.estimates import Estimate, mean_estimate
from paribus.metrics.likelihood import active_units, likelihood_estimates
from paribus.metrics.reconstruction import peak_signal_noise_ratio, squared_errors
from paribus.metrics.reference import Features, cached_scores, reference_key
from paribus.metrics.scoring import LEAST_ROWS, class_scores, distance_scores, distance_warning, is_hidden
from paribus.metrics.sheet import Sheet
from paribus.randomness import keyed_seed

if TYPE_CHECKING:
    from paribus.data import ImageData, Split

COLLAPSED_BELOW_NATS = 0.1


class Model(Protocol):
    """What evaluation needs of a model; `paribus.models.Model` is one."""

    @property
    def can_encode(self) -> bool:
        """Whether `reconstruct` is to be had."""

    @property
    def likelihood(self) -> str | None:
        """What the nats of `likelihood_terms` mean, in words; None without a likelihood."""

    @property
    def parameters(self) -> dict[str, int]:
        """Number of parameters by role."""

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        """Samples uint8 (n, C, H, W); a conditional model's cycle evenly through the classes."""

    def sample_batches(self, n: int, *, seed: int = 0) -> Iterator[Tensor]:
        """The images of `sample`, a batch at a time."""

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Reconstructions uint8 of images uint8."""

    def likelihood_terms(self, images: Tensor, labels: Tensor | None = None, *, seed: int = 0) -> dict[str, Tensor]:
        """Per image: reconstruction_nats (n,), kl_nats (n,) with weight 1, posterior_means (n, latent)."""


def evaluate(
    model: Model,
    data: ImageData,
    settings: EvaluationSettings | None = None,
    *,
    weights: str = "last",
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Scores a model against the test split.

    As many samples as `settings.samples`, or as the test split holds if that is fewer, are compared with equally many
    test images (all of them, or a choice by a fixed seed that is the same for every model).

    Args:
        model: What generates.
        data: What it was trained on; labelled data gets a classifier of its own as encoder, trained once and cached.
        settings: How to score.
        weights: "last" or "best": which of a run's weights the model has.
        progress: Told of long work.

    Raises:
        ParibusError: A metric or encoder is unknown, or does not fit the data.
    """
    settings = settings or EvaluationSettings()
    sheet, progress = _sheet(settings, weights), progress or silent
    n = min(settings.samples, len(data.test))
    encoders = encoders_for(data, settings, progress)
    samples = counted(model.sample_batches(n, seed=settings.seed), n, "generating samples", progress)
    protocol = f"{_samples(n, data, f'seed {settings.seed}, ')} against {_chosen(n, data.test)}; averaged weights"
    _score_samples(sheet, encoders, samples, data, n, protocol, progress)
    if model.likelihood is not None:
        _score_likelihood(sheet, model, data, n, settings.seed, progress)
    if model.can_encode:
        _score_reconstruction(sheet, model, data, n, progress)
    sheet.add("parameters", float(sum(model.parameters.values())), protocol="all networks", split=None)
    if "samples_per_second" in sheet.wanted:
        progress("timing", 0, 1)
        speed = samples_per_second(lambda count: model.sample(count, seed=settings.seed))
        threads = f"median of 5 batches of 64, {torch.get_num_threads()} threads"
        sheet.add("samples_per_second", speed, protocol=threads, split=None)
    return sheet.finished()


def evaluate_images(
    images: Tensor, data: ImageData, settings: EvaluationSettings | None = None, *, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Scores samples that any program made, uint8 (N, C, H, W), exactly as a model's are scored."""
    settings = settings or EvaluationSettings()
    sheet, progress = _sheet(settings, "last"), progress or silent
    n = min(settings.samples, len(images), len(data.test))
    chosen = images[choice(len(images), n)]
    samples = counted(chosen.split(500), n, "encoding images", progress)
    protocol = f"{_samples(n, data, 'given, ')} against {_chosen(n, data.test)}"
    _score_samples(sheet, encoders_for(data, settings, progress), samples, data, n, protocol, progress)
    return sheet.finished()


def compare_images(
    images: Tensor, against: Tensor, settings: EvaluationSettings | None = None, *, progress: Progress | None = None
) -> list[dict[str, Any]]:
    """Scores one set of images against another, uint8 (N, C, H, W) both; the encoder is `pixels`, fitted on `against`.

    Raises:
        ParibusError: The sets' images differ in shape, or another encoder is asked for.
    """
    settings = settings or EvaluationSettings()
    names = [settings.encoder] if isinstance(settings.encoder, str) else settings.encoder
    for name in set(names) - {"auto", "pixels"}:
        check_known(name, ENCODERS, "encoder")
        raise ParibusError(
            f"The encoder '{name}' needs a data set.",
            where="evaluation.encoder",
            got="two folders of images",
            fix="compare with --data NAME, or leave the encoder out",
        )
    sheet, progress = _sheet(settings, "last"), progress or silent
    encoder = PixelEncoder(against)
    n = min(settings.samples, len(images), len(against))
    real = encoded(encoder, against[choice(len(against), n)].split(500))
    fake = encoded(encoder, images[choice(len(images), n)].split(500))
    protocol = f"{n:,} images against {n:,} others ({_form(images)})"
    score = partial(distance_scores, real.features, fake.features)
    _add_distances(sheet, encoder, n, score, protocol, split="against")
    return sheet.finished()


def select_best_snapshot(
    models: Mapping[int, Model], data: ImageData, settings: EvaluationSettings | None = None
) -> list[dict[str, Any]]:
    """Scores a run's snapshots on the validation split, which no reported number uses.

    By the kernel distance, which is unbiased at the small n of a validation split; the least value is the best.

    Args:
        models: A model for each snapshot's number of images seen.
        data: Its validation split may be empty: there is nothing to choose by then, and no score.
        settings: How to score; the first encoder is used.

    Returns:
        An entry a snapshot: as those of `evaluate`, with "snapshot".
    """
    settings = settings or EvaluationSettings()
    n = min(settings.samples, len(data.validation))
    if n < 2:
        return []
    encoder = encoders_for(data, settings, silent)[0]
    real = reference(encoder, data, "validation", n)
    protocol = f"{_samples(n, data, f'seed {settings.seed}, ')} against {_chosen(n, data.validation, 'validation')}"
    entries = []
    for images, model in sorted(models.items()):
        sheet = Sheet(("kid",), named=True, weights="snapshot")
        fake = encoded(encoder, model.sample_batches(n, seed=settings.seed))
        score = kernel_distance(real.features, fake.features)
        sheet.add("kid", score, n=n, encoder=encoder.id, split="validation", protocol=protocol)
        entries += [entry | {"snapshot": images} for entry in sheet.entries]
    return entries


def cost_entries(done: Mapping[str, Any], *, weights: str = "last") -> list[dict[str, Any]]:
    """What training cost, from the content of a run's done.json, as entries beside the scores."""
    sheet = Sheet(tuple(METRICS), named=False, weights=weights)
    for metric, key in COSTS.items():
        if done.get(key) is not None:
            sheet.add(metric, float(done[key]), protocol="counted by the training loop", split=None)
    return sheet.entries


COSTS = {
    "train_seconds": "seconds",
    "images_seen": "images",
    "peak_memory_bytes": "peak_memory_bytes",
    "flops_per_image": "flops_per_image",
}
"""Metrics that a run's done.json holds, and under which key."""


def _score_samples(
    sheet: Sheet,
    encoders: list[Encoder],
    samples: Iterable[Tensor],
    data: ImageData,
    n: int,
    protocol: str,
    progress: Progress,
) -> None:
    for encoder, fake in zip(encoders, encoded_by(encoders, samples), strict=True):
        real = reference(encoder, data, "test", n)
        progress("scoring", 0, 1)
        distances = partial(distance_scores, real.features, fake.features)
        _add_distances(sheet, encoder, len(fake.features), distances, protocol)
        if real.probabilities is not None and fake.probabilities is not None:
            judged = f"; classes by a classifier of {getattr(encoder, 'accuracy', math.nan):.1%} test accuracy"
            names = tuple(data.class_names or map(str, range(real.probabilities.shape[1])))
            for metric, (score, warning) in class_scores(real.probabilities, fake.probabilities, names).items():
                sheet.add(metric, score, n=n, encoder=encoder.id, protocol=protocol + judged, warning=warning)
        _add_floors(sheet, encoder, data, real, n, progress)


def _add_distances(
    sheet: Sheet,
    encoder: Encoder,
    n: int,
    score: Callable[[tuple[str, ...]], dict[str, Estimate]],
    protocol: str,
    *,
    split: str = "test",
    prefix: str = "",
) -> None:
    """Adds what `score` finds for the distances that are wanted under `prefix` and can be shown at this n."""
    wanted = tuple(metric for metric in FLOORED if prefix + metric in sheet.wanted)
    shown = tuple(m for m in wanted if n >= LEAST_ROWS and (sheet.named or not is_hidden(m, n, encoder.dimensions)))
    scores = score(shown) if shown else {}
    for metric in wanted:
        found = scores.get(metric)
        warning = distance_warning(metric, found and found.value, n, encoder.dimensions)
        sheet.add(prefix + metric, found, n=n, encoder=encoder.id, split=split, protocol=protocol, warning=warning)


def _add_floors(sheet: Sheet, encoder: Encoder, data: ImageData, real: Features, n: int, progress: Progress) -> None:
    """What training images score in the samples' place, at the same n and with the same encoder: once a data set."""
    n = min(n, len(data.train))
    test = real if n == len(real.features) else reference(encoder, data, "test", n)

    def compute(wanted: tuple[str, ...]) -> dict[str, Estimate]:
        progress("scoring real images against real images", 0, 1)
        chosen = choice(len(data.train), n)
        train = encoded(encoder, (data.train.images[part] for part in chosen.split(500)))
        return distance_scores(test.features, train.features, wanted)

    def floors(wanted: tuple[str, ...]) -> dict[str, Estimate]:
        key = reference_key(data.fingerprint, "train against test", encoder.id, n, *wanted)
        return cached_scores(lambda: compute(wanted), key, cache_folder())

    protocol = f"{n:,} training images in the samples' place against {_chosen(n, data.test)}"
    _add_distances(sheet, encoder, n, floors, protocol, prefix="floor_")


def _score_likelihood(sheet: Sheet, model: Model, data: ImageData, n: int, seed: int, progress: Progress) -> None:
    if not {"elbo", "reconstruction_nats", "kl_nats", "active_units"} & set(sheet.wanted):
        return
    parts = []
    for images, labels, start in batches(data.test, n, "likelihood of test images", progress):
        parts.append(model.likelihood_terms(images, labels, seed=keyed_seed("likelihood", seed, start)))
    terms = {name: torch.cat([part[name] for part in parts]).cpu() for name in parts[0]}
    protocol = f"{_chosen(n, data.test)}, one latent an image (seed {seed}); likelihood: {model.likelihood}"
    for metric, score in likelihood_estimates(terms["reconstruction_nats"], terms["kl_nats"]).items():
        collapse = f"posterior collapse: the latent carries {score.value:.2g} nats, the images are drawn without it"
        warning = collapse if metric == "kl_nats" and score.value < COLLAPSED_BELOW_NATS else None
        sheet.add(metric, score, n=n, protocol=protocol, warning=warning)
    if terms.get("posterior_means") is not None:
        means = terms["posterior_means"]
        active = active_units(means)
        warning = f"posterior collapse: none of {means.shape[1]} latent units is in use" if active == 0 else None
        sheet.add("active_units", float(active), n=n, protocol=protocol, warning=warning)


def _score_reconstruction(sheet: Sheet, model: Model, data: ImageData, n: int, progress: Progress) -> None:
    if not {"mse", "psnr"} & set(sheet.wanted):
        return
    errors = []
    for images, labels, _ in batches(data.test, n, "reconstructing test images", progress):
        errors.append(squared_errors(images, model.reconstruct(images, labels)))
    protocol = f"{_chosen(n, data.test)}, reconstructed from posterior means, as uint8"
    score = mean_estimate(torch.cat(errors))
    sheet.add("mse", score, n=n, protocol=protocol)
    sheet.add("psnr", peak_signal_noise_ratio(score.value), n=n, protocol=protocol)


def _samples(n: int, data: ImageData, how: str) -> str:
    return f"{n:,} samples ({how}{_form(data.train.images)})"


def _form(images: Tensor) -> str:
    return f"uint8 {images.shape[2]}x{images.shape[3]}x{images.shape[1]}"


def _chosen(n: int, split: Split, name: str = "test") -> str:
    return f"all {n:,} of {name}" if n == len(split) else f"{n:,} of {name} (fixed choice)"


def _sheet(settings: EvaluationSettings, weights: str) -> Sheet:
    for metric in settings.metrics or ():
        check_known(metric, METRICS, "metric")
    return Sheet(tuple(settings.metrics or METRICS), settings.metrics is not None, weights)
