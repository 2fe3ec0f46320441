"""Real data sets, minutes of work: `make test-slow` with PARIBUS_DATA."""

from __future__ import annotations

from pathlib import Path

import pytest

import paribus as pb
from paribus.experiment import Run
from tests.conftest import needs_real_data

pytestmark = [pytest.mark.slow, needs_real_data]


def values(run: Run) -> dict[str, float]:
    return {score["metric"]: score["value"] for score in run.scores}


def test_vae_on_mnist(tmp_path: Path) -> None:
    """With z 16 the bound on test images gets to 103 nats (grey pixels, cross-entropy: a surrogate)."""
    run = pb.train("vae", "mnist", budget="1000kimg", out=tmp_path / "run", overrides=["objective.latent_dim=16"])
    assert values(run)["elbo"] <= 105
    assert values(run)["active_units"] >= 12


def test_dcgan_on_mnist(tmp_path: Path) -> None:
    """Samples within 8 times of the real-against-real floor, every class among them, after 100,000 images."""
    run = pb.train("dcgan", "mnist", budget="100kimg", out=tmp_path / "run", overrides=["backbone.width=32"])
    scores = values(run)
    assert scores["frechet"] <= 8 * scores["floor_frechet"]
    assert scores["missing_classes"] == 0
    assert scores["precision"] > 0.5


@pytest.mark.parametrize(("data", "size"), [("lfw", 45), ("anime-faces", 64)])
@pytest.mark.parametrize("model", ["dcgan", "conv-vae"])
def test_faces_train_and_are_scored_without_labels(data: str, size: int, model: str, tmp_path: Path) -> None:
    overrides = ["backbone.width=16", f"data.size={size}", "evaluation.samples=500"]
    run = pb.train(model, data, budget="3kimg", out=tmp_path / "run", overrides=overrides)
    assert {score["encoder"] for score in run.scores if score["metric"] == "kid"} != {None}
    assert all(score["encoder"].startswith("pixels") for score in run.scores if score["encoder"])
    assert run.model.sample(2).shape == (2, 3, size, size)
