"""What was found in the data is on the terminal before training, whatever command loads them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import QUICK, Paribus

FOUND = "faces: WARNING: all pixels lie between 0 and 1, of 0 to 255"
ALSO = "faces: Split 80:20 into training and test images by a fixed seed."


@pytest.fixture
def masks(paribus: Paribus) -> Paribus:
    (paribus.folder / "faces").mkdir()
    for k, mask in enumerate(np.random.default_rng(0).integers(0, 2, (400, 8, 8), np.uint8)):
        Image.fromarray(mask).save(paribus.folder / "faces" / f"{k}.png")
    return paribus


def test_every_command_says_what_it_found(masks: Paribus) -> None:
    scored = ["-o", "evaluation.encoder=pixels", "-o", "evaluation.metrics=[kid]", "-o", "evaluation.samples=64"]
    common = ["--data", "faces", "--budget", "64img", *QUICK]
    (masks.folder / "study.yaml").write_text(
        "name: s\ndata: {name: faces}\naxes: {model: [vae]}\nseeds: 1\nbudget: 64img\n"
        "overrides:\n  backbone: {width: 8}\n"
        "  evaluation: {encoder: pixels, metrics: [kid], samples: 64}\n"
    )
    for command in (
        ["train", "vae", "--out", "run", *common, *scored],
        ["evaluate", "run", "--samples", "64", "--metrics", "kid", "-o", "evaluation.encoder=pixels"],
        ["compare", "--models", "vae", "--seeds", "1", "--out", "two", *common, *scored],
        ["study", "run", "study.yaml", "--out", "three"],
        [
            "tune",
            "vae",
            "--data",
            "faces",
            "--budget",
            "64img",
            "--trials",
            "1",
            "--top",
            "1",
            "--seeds",
            "1",
            "--search",
            "objective.latent_dim=8..16",
            "--out",
            "four",
            *QUICK,
            *scored,
        ],
    ):
        said = masks(*command).stderr.splitlines()
        assert sum(line.startswith(FOUND) for line in said) == 1, command
        assert ALSO in said, command
        first = next(k for k, line in enumerate(said) if line.startswith(FOUND))
        training = [k for k, line in enumerate(said) if "training on" in line]
        assert not training or first < training[0], command
