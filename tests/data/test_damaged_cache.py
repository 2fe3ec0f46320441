"""An entry of the cache of decoded images that is not as it was written is replaced."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from paribus.base.cache import clean_cache
from paribus.data import ImageData, load_data


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARIBUS_MEMMAP", "1")
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "cache"))
    random = np.random.default_rng(0)
    for k in range(60):
        file = tmp_path / "pictures" / "ab"[k % 2] / f"{k}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 256, (8, 8), dtype=np.uint8)).save(file)
    return tmp_path / "pictures"


def same(data: ImageData, other: ImageData) -> bool:
    def parts(of: ImageData) -> list[torch.Tensor]:
        return [part for split in (of.train, of.test) for part in (split.images, split.labels) if part is not None]

    return data.fingerprint == other.fingerprint and all(
        torch.equal(mine, others) for mine, others in zip(parts(data), parts(other), strict=True)
    )


def written(path: Path, content: bytes) -> None:
    """As another file of that name: the one before it is mapped by this process."""
    path.unlink()
    path.write_bytes(content)


def cut(path: Path) -> None:
    written(path, path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) * 3 // 5] ^= 4
    written(path, bytes(content))


def empty(path: Path) -> None:
    written(path, b"")


@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
@pytest.mark.parametrize("name", ["train.npy", "test.npy", "labels.npz", "outcome.json"])
def test_a_damaged_entry_is_replaced(name: str, damage: object, pictures: Path) -> None:
    whole = load_data(pictures)
    [entry] = (path for path in (pictures.parent / "cache" / "data").iterdir() if path.is_dir())
    good = (entry / "train.npy").read_bytes()
    damage(entry / name)  # type: ignore[operator]
    again = load_data(pictures)
    assert same(again, whole)
    assert again.notes == whole.notes
    assert (entry / "train.npy").read_bytes() == good
    assert [path.name for path in entry.parent.iterdir() if path.is_dir()] == [entry.name]


def test_a_whole_entry_is_not_decoded_again(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = load_data(pictures)

    def fail(*arguments: object) -> None:
        raise AssertionError

    monkeypatch.setattr("paribus.data.assembly.surveyed", fail)
    assert same(load_data(pictures), whole)


@pytest.mark.parametrize("damage", [cut, flip, empty, Path.unlink])
def test_a_damaged_copy_of_an_archive_is_replaced(
    damage: object, pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARIBUS_MEMMAP", "0")
    packed = Path(shutil.make_archive(str(pictures.parent / "packed"), "zip", pictures))
    with zipfile.ZipFile(packed, "a") as archive:
        archive.writestr("a/note.txt", "of the photographer's")
    whole = load_data(packed)
    [file] = (pictures.parent / "cache").rglob("7.png")
    damage(file)  # type: ignore[operator]
    assert same(load_data(packed), whole)


@pytest.mark.parametrize("damage", [cut, flip, empty])
def test_images_that_were_in_memory_are_kept_again_where_the_file_is_damaged(
    damage: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert callable(damage)
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path))
    images = np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8)
    first = load_data(images)
    [file] = (tmp_path / "memory").glob("*.npz")
    damage(file)
    again = load_data(images)
    assert again.name == first.name and same(load_data(first.name), first)


def test_everything_that_is_kept_of_images_goes_from_the_cache(pictures: Path) -> None:
    cache = pictures.parent / "cache"
    archive = Path(shutil.make_archive(str(pictures.parent / "set"), "zip", pictures))
    load_data(archive)
    load_data(np.random.default_rng(0).integers(0, 256, (60, 8, 8), dtype=np.uint8))
    assert any(cache.rglob("0.png")) and any(cache.rglob("memory/*.npz"))
    assert clean_cache(cache) > 0
    assert not cache.exists()
