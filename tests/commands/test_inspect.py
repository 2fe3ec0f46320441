"""What there is to know of somebody's folder before training."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import paribus as pb
from paribus.base.errors import ParibusError
from paribus.commands.inspect import write_inspection
from paribus.data.inspection import look_at_files
from paribus.results.inspection import Inspection
from paribus.results.words.inspection import overview, remark_words, size_bins, time_words
from tests.report.test_html import Page


def picture(seed: int, width: int = 12, height: int = 12, low: int = 0, high: int = 256) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(low, high, (height, width, 3), dtype=np.uint8))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Split by hand: cats 36 to 4 dogs of training, of two sizes, with what lies about in folders."""
    place = tmp_path / "pets"
    for split, cats, dogs in (("train", 36, 4), ("test", 10, 2)):
        for name, count in (("cats", cats), ("dogs", dogs)):
            (place / split / name).mkdir(parents=True)
            for k in range(count):
                seed = k + 100 * (name == "dogs") + 1000 * (split == "test")
                picture(seed, 12 if k % 2 else 20).save(place / split / name / f"{k}.png")
    picture(3).save(place / "train/cats/again.png")  # of train/cats/3.png
    picture(5).save(place / "test/cats/seen.png")  # of train/cats/5.png
    Image.new("RGB", (12, 12), "red").save(place / "train/cats/plain.png")
    (place / "train/cats/broken.png").write_bytes(b"no picture")
    (place / "train/notes.txt").write_text("")
    (place / "train/drawing.svg").write_text("<svg/>")
    return place


@pytest.fixture
def found(folder: Path) -> Inspection:
    return pb.inspect(folder, estimate=False)


def test_files_are_counted_by_size_mode_and_kind(folder: Path) -> None:
    files = look_at_files(str(folder))
    assert files.count == 55
    assert files.sizes == ((12, 12, 29), (20, 12, 26)) and files.not_square == 26
    assert (files.modes, files.formats) == ({"RGB": 55}, {"PNG": 55})
    assert files.ignored == {".txt": 1, ".svg": 1}
    assert [file for file, _ in files.unreadable] == ["train/cats/broken.png"]


def test_a_file_with_a_whole_header_that_ends_too_early_is_unreadable_too(folder: Path) -> None:
    whole = folder / "train/cats/whole.jpg"
    picture(7, 64).save(whole)
    (folder / "train/cats/cut.jpg").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    found = pb.inspect(folder, estimate=False)
    unreadable = {file for file, _ in found.files.unreadable}
    assert unreadable == {"train/cats/broken.png", "train/cats/cut.jpg"}
    assert found.files.count == sum(found.files.formats.values()) == found.pixels.count == 56
    assert "--on-bad skip" in found.beginning.command


def test_pixels_classes_and_copies(found: Inspection) -> None:
    pixels = found.pixels
    assert (pixels.size, pixels.channels) == (12, 3)
    shared = {(first, second): n for first, second, n in pixels.shared}
    assert pixels.count == 55
    # which of the copies are held out for validation is drawn
    assert sum(pixels.repeated.values()) + shared["train", "validation"] == 1
    assert shared["train", "test"] + shared["validation", "test"] == 1
    assert {name: sum(numbers) for name, numbers in pixels.classes.items()} == {"cats": 49, "dogs": 6}
    assert pixels.plain == 1 and pixels.values == (0, 255)
    assert list(pixels.brightness) == sorted(pixels.brightness)


def test_what_one_should_know_is_said(found: Inspection) -> None:
    codes = {fact.code for fact in found.remarks}
    assert codes >= {
        "unreadable_files", "files_left_out", "equal_to_training", "few_images", "uneven_training_classes",
        "plain_images", "cropped",
    }  # fmt: skip
    said = " ".join(map(remark_words, found.remarks))
    assert "train/cats/broken.png" in said and ".svg" in said
    assert "training images of cats" in said
    assert {name for name, _ in overview(found)} >= {"images", "sizes", "modes", "classes", "copies", "brightness"}


def test_the_command_is_one_that_the_command_line_takes(found: Inspection) -> None:
    words = shlex.split(found.beginning.command)
    assert words[:2] == ["paribus", "compare"] and words[words.index("--size") + 1] == "12"
    assert words[words.index("--on-bad") + 1] == "skip"
    assert time_words(found.beginning) == "not estimated"


def test_time_is_the_estimate_of_that_study() -> None:
    beginning = pb.inspect("digits").beginning
    assert list(beginning.seconds_by_model) == list(beginning.models)
    assert beginning.seconds is not None and beginning.seconds >= max(beginning.seconds_by_model.values()) / 2
    assert "on this machine" in time_words(beginning)


def test_masks_of_zero_and_one_are_said_to_be_dark(tmp_path: Path) -> None:
    for k in range(20):
        picture(k, high=2).save(tmp_path / f"{k}.png")
    remark = next(fact for fact in pb.inspect(tmp_path, estimate=False).remarks if fact.code == "narrow_range")
    assert remark.figures == {"low": 0, "high": 1}


def test_mixed_sizes_have_a_histogram_that_leaves_none_out(tmp_path: Path) -> None:
    for k in range(40):
        picture(k, 20 + 7 * k, 20 + 7 * k).save(tmp_path / f"{k}.png")
    found = pb.inspect(tmp_path, size=16, estimate=False)
    assert sum(n for _, n in size_bins(found.files)) == 40
    assert found.beginning.size == 16 and found.beginning.reasons[0].code == "size_as_asked"


def test_a_page_holds_all_and_loads_nothing(found: Inspection, tmp_path: Path) -> None:
    text = write_inspection(found, tmp_path / "inspect.html").read_text()
    page = Page(text)
    assert not page.open and "figures=" not in text and "Split 80:20" not in text
    images = [values["src"] or "" for tag, values in page.tags if tag == "img"]
    assert len(images) == 1 and images[0].startswith("data:image/")
    assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text
    assert found.beginning.command in " ".join(page.words) and "dogs" in text
    with Image.open(write_inspection(found, tmp_path / "sheet.png")) as sheet:
        assert sheet.width == 8 * 12
    with pytest.raises(ParibusError, match=r"cannot be written as '\.pdf'"):
        write_inspection(found, tmp_path / "inspect.pdf")
