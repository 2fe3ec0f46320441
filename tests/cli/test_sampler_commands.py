"""Samplers from the command line: set before training, or asked for afterwards."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import QUICK, Paribus

SAMPLER = ["-o", "sampler.components=3", "-o", "sampler.updates=30"]


def images(path: Path) -> np.ndarray:
    with np.load(path) as arrays:
        return arrays["images"]


def test_a_sampler_before_and_after_training(paribus: Paribus) -> None:
    command = ["train", "vae", "--budget", "2epochs", *QUICK, *SAMPLER]
    paribus(*command, "--no-score", "--out", "plain")
    paribus(*command, "--out", "gmm", "-o", "sampler.name=gmm")
    done = json.loads((paribus.folder / "gmm" / "done.json").read_text())
    assert done["sampler_seconds"] > 0
    assert done["model_sha256"] == json.loads((paribus.folder / "plain" / "done.json").read_text())["model_sha256"]

    paribus("sample", "gmm", "-n", "20", "--out", "own.npz")
    paribus("sample", "plain", "-n", "20", "--sampler", "gmm", "--out", "later.npz")
    paribus("sample", "plain", "-n", "20", "--out", "plain.npz")
    paribus("sample", "gmm", "-n", "20", "--sampler", "prior", "--out", "prior.npz")
    own, later, plain, prior = (images(paribus.folder / f"{name}.npz") for name in ("own", "later", "plain", "prior"))
    assert np.array_equal(own, later)
    assert np.array_equal(plain, prior)
    assert not np.array_equal(own, plain)
    [kept] = (paribus.folder / "plain" / "samplers").iterdir()
    written = kept.stat().st_mtime_ns

    names = "kid,prior_kid,reconstruction_kid"
    scores = json.loads(paribus("evaluate", "plain", "--sampler", "gmm", "--metrics", names, "--json").stdout)
    assert kept.stat().st_mtime_ns == written, "the sampler was fitted again"
    stored = {score["metric"]: score for score in json.loads((paribus.folder / "gmm" / "evaluation.json").read_text())
              if score["weights"] == "last"}  # fmt: skip
    assert [score["metric"] for score in scores] == ["kid", "prior_kid", "reconstruction_kid"]
    for score in scores:
        assert score["value"] == pytest.approx(stored[score["metric"]]["value"], rel=1e-6)
        assert score["protocol"] == stored[score["metric"]]["protocol"]
    fewer = ["--sampler", "gmm", "-o", "sampler.components=2", "--metrics", "kid", "--json"]
    [score] = json.loads(paribus("evaluate", "plain", *fewer).stdout)
    assert score["value"] != scores[0]["value"]

    paribus("train", "vae", "--out", "gmm", "--resume")
    assert json.loads((paribus.folder / "gmm" / "done.json").read_text()) == done
    paribus("report", "gmm")
    report = (paribus.folder / "gmm" / "report.html").read_text()
    assert "Latents from a mixture of Gaussians (gmm) fitted to training latents" in report
    assert "sampler.components=3" in report  # in the command


def test_samplers_that_cannot_be(paribus: Paribus) -> None:
    error = paribus("train", "gan", "-o", "sampler.name=gmm", "--out", "run", code=2).stderr
    assert error.startswith("paribus: The sampler 'gmm' is fitted to latents, and 'gan' has no encoder.")
    assert "where:    sampler.name" in error
    assert not (paribus.folder / "run").exists()

    paribus("train", "gan", "--budget", "2updates", "--no-score", "--out", "gan", *QUICK)
    assert "'gan' has no encoder" in paribus("sample", "gan", "--sampler", "two-stage", code=2).stderr
    assert "'prior', 'gmm' or 'two-stage'" in paribus("evaluate", "gan", "--sampler", "gm", code=2).stderr


def test_a_sampler_needs_the_runs_own_images(paribus: Paribus) -> None:
    data = paribus.folder / "data.npz"
    made = np.random.default_rng(0).integers(0, 255, (120, 8, 8), dtype=np.uint8)
    np.savez(data, images=made)
    command = ["train", "vae", "--data", "data.npz", "--budget", "2updates", "--no-score", "--out", "run", *QUICK]
    paribus(*command)
    np.savez(data, images=255 - made)
    error = paribus("sample", "run", "--sampler", "gmm", code=2).stderr
    assert "and they are unavailable" in error
    assert "images with another fingerprint" in error
    data.unlink()
    error = paribus("evaluate", "run", "--sampler", "gmm", code=2).stderr
    assert "and they are unavailable" in error
    assert "where:    data '" in error
    assert "--sampler prior" in error
    paribus("sample", "run", "-n", "4", "--sampler", "prior", "--out", "still.png")
