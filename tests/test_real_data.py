"""Real data sets, minutes of work: `make test-slow` with PARIBUS_DATA."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

import paribus as pb
from paribus.models import build_networks
from paribus.runs.run import Run
from tests.conftest import needs_real_data

pytestmark = [pytest.mark.slow, needs_real_data]


def values(run: Run) -> dict[str, float]:
    return {score.metric: score.value for score in run.scores}


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
    assert {score.encoder for score in run.scores if score.metric == "kid"} != {None}
    assert {score.encoder.name for score in run.scores if score.encoder} == {"self", "pixels"}
    assert run.model.sample(2).shape == (2, 3, size, size)


@pytest.mark.parametrize("data", ["cifar10", "lfw"])
@pytest.mark.parametrize("model", ["r3gan", "biggan"])
def test_the_largest_models_take_real_steps(model: str, data: str, tmp_path: Path) -> None:
    """At the presets' full width: each update is finite, moves every network, and the samples are images."""
    changes = ["training.batch_size=8", *(["objective.conditional=false"] if data == "lfw" else [])]
    run = pb.train(model, data, budget="2updates", out=tmp_path / "run", overrides=changes, score=False)
    lines = [json.loads(line) for line in (run.folder.path / "metrics.jsonl").read_text().splitlines()]
    assert lines[-1]["images"] >= 16 and all(math.isfinite(line["D/loss"] + line["G/loss"]) for line in lines)
    first = build_networks(run.model.config, run.model.image)
    for role, net in run.model.nets.items():
        moved = [not torch.equal(a, b) for a, b in zip(net.parameters(), first[role].parameters(), strict=True)]
        assert all(moved), f"{role}: {moved.count(False)} of {len(moved)} weights stood still"
    samples = run.model.sample(2)
    assert samples.shape == (2, 3, run.model.image.size, run.model.image.size)
    assert samples.float().std() > 1
