"""Protocols, facts and settings in words."""

from __future__ import annotations

from typing import Any

import pytest

from paribus.recipes import RunConfig
from paribus.results.protocol import Descent, ImageForm, ImageSet, Protocol, Timing
from paribus.results.score import EncoderRecord, Fact
from paribus.results.words import Statement, encoder_words, fact_words, protocol_words, statement, words_of
from paribus.results.words.settings import WORDS
from tests.conftest import tiny_config


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("backbone.name", "Backbone"),
        ("training.optimizer.G.learning_rate", "Learning rate of the generator or decoder"),
        ("training.optimizer.D.eps", "Epsilon of the discriminator"),
        ("training.optimizer.X.kind", "Optimiser of X"),
        ("objective.kl_warmup_images", "KL warmup images (objective)"),
        ("objective.something_new.inner", "Something new inner (objective)"),
    ],
)
def test_a_path_in_words(path: str, words: str) -> None:
    assert words_of(path) == words


def test_a_setting_is_stated_with_its_path() -> None:
    path = "training.batch_size"
    varied = Fact(code="setting", figures={"path": path, "values": ("64", "128"), "models": (("gan",), ("vae", "aae"))})
    assert statement(varied) == Statement("Images in a batch", "64 (gan); 128 (vae, aae).", path, 2)
    equal = Fact(code="setting", figures={"path": path, "values": ("64",)})
    assert str(statement(equal)) == "Images in a batch: 64 for every model."
    samplers = {"path": "sampler.name", "values": ("two-stage", "prior"), "models": (("vae",), ("gan",))}
    said = (
        "a second VAE (two-stage) fitted to training latents after training, outside the budget (vae); the prior (gan)."
    )
    assert statement(Fact(code="setting", figures=samplers)).text == said


def test_facts_of_other_kinds_are_stated() -> None:
    seeds = statement(Fact(code="seeds", figures={"seeds": (0, 1)}))
    assert str(seeds) == "Seeds: 0, 1 (initial weights, order of the images, noise)."
    reached = {"target": 1000, "tolerance": 0.02, "models": ("gan", "vae"), "widths": (8, 16), "reached": (1010, 990)}
    assert "8 with 1,010, +1.0% (gan); 16 with 990, -1.0% (vae)" in str(
        statement(Fact(code="parameters", figures=reached))
    )
    encoders = {"encoders": ("classifier", "pixels"), "samples": 10_000, "seed": 0, "split": "test"}
    assert "the same 2 encoders (classifier, pixels; the first ranks)" in str(
        statement(Fact(code="evaluation", figures=encoders))
    )


def test_codes_of_a_plugin_read_well() -> None:
    assert fact_words(Fact(code="too_dark", figures={"mean_level": 0.1, "worst": ("a", "b")})) == (
        "too dark (mean level 0.1, worst a and b)"
    )
    assert str(statement(Fact(code="same_lamp", figures={"watts": 60}))) == "Same lamp: same lamp (watts 60)."


def test_facts_come_back_from_json_as_they_were() -> None:
    for figures in (
        {"n": 3, "least": 10}, {"share": 0.5}, {"classes": ("a", "b"), "count": 2}, {"seeds": (0, 1)},
        {"values": ("1",), "models": (("a", "b"), ("c",))},
    ):  # fmt: skip
        fact = Fact(code="any", figures=figures)
        assert Fact.model_validate_json(fact.model_dump_json()) == fact


def test_protocols_in_words() -> None:
    test, form = ImageSet(origin="test", count=359), ImageForm(height=8, width=8, channels=1)
    samples = Protocol(images=ImageSet(origin="samples", count=359), reference=test, form=form, seed=0)
    assert protocol_words(samples) == "359 samples (seed 0, uint8 8x8x1) against all 359 test images"
    part = ImageSet(origin="test", count=64, whole=False)
    descent = Descent(steps=200, starts=2, candidates=16, prior_weight=0.01)
    inverted = Protocol(images=ImageSet(origin="inversions", count=64), reference=part, descent=descent, seed=0)
    assert protocol_words(inverted) == (
        "64 inversions, found by 200 steps of Adam on the squared error plus 0.01 of the latents' mean square from "
        "each of the 2 best of 16 latents of the prior (seed 0) against 64 test images (fixed choice)"
    )
    timing = Protocol(timing=Timing(batches=5, batch_size=64, threads=1))
    assert protocol_words(timing) == "median of 5 batches of 64, 1 thread"
    assert protocol_words(Protocol(counted_by="training")) == "counted by the training run"
    assert protocol_words(Protocol(further={"lamp_watts": 60.0})) == "lamp watts 60.0"
    assert protocol_words(Protocol()) == ""


def test_encoders_in_words() -> None:
    judge = EncoderRecord(name="classifier", id="classifier-3f9a", accuracy=0.9886)
    assert encoder_words(judge) == "classifier-3f9a, a classifier of 98.9\u202f% test accuracy"
    assert encoder_words(EncoderRecord(name="inception-768", id="inception-768-a")).endswith("behind the FID")
    assert encoder_words(EncoderRecord(name="own", id="own-1")) == "own-1"


def test_words_are_of_settings_that_exist() -> None:
    def paths(tree: dict[str, Any], prefix: str = "") -> set[str]:
        inner = [paths(v, f"{prefix}{k}.") if isinstance(v, dict) else {prefix + k} for k, v in tree.items()]
        return set().union(*inner)

    configs: list[RunConfig] = [tiny_config(name) for name in ("gan", "dcgan", "vae", "wgan", "wgan-gp", "iwae")]
    assert set(WORDS) <= set().union(*(paths(config.tree()) for config in configs))


def test_a_fact_without_its_figures_is_spelt_out() -> None:
    """A record may have been edited; whoever reads it is told what there is."""
    assert statement(Fact(code="setting", figures={"path": "x"})).text == "setting (path x)."
    assert fact_words(Fact(code="copies", figures={"n": 3})) == "copies: copies (n 3)"
