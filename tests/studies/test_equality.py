"""What is said to be equal and to vary is read off the configurations."""

from __future__ import annotations

from paribus.studies.equality import what_varied, what_was_equal
from tests.conftest import made_data, tiny_config


def test_only_differences_are_named() -> None:
    configs = {(model, 0): tiny_config(model) for model in ("gan", "dcgan")}
    sentences = what_varied(configs)
    assert "backbone.name: mlp (gan); dcgan (dcgan)." in sentences
    assert not any("batch_size" in sentence or "budget" in sentence for sentence in sentences)
    assert not any(sentence.startswith("seed") for sentence in sentences)
    equal = what_was_equal(configs, made_data())
    assert "training.batch_size: 8 for every model." in equal
    assert any("40 training images of made (8x8, grey)" in sentence for sentence in equal)


def test_seeds_vary() -> None:
    configs = {("gan", seed): tiny_config("gan", f"seed={seed}") for seed in (0, 1)}
    assert what_varied(configs) == ["seed: 0, 1 (initial weights, order of the images, noise)."]
