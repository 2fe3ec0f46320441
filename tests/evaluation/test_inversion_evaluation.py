"""Inversion as a metric: one protocol for models with and without an encoder, measured where it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings
from paribus.data import ImageData
from paribus.evaluation import evaluate, evaluate_images
from paribus.evaluation.encoding import choice
from paribus.evaluation.measures import metrics
from paribus.evaluation.measures.reconstruction import Inversion
from paribus.metrics.encoders import PixelEncoder
from paribus.metrics.reconstruction import squared_errors, structural_similarities
from paribus.models.model import to_bytes
from paribus.results.protocol import Descent, ImageForm, ImageSet, Protocol
from paribus.results.score import Fact, Score
from tests.conftest import fit_in, made_data, tiny_config

NAMES = [metric.name for metric in Inversion.metrics]


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed % 1000))


class Linear:
    """Classes' mean images plus A z, rounded; as a model without an encoder."""

    seed = 0
    can_encode, has_log_weights, likelihood, sampler_words = False, False, None, None
    parameters = {"G": 5}  # noqa: RUF012
    matrix = 0.2 * normal(3, 64, seed=3)

    def __init__(self, data: ImageData, conditional: bool = False, normal_prior: bool = True) -> None:
        images, labels = data.train.images.float() / 127.5 - 1, data.train.labels
        assert labels is not None
        self.means = torch.stack([images[labels == k].mean(0) for k in range(3)])
        self.conditional, self.prior_is_normal = conditional, normal_prior

    def with_prior(self) -> Linear:
        return self

    def latents(self, n: int, seed: int = 0) -> Tensor:
        return normal(n, 3, seed=seed)

    @property
    def classes(self) -> int:
        return 3 if self.conditional else 0

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        means = self.means[labels] if self.conditional else self.means.mean(0)
        return means + (z @ self.matrix).view(-1, 1, 8, 8)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return to_bytes(self.generate(z, labels))

    def sample_batches(self, n: int, *, labels: Any = None, seed: int = 0, rows: Any = None) -> Any:
        yield self.decode(self.latents(n, seed), labels)

    def sample(self, n: int, *, seed: int = 0) -> Tensor:
        return next(self.sample_batches(n, seed=seed))

    def nearest(self, images: Tensor, labels: Tensor | None, weight: float) -> Tensor:
        """What least squares gives, rounded: no gradient descent."""
        rest = (images.double() / 127.5 - 1 - (self.means[labels] if self.conditional else self.means.mean(0))).flatten(
            1
        )
        a = self.matrix.double()
        penalty = 4 * weight * 64 / 3 * torch.eye(3, dtype=torch.float64)  # errors are on [0, 1], images on [-1, 1]
        return self.decode(torch.linalg.solve(a @ a.T + penalty, a @ rest.T).T.float(), labels)


def scores(entries: list[Score]) -> dict[str, Score]:
    return {entry.metric: entry for entry in entries}


def settings(*metrics: str, **changes: Any) -> EvaluationSettings:
    small = {"samples": 64, "encoder": "pixels", "inversion_images": 10, "inversion_steps": 200}
    return EvaluationSettings(**(small | changes), metrics=list(metrics or NAMES))


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("normal_prior", [False, True])
def test_a_linear_model_scores_what_least_squares_leaves(conditional: bool, normal_prior: bool) -> None:
    data = made_data()
    model = Linear(data, conditional, normal_prior)
    found = scores(evaluate(model, data, settings()))
    assert list(found) == NAMES
    chosen = choice(24, 10)
    labels = data.test.labels
    assert labels is not None
    images, made = (
        data.test.images[chosen],
        model.nearest(data.test.images[chosen], labels[chosen], 1e-3 if normal_prior else 0),
    )
    mse = squared_errors(images, made).mean().item()
    assert found["inversion_mse"].value == pytest.approx(mse, rel=1e-3)
    ssim = structural_similarities(images, made).mean().item()
    assert found["inversion_ssim"].value == pytest.approx(ssim, rel=1e-3)
    pixels = PixelEncoder(data.train.images)
    features, of_made = pixels.features(images).double(), pixels.features(made).double()
    away = (features - of_made).norm(dim=1).mean().item()
    apart = torch.pdist(pixels.features(data.test.images).double()).mean().item()
    assert found["inversion_feature_distance"].value == pytest.approx(away / apart, rel=0.15)
    assert found["inversion_psnr"].protocol == Protocol(
        images=ImageSet(origin="inversions", count=10),
        reference=ImageSet(origin="test", count=10, whole=False),
        form=ImageForm(height=8, width=8, channels=1),
        seed=0,
        descent=Descent(steps=200, starts=2, candidates=32, prior_weight=1e-3 if normal_prior else 0),
    )
    assert {entry.n for entry in found.values()} == {10}
    encoders = [entry.encoder for entry in found.values()]
    assert encoders[:3] == [None] * 3 and encoders[3].id.startswith("pixels-")


def test_settings_change_what_is_done_and_the_protocol() -> None:
    data, model = made_data(), Linear(made_data())
    base = scores(evaluate(model, data, settings("inversion_mse", inversion_steps=5)))["inversion_mse"]
    assert evaluate(model, data, settings("inversion_mse", inversion_steps=5)) == [base]
    for change in ({"inversion_steps": 6}, {"inversion_starts": 3}, {"inversion_images": 12}, {"seed": 1}):
        other = scores(evaluate(model, data, settings("inversion_mse", **({"inversion_steps": 5} | change))))
        assert other["inversion_mse"].value != base.value, change
        assert other["inversion_mse"].protocol != base.protocol, change


def test_inversion_is_measured_where_it_is_named_and_default_stands_for_the_rest(monkeypatch: Any) -> None:
    data, model = made_data(), Linear(made_data())
    everything = scores(evaluate(model, data, settings("default", "inversion_mse")))
    assert everything["inversion_mse"].value is not None
    monkeypatch.setattr("paribus.evaluation.measures.reconstruction.inverted_latents", None)
    plain = scores(evaluate(model, data, settings().model_copy(update={"metrics": None})))
    assert not set(NAMES) & set(plain) and set(plain) | {"inversion_mse"} == set(everything)
    assert "elbo" not in everything and not everything["parameters"].warnings
    given = scores(evaluate_images(model.sample(64), data, settings("inversion_mse")))["inversion_mse"]
    assert given.value is None and given.warnings == (Fact(code="no_decoder"),)


def test_progress_counts_steps() -> None:
    told: list[tuple[int, int]] = []

    def progress(stage: str, done: int, total: int) -> None:
        if stage == "inverting test images, step":
            told.append((done, total))

    evaluate(Linear(made_data()), made_data(), settings("inversion_mse", inversion_steps=5), progress=progress)
    assert told == [(step, 10) for step in range(1, 11)]


def test_a_real_vae_is_scored_by_both_and_a_conditional_model_needs_classes(tmp_path: Any) -> None:
    data = made_data(n=200)
    config = tiny_config("cvae", "training.budget=300updates")
    model = fit_in(tmp_path, config, data).model
    found = scores(evaluate(model, data, settings("mse", "feature_distance", *NAMES, inversion_images=24)))
    assert found["inversion_mse"].value < found["mse"].value
    assert found["inversion_mse"].n == found["mse"].n == 24
    assert 0 < found["feature_distance"].value < 1.5
    assert found["feature_distance"].protocol.pairs_among == ImageSet(origin="test", count=24)
    bare = replace(data, test=replace(data.test, labels=None))
    with pytest.raises(ParibusError, match="needs labels"):
        evaluate(model, bare, settings("inversion_mse"))


def test_metrics_of_a_study_say_where_they_are() -> None:
    names = ["seed_spread", "snapshot_spread", "failed_seeds"]
    entries = evaluate(Linear(made_data()), made_data(), settings(*names))
    assert [entry.warnings for entry in entries] == [(Fact(code="measured_over_a_study"),)] * 3
    assert set(names) <= set(metrics())
