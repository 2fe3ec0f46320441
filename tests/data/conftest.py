from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(autouse=True)
def _own_places(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, request) -> None:
    place = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("PARIBUS_CACHE", str(place / "paribus"))
    monkeypatch.setenv("HF_DATASETS_CACHE", str(place / "datasets"))
    monkeypatch.delenv("PARIBUS_MEMMAP", raising=False)
    if "slow" not in request.keywords:
        monkeypatch.delenv("PARIBUS_DATA", raising=False)


@pytest.fixture
def stored_data() -> Path:
    place = os.environ.get("PARIBUS_DATA")
    if not place or not Path(place).is_dir():
        pytest.skip("PARIBUS_DATA names no folder of real data sets")
    return Path(place)


@pytest.fixture
def pixels() -> Callable[..., np.ndarray]:
    def make(*shape: int, seed: int = 0) -> np.ndarray:
        return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)

    return make


@pytest.fixture
def image_files(pixels) -> Callable[..., list[Path]]:
    """Writes `count` grey PNG files of random pixels into a folder."""

    def make(folder: Path, count: int = 20, size: int = 8, seed: int = 0) -> list[Path]:
        folder.mkdir(parents=True, exist_ok=True)
        files = [folder / f"{i:03}.png" for i in range(count)]
        for file, content in zip(files, pixels(count, size, size, seed=seed), strict=True):
            Image.fromarray(content).save(file)
        return files

    return make
