"""Real data sets, minutes of work: `make test-slow` with PARIBUS_DATA."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

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


@pytest.mark.parametrize(("data", "size"), [("cifar10", 32), ("lfw", 45)])
@pytest.mark.parametrize("model", ["r3gan", "biggan", "biggan-deep"])
def test_large_models_take_real_steps(model: str, data: str, size: int, tmp_path: Path) -> None:
    """At their full width: losses stay finite, G moves, and its samples differ from each other."""
    labelled = "true" if data == "cifar10" and model != "r3gan" else "false"
    overrides = [f"data.size={size}", f"objective.conditional={labelled}", "training.snapshots=[]"]
    outcomes = [
        pb.train(model, data, budget=budget, out=tmp_path / budget, overrides=overrides, score=False).model
        for budget in ("1updates", "12updates")
    ]
    lines = [json.loads(line) for line in (tmp_path / "12updates" / "metrics.jsonl").read_text().splitlines()]
    assert all(math.isfinite(value) for line in lines for value in line.values() if isinstance(value, float))
    early, late = (outcome.nets["G"].state_dict() for outcome in outcomes)
    assert any(not torch.equal(early[name], late[name]) for name in early)
    images = outcomes[1].sample(4)
    assert images.shape == (4, 3, size, size)
    assert images.float().std(0).max() > 0
