"""Tiny data and tiny configurations for tests of the whole."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

from paribus.config import RunConfig
from paribus.data import ImageData, Split
from paribus.overrides import merged
from paribus.recipes import resolve

# the tests' networks are tiny: more threads only get into each other's way
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)

# the same examples in each run, so that a change fails where it is made; HYPOTHESIS_PROFILE=default looks for new ones
settings.register_profile("fixed", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

DATA = os.environ.get("PARIBUS_DATA")
needs_real_data = pytest.mark.skipif(not DATA, reason="PARIBUS_DATA names no folder of real data sets")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@pytest.fixture
def tiny_data() -> ImageData:
    return made_data()


def made_data(size: int = 8, channels: int = 1, classes: int = 3, n: int = 40) -> ImageData:
    """Random images in which a bright quadrant tells the class."""
    generator = torch.Generator().manual_seed(0)

    def split(count: int) -> Split:
        labels = torch.randint(classes, (count,), generator=generator)
        images = torch.randint(0, 120, (count, channels, size, size), generator=generator, dtype=torch.uint8)
        for image, label in zip(images, labels.tolist(), strict=True):
            row, column = divmod(label, 2)
            half = size // 2
            image[:, row * half : (row + 1) * half, column * half : (column + 1) * half] += 120
        return Split(images, labels)

    names = tuple("abcdefgh"[:classes])
    return ImageData("made", split(n), split(16), split(24), names, f"made-{size}-{channels}-{classes}-{n}")


def tiny_config(model: str = "gan", *overrides: str, **parts: Any) -> RunConfig:
    """A preset with small networks and short training."""
    width = {"backbone": {"width": 8}, "objective": {"latent_dim": 4}}
    training = {"training": {"batch_size": 8, "budget": "6updates", "threads": 1, "snapshots": []}}
    return resolve(model, merged(merged(width, training), parts), overrides=overrides)


def fit_in(folder: Path, config: RunConfig, data: ImageData, **arguments: Any) -> Any:
    """`fit` in a folder of its own."""
    from paribus.runs import RunFolder
    from paribus.training.loop import fit

    return fit(config, data, RunFolder(folder), **arguments)
