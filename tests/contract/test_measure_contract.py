"""What every registered measure keeps, without a test being written for it; and one that is registered right here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from docs.metrics_table import PAGE, rewritten
from paribus.base import registry
from paribus.base.errors import ParibusError
from paribus.cli.listing import rows
from paribus.config import EvaluationSettings
from paribus.data import ImageData, load_data
from paribus.evaluation import compare_images, evaluate, evaluate_images
from paribus.evaluation.context import DEFAULT, Context
from paribus.evaluation.measures import all_measures, metrics
from paribus.evaluation.measures.base import Measure
from paribus.metrics.estimates import mean_estimate, ratio_estimate
from paribus.models.model import to_bytes
from paribus.results.folder import read_scores, write_scores
from paribus.results.metric import Metric
from paribus.results.protocol import Likelihood, Protocol
from paribus.results.score import Fact, Score
from tests.conftest import of_classes

MEASURES = list(all_measures())
FACTS = {
    "counted_in_training", "needs_inception_classes", "needs_classifier", "not_conditional", "needs_class_labels",
    "no_likelihood", "no_known_density", "prior_not_normal", "draws_from_prior_already", "no_encoder", "no_decoder",
    "measured_over_a_study", "needs_training_images", "too_few_images", "does_not_apply",
}  # fmt: skip
"""Why a metric may not apply."""
LESS_THAN_NOISE = {
    "copying": "held-out images are the nearest to themselves",
    "authenticity": "noise is far from every training image",
    "smoothness": "an image that never changes is smooth",
    "samples_per_second": "a speed",
}
"""Metrics by which real images need not be better than noise."""
SETTINGS: dict[str, Any] = {"samples": 128, "inversion_images": 8, "inversion_steps": 60, "iwae_samples": 2}


class Given:
    """A model of given images that does everything a model can do: well, where they are the real ones."""

    seed = 0
    can_encode, has_log_weights, prior_is_normal, sampler_words = True, True, True, "a mixture"
    likelihood = Likelihood(density="gaussian", pixels="[-1, 1]", deviation=1.0)
    parameters = {"G": 1}  # noqa: RUF012
    classes = 10

    def __init__(self, images: Tensor, labels: Tensor, real: bool) -> None:
        self.images, self.labels, self.real = images, labels, real

    def with_prior(self) -> Given:
        return self

    def sample_batches(
        self, n: int, *, labels: Tensor | None = None, seed: int = 0, rows: tuple[int, int] | None = None
    ) -> Iterator[Tensor]:
        start, stop = rows or (0, n)
        images = self.images[:n] if labels is None else self.images[of_classes(self.labels, labels)]
        yield from images[start:stop].split(100)

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        return torch.cat(list(self.sample_batches(n, seed=seed)))

    def latents(self, n: int, seed: int = 0) -> Tensor:
        return torch.randn(n, 64, generator=torch.Generator().manual_seed(seed % 1000))

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return z.view(-1, 1, 8, 8) if self.real else 0 * z.view(-1, 1, 8, 8)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return to_bytes(self.generate(z, labels))

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        return images if self.real else self.images[: len(images)]

    def likelihood_terms(self, images: Tensor, labels: Tensor | None = None, *, seed: int = 0) -> dict[str, Tensor]:
        nats = torch.full((len(images),), 10.0 if self.real else 100.0)
        return {"reconstruction_nats": nats, "kl_nats": nats, "posterior_means": images.flatten(1).float()}

    def log_weights(self, images: Tensor, labels: Tensor | None = None, *, count: int = 64, seed: int = 0) -> Tensor:
        return torch.full((len(images), count), -20.0 if self.real else -200.0)


class Unasked(Given):
    """The same without classes: the images themselves."""

    classes = 0


class Bare(Given):
    """The same without anything that a model may lack."""

    can_encode = has_log_weights = prior_is_normal = False
    sampler_words = likelihood = None  # type: ignore[assignment]

    classes = 0


@pytest.fixture(scope="module")
def data() -> ImageData:
    return load_data("digits")


@pytest.fixture(autouse=True)
def _one_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path_factory.getbasetemp() / "measures"))


def subject(data: ImageData, real: bool, kind: type[Given] = Given) -> Given:
    """A model of the chosen test images themselves, in their order, or of noise."""
    from paribus.evaluation.encoding import choice

    chosen = choice(len(data.test), SETTINGS["samples"])
    assert data.test.labels is not None
    noise = torch.randint(0, 256, (len(chosen), 1, 8, 8), generator=torch.Generator().manual_seed(0))
    return kind(data.test.images[chosen] if real else noise.to(torch.uint8), data.test.labels[chosen], real)


def names(measure: str) -> list[str]:
    return [metric.name for metric in all_measures()[measure].metrics]


def measured(model: Given, data: ImageData, asked: list[str]) -> dict[str, Score]:
    found = evaluate(model, data, EvaluationSettings(metrics=asked, **SETTINGS))
    assert [score.metric for score in found] == asked
    return {score.metric: score for score in found}


def is_refused(score: Score) -> bool:
    """Whether a score says that its metric does not apply, by a fact that is known."""
    refused = score.value is None and score.protocol == Protocol()
    assert not refused or {fact.code for fact in score.warnings} <= FACTS, score
    return refused


@pytest.mark.parametrize("measure", MEASURES)
def test_its_words_are_complete(measure: str) -> None:
    for metric in all_measures()[measure].metrics:
        assert metric.label and metric.meaning.endswith("."), metric.name
        assert metric.comparable.startswith("Comparable only when ") and metric.comparable.endswith("."), metric.name
        assert not metric.unseen or metric.unseen.endswith("."), metric.name
        assert (metric.place > 0) == (metric.section == "leaderboard") or metric.section == "cost", metric.name
        assert metric.floor is None or metrics()[metric.floor].section == "floor", metric.name
    assert set(all_measures()[measure].aliases.values()) <= set(names(measure))


def test_names_and_places_are_unique() -> None:
    known = metrics()
    aliases = [alias for measure in all_measures().values() for alias in measure.aliases]
    assert not {*aliases, DEFAULT} & set(known)
    for section in ("leaderboard", "cost"):
        places = [metric.place for metric in known.values() if metric.section == section and metric.place]
        assert sorted(places) == list(range(1, len(places) + 1))
    ranks = sorted(metric.ranks for metric in known.values() if metric.ranks is not None)
    assert ranks == list(range(1, len(ranks) + 1))
    floors = [metric.floor for metric in known.values() if metric.floor]
    assert sorted(floors) == sorted(metric.name for metric in known.values() if metric.section == "floor")


@pytest.mark.parametrize("measure", MEASURES)
def test_the_real_images_themselves_are_better_than_noise(measure: str, data: ImageData) -> None:
    asked = names(measure)
    same, apart = (measured(subject(data, real), data, asked) for real in (True, False))
    for name in asked:
        metric, best, worst = metrics()[name], same[name], apart[name]
        assert is_refused(best) == is_refused(worst), name
        for score in (best, worst):
            assert Score(**score.as_json()) == score
        if is_refused(best):
            continue
        assert best.value is not None or best.warnings == (Fact(code="not_finite"),), "PSNR of equal images is infinite"
        if metric.better and best.value is not None and worst.value is not None and name not in LESS_THAN_NOISE:
            assert metric.shortfall(best.value) < metric.shortfall(worst.value), name
        if metric.section == "floor":
            assert best == worst and best.protocol.stands_in, name
        if metric.floor is not None:
            assert same[metric.floor].n and same[metric.floor].encoder == best.encoder, name


def test_what_is_known_of_identical_sets(data: ImageData) -> None:
    exact = {"frechet": 0, "mind": 0, "precision": 1, "recall": 1, "coverage": 1, "diversity": 1, "sharpness": 1,
             "high_frequency": 1, "class_divergence": 0, "missing_classes": 0, "copying": 0, "mse": 0, "ssim": 1,
             "feature_distance": 0, "reconstruction_frechet": 0, "reconstruction_sharpness": 1, "rare_share": 1,
             "rare_coverage": 1, "elbo": 20, "iwae": 20}  # fmt: skip
    found = measured(subject(data, True, Unasked), data, list(exact))
    assert {name: score.value for name, score in found.items()} == pytest.approx(exact, abs=1e-6)


@pytest.mark.parametrize("measure", MEASURES)
def test_it_is_refused_where_it_does_not_apply(measure: str, data: ImageData, tmp_path: Path) -> None:
    asked, settings = names(measure), EvaluationSettings(metrics=names(measure), **SETTINGS)
    images = subject(data, True).images
    found = list(measured(subject(data, True, Bare), data, asked).values())
    found += evaluate_images(images, data, settings)
    found += compare_images(images, images.flip(0), settings)
    assert [score.metric for score in found] == 3 * asked
    for score in found:
        assert is_refused(score) or score.value is not None or score.warnings, score
    write_scores(tmp_path / "scores.json", found, metrics())
    assert read_scores(tmp_path / "scores.json") == (found, {name: metrics()[name] for name in asked})


class Brightness(Measure):
    """Mean grey value of samples over that of real images, and of test images: with a watcher and a refusal."""

    metrics = (
        Metric(
            name="brightness",
            label="Brightness",
            unit="× real images",
            direction="towards",
            target=1.0,
            meaning="Mean grey value of samples over that of real images.",
            comparable="Comparable only when the images agree.",
        ),
        Metric(
            name="layers",
            label="Layers",
            meaning="Roles of the model.",
            comparable="Comparable only when both are models.",
            by_default=False,
        ),
    )

    def lacks(self, context: Context) -> Fact | None:
        return None if context.model is not None else Fact(code="does_not_apply")

    def watcher(self, context: Context) -> Any:
        return lambda images: {"grey": images.double().flatten(1).mean(1)}

    def scores(self, context: Context) -> Iterator[Score]:
        assert context.model is not None
        real = context.real_numbers("brightness", context.watchers["brightness"])["grey"]
        found = ratio_estimate(context.numbers("brightness")["grey"], real)
        further = context.protocol.model_copy(update={"further": {"grey": "mean of channels"}})
        yield context.score("brightness", found, n=context.n, split=context.split, protocol=further)
        roles = torch.ones(len(context.model.parameters))
        yield context.score("layers", mean_estimate(roles), protocol=Protocol(counted_by="networks"))


@pytest.fixture
def brightness() -> Iterator[None]:
    registry.measures.register("brightness")(Brightness)
    yield
    registry.measures.remove("brightness")


@pytest.mark.usefixtures("brightness")
def test_a_measure_from_outside_is_listed_measured_and_refused(data: ImageData, tmp_path: Path) -> None:
    assert {"brightness", "layers"} <= {row["name"] for row in rows("metrics")}
    test_its_words_are_complete("brightness")
    test_the_real_images_themselves_are_better_than_noise("brightness", data)
    test_it_is_refused_where_it_does_not_apply("brightness", data, tmp_path)
    found = evaluate(subject(data, False), data, EvaluationSettings(**SETTINGS))
    (own,) = [score for score in found if score.metric == "brightness"]
    assert own.value is not None and own.value > 1.5 and own.protocol.further == {"grey": "mean of channels"}
    assert "layers" not in {score.metric for score in found}, "measured only where it is named"


def test_a_measure_that_is_gone_is_unknown(data: ImageData) -> None:
    with pytest.raises(ParibusError, match="Unknown metric 'brightness'"):
        evaluate(subject(data, True), data, EvaluationSettings(metrics=["brightness"]))


def test_the_table_of_the_documents_is_the_registrys() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert rewritten(page) == page, "python docs/metrics_table.py"
