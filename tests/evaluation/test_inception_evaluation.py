"""Inception as one of the encoders of an evaluation; random weights up to its first tap."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmarks.plain_inception import PlainInception
from paribus.base.errors import ParibusError
from paribus.commands.train import train
from paribus.config import EvaluationSettings
from paribus.data import ImageData
from paribus.evaluation import compare_images, evaluate_images, select_best_snapshot
from paribus.evaluation.encoders import check_encoders
from paribus.evaluation.encoding import choice, silent
from paribus.metrics import inception_weights
from paribus.metrics.distances import frechet_distance
from paribus.metrics.inception import InceptionNetwork


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
    assert entry.encoder.id.startswith("inception-64-") and entry.n == 12
    assert ("encoding test images (inception-64)", 12, 12) in seen
    real = tiny_data.test.images[choice(24, 12)]
    real, fake = (network(part.expand(-1, 3, -1, -1), last=64)[64] for part in (real, images))
    assert entry.value == pytest.approx(frechet_distance(real, fake), rel=1e-4)


def test_given_weights_add_inception_to_the_first_encoder(tiny_data: ImageData, weights: Path) -> None:
    images = tiny_data.test.images
    entries = compare_images(images[:12], images[12:], settings(weights))
    assert [entry.encoder.id.rpartition("-")[0] for entry in entries] == ["efficientnet", "inception-64"]
    entries = compare_images(images[:12], images[12:], settings(weights, encoder="inception-64"))
    assert [entry.encoder.id.rpartition("-")[0] for entry in entries] == ["inception-64"]


def test_bf16_is_another_encoder(tiny_data: ImageData, weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_INCEPTION", str(weights))
    images = tiny_data.test.images
    asked = settings(None, encoder="inception-64", inception_precision="bf16")
    (entry,) = compare_images(images[:12], images[12:], asked)
    assert entry.encoder.id.startswith("inception-64-bf16-")


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


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> tuple[PlainInception, Path]:
    """A network of random weights with all of its layers, and the file of them."""
    network = PlainInception(seed=1)
    network(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    path = tmp_path_factory.mktemp("weights") / "full.pth"
    torch.save(network.state, path)
    return network, path


def test_the_inception_score_is_that_of_its_logits(tiny_data: ImageData, full: tuple[PlainInception, Path]) -> None:
    network, path = full
    images = tiny_data.train.images[:4]
    asked = EvaluationSettings(samples=64, metrics=["inception_score"], inception_weights=str(path))
    (entry,) = evaluate_images(images, tiny_data, asked)
    logits = network(images.expand(-1, 3, -1, -1))[1008].double() - network.state["fc.bias"].double()
    rows = logits.softmax(1)
    divergences = (rows * (rows.log() - rows.mean(0).log())).sum(1)
    assert entry.value == pytest.approx(float(divergences.mean().exp()), rel=1e-4)
    assert entry.value > 1 and entry.error > 0 and entry.n == 4
    assert entry.encoder.id.startswith("inception-2048-") and entry.split is None
    (between,) = compare_images(images, tiny_data.test.images[:4], asked)
    assert between.value == entry.value and between.encoder == entry.encoder


def test_without_the_classes_there_is_no_inception_score(tiny_data: ImageData, weights: Path) -> None:
    asked = EvaluationSettings(samples=64, metrics=["inception_score"], inception_weights=str(weights))
    (entry,) = evaluate_images(tiny_data.train.images, tiny_data, asked)
    assert entry.value is None and [fact.code for fact in entry.warnings] == ["needs_inception_classes"]


def test_layers_of_one_network_take_one_pass_and_one_reading(
    tiny_data: ImageData, full: tuple[PlainInception, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    passes, read = [], []
    run, load = InceptionNetwork.features, inception_weights._read
    monkeypatch.setattr(InceptionNetwork, "features", lambda self, x: passes.append(len(x)) or run(self, x))
    monkeypatch.setattr(inception_weights, "_read", lambda path: read.append(path) or load(path))
    asked = settings(full[1], encoder=["inception-192", "pixels", "inception-64"])
    entries = evaluate_images(tiny_data.train.images[:20], tiny_data, asked)
    assert [entry.encoder.id.rpartition("-")[0] for entry in entries] == ["inception-192", "pixels", "inception-64"]
    assert passes == [20, 20], "the samples once, the reference once"
    assert read == [full[1]]
    alone = {
        name: evaluate_images(tiny_data.train.images[:20], tiny_data, settings(full[1], encoder=name))[0].value
        for name in ("inception-192", "inception-64")
    }
    assert {
        entry.encoder.id.rpartition("-")[0]: entry.value for entry in entries if "inc" in entry.encoder.name
    } == alone
    assert passes == [20, 20, 20, 20], "the reference of each layer was kept"


def test_the_best_snapshot_is_chosen_by_the_first_encoder_alone(
    tiny_data: ImageData, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Given:
        classes, seed = 0, 0

        def sample_batches(self, n: int, *, labels: Any = None, seed: int = 0, rows: Any = None) -> Iterator[Tensor]:
            yield tiny_data.train.images[:n]

    monkeypatch.setattr(inception_weights, "_read", lambda path: pytest.fail("the second encoder's weights were read"))
    asked = settings(weights, encoder=["pixels", "inception-64"])
    (entry,) = select_best_snapshot({5: Given()}, tiny_data, asked)
    assert entry.encoder.id.startswith("pixels-") and entry.snapshot == 5


def test_the_check_before_training_reads_the_file_once(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, load = [], inception_weights._read
    monkeypatch.setattr(inception_weights, "_read", lambda path: read.append(path) or load(path))
    monkeypatch.setattr(InceptionNetwork, "__init__", lambda *_: pytest.fail("a network was built"))
    check_encoders(settings(weights, encoder=["inception-64", "inception-64", "pixels"]), None, silent)
    assert read == [weights]
    with pytest.raises(ParibusError, match="lacks weights that inception-768 needs"):
        check_encoders(settings(weights, encoder=["inception-64", "inception-768"]), None, silent)
