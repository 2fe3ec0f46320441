"""Tiny data and tiny configurations for tests of the whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import settings

from paribus.config.overrides import merged
from paribus.data import ImageData, Split
from paribus.recipes import RunConfig, resolve

# the tests' networks are tiny: more threads only get into each other's way
os.environ.setdefault("OMP_NUM_THREADS", "1")
torch.set_num_threads(1)

# the same examples in each run, so that a change fails where it is made; HYPOTHESIS_PROFILE=default looks for new ones
settings.register_profile("fixed", derandomize=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))

CHROMIUM = Path("/usr/bin/chromium")
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

DATA = os.environ.get("PARIBUS_DATA")
needs_real_data = pytest.mark.skipif(not DATA, reason="PARIBUS_DATA names no folder of real data sets")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARIBUS_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


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


def of_classes(labels: torch.Tensor, asked: torch.Tensor) -> torch.Tensor:
    """Rows of images with these labels that are of the classes that were asked for, each class's in turn."""
    rows = torch.empty_like(asked)
    for label in asked.unique():
        own, places = (labels == label).nonzero().flatten(), (asked == label).nonzero().flatten()
        rows[places] = own[torch.arange(len(places)) % len(own)]
    return rows


def tiny_config(model: str = "gan", *overrides: str, **parts: Any) -> RunConfig:
    """A preset with small networks and short training."""
    width = {"backbone": {"width": 8}, "objective": {"latent_dim": 4}}
    training = {"training": {"batch_size": 8, "budget": "6updates", "threads": 1, "snapshots": []}}
    return resolve(model, merged(merged(width, training), parts), overrides=overrides)


def fit_in(folder: Path, config: RunConfig, data: ImageData, **arguments: Any) -> Any:
    """What `fit` makes of a configuration in a folder of its own."""
    from paribus.results.folder import RunFolder
    from paribus.training.loop import fit, prepare

    return fit(prepare(config, data), RunFolder(folder), **arguments)


QUICK = ("training.batch_size=64", "backbone.width=32", "training.budget=40updates", "evaluation.inversion_steps=25")


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Folders of tiny runs on digits, each trained once, by model and overrides."""
    from paribus.data import load_data
    from paribus.results.folder import RunFolder
    from paribus.runs.run import complete_run

    folder, made = tmp_path_factory.mktemp("runs"), {}

    def run(model: str, *overrides: str, data: str = "digits") -> Path:
        key = (model, *overrides, data)
        if key not in made:
            config = tiny_config(model, *QUICK, *overrides, data={"name": data})
            made[key] = folder / str(len(made))
            complete_run(config, load_data(data), RunFolder(made[key]), score=False)
        return made[key]

    return run


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A headless chromium; without one the test is skipped, and fails under `make browser-test`."""
    missing = None if CHROMIUM.exists() else f"needs Debian's chromium at {CHROMIUM}"
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        missing = "needs the playwright package"
    if missing:
        (pytest.fail if os.environ.get("PARIBUS_BROWSER_REQUIRED") else pytest.skip)(missing)
    with sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield opened
        opened.close()
