"""Inception as one of the encoders of an evaluation; random weights up to its first tap."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from benchmarks.plain_inception import PlainInception
from paribus.config import EvaluationSettings
from paribus.data import ImageData
from paribus.errors import ParibusError
from paribus.evaluation import compare_images, evaluate_images
from paribus.evaluation.encoding import choice
from paribus.experiment import train
from paribus.metrics import inception_weights
from paribus.metrics.distances import frechet_distance


@pytest.fixture(scope="module")
def network() -> PlainInception:
    network = PlainInception()
    network(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), last=64)
    return network


@pytest.fixture(scope="module")
def weights(network: PlainInception, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "first.safetensors"
    save_file(network.state, path)
    return path


@pytest.fixture(autouse=True)
def _no_download(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PARIBUS_INCEPTION", raising=False)
    monkeypatch.setattr(inception_weights, "is_reachable", lambda *_: False)


def settings(weights: Path | None, **more: Any) -> EvaluationSettings:
    return EvaluationSettings(samples=64, metrics=["frechet"], inception_weights=weights and str(weights), **more)


def test_a_data_set_is_seen_through_inception(tiny_data: ImageData, network: PlainInception, weights: Path) -> None:
    images, seen = tiny_data.train.images[:12], []
    asked = settings(weights, encoder="inception-64")
    (entry,) = evaluate_images(images, tiny_data, asked, progress=lambda *stage: seen.append(stage))
    assert entry["encoder"].startswith("inception-64-") and entry["n"] == 12
    assert ("encoding test images (inception-64)", 12, 12) in seen
    real = tiny_data.test.images[choice(24, 12)]
    real, fake = (network(part.expand(-1, 3, -1, -1), last=64)[64] for part in (real, images))
    assert entry["value"] == pytest.approx(frechet_distance(real, fake), rel=1e-4)


def test_given_weights_add_inception_to_the_first_encoder(tiny_data: ImageData, weights: Path) -> None:
    images = tiny_data.test.images
    entries = compare_images(images[:12], images[12:], settings(weights))
    assert [entry["encoder"].rpartition("-")[0] for entry in entries] == ["pixels", "inception-64"]
    entries = compare_images(images[:12], images[12:], settings(weights, encoder="inception-64"))
    assert [entry["encoder"].rpartition("-")[0] for entry in entries] == ["inception-64"]


def test_bf16_is_another_encoder(tiny_data: ImageData, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_INCEPTION", str(weights))
    images = tiny_data.test.images
    asked = settings(None, encoder="inception-64", inception_precision="bf16")
    (entry,) = compare_images(images[:12], images[12:], asked)
    assert entry["encoder"].startswith("inception-64-bf16-")


def test_what_the_file_does_not_suffice_for_is_refused(tiny_data: ImageData, weights: Path) -> None:
    images = tiny_data.test.images
    with pytest.raises(ParibusError, match="lacks weights that inception-2048 needs"):
        compare_images(images[:12], images[12:], settings(weights, encoder="inception-2048"))
    with pytest.raises(ParibusError, match=r"'inception-512'\. Did you mean 'inception-"):
        compare_images(images[:12], images[12:], settings(weights, encoder="inception-512"))
    with pytest.raises(ParibusError, match="do not fit those"):
        compare_images(images[:12, :, :7, :7], images[12:], settings(weights, encoder="inception-64"))


def test_missing_weights_are_told_before_training(tiny_data: ImageData, tmp_path: Path) -> None:
    with pytest.raises(ParibusError, match="cannot be downloaded"):
        train("gan", tiny_data, out=tmp_path / "run", overrides=["evaluation.encoder=inception-64"])
    assert not (tmp_path / "run" / "metrics.jsonl").exists()
