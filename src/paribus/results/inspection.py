"""What was found out about somebody's images: files, pixels, classes, and what to begin with."""

from __future__ import annotations

from pydantic import Field

from paribus.config import Settings
from paribus.results.score import Fact

FEW_IMAGES = 1000
"""Training images below which it is said that they are few: models may learn them by heart, and scores are uncertain.
How many are enough depends on the data."""


class FilesFound(Settings):
    """What the files say of themselves before they are decoded.

    Attributes:
        sizes: (width, height, number of files), the most frequent first.
        modes: Files by mode of their pixels, as PIL names it: L, RGB, P, RGBA, ...
        formats: Files by format; "array" of images that are stored as arrays.
        unreadable: (file, reason).
        ignored: Other files by their ending, or by name where they have none.
    """

    sizes: tuple[tuple[int, int, int], ...]
    modes: dict[str, int]
    formats: dict[str, int]
    unreadable: tuple[tuple[str, str], ...] = ()
    ignored: dict[str, int] = Field(default_factory=dict)

    @property
    def count(self) -> int:
        """Readable files."""
        return sum(number for _, _, number in self.sizes)

    @property
    def shorter_sides(self) -> list[int]:
        """The shorter side of each file in pixels, ascending."""
        return sorted(side for width, height, number in self.sizes for side in [min(width, height)] * number)

    @property
    def not_square(self) -> int:
        """Files that a crop to the central square cuts."""
        return sum(number for width, height, number in self.sizes if width != height)


class PixelsFound(Settings):
    """What the images are once they are decoded, of one size, and split.

    Attributes:
        size: Height and width in pixels.
        channels: 1 or 3.
        counts: Images by split.
        classes: Images by class and split, each in the order of `counts`; empty without labels.
        brightness: Smallest, 5 %, middle, 95 % and largest mean of an image, from 0 to 255.
        values: Smallest and largest value of a pixel, from 0 to 255.
        plain: Images that are one colour all over.
        repeated: Images by split that equal an earlier one of it.
        shared: (split, later split, images of the later one that the first one holds, too).
    """

    size: int
    channels: int
    counts: dict[str, int]
    classes: dict[str, tuple[int, ...]]
    brightness: tuple[float, float, float, float, float]
    values: tuple[int, int]
    plain: int
    repeated: dict[str, int]
    shared: tuple[tuple[str, str, int], ...]

    @property
    def count(self) -> int:
        """All images."""
        return sum(self.counts.values())


class Beginning(Settings):
    """What to begin with.

    Attributes:
        size: Height and width in pixels.
        models: Names of presets.
        budget: Of each run.
        seeds: Runs of each model.
        reasons: Why.
        command: One that does it.
        seconds: What it takes on this machine with all workers busy, with start-up and scoring; None if not estimated.
        seconds_by_model: Of one run, the same.
    """

    size: int
    models: tuple[str, ...]
    budget: str
    seeds: int
    reasons: tuple[Fact, ...]
    command: str = ""
    seconds: float | None = None
    seconds_by_model: dict[str, float] = Field(default_factory=dict)


class Inspection(Settings):
    """All of it; `results.words.inspection` makes the sentences.

    Attributes:
        name: The data, as the user gave it.
        files: What lies there.
        pixels: What is trained on.
        beginning: What to begin with.
        notes: What was found when they were loaded: how they were split and changed, and what may be wrong.
        sheet: A contact sheet: a PNG with training images side by side, without gaps.
    """

    name: str
    files: FilesFound
    pixels: PixelsFound
    beginning: Beginning
    notes: tuple[Fact, ...] = ()
    sheet: bytes = Field(b"", exclude=True, repr=False)

    @property
    def remarks(self) -> tuple[Fact, ...]:
        """What one should know before training: of the files, and then what loading found."""
        files, pixels = self.files, self.pixels
        found: list[Fact] = []
        if files.unreadable:
            names = tuple(f"{file}: {why}" for file, why in files.unreadable)
            found.append(Fact(code="unreadable_files", figures={"n": len(names), "files": names}))
        if pixels.counts["train"] < FEW_IMAGES:
            found.append(Fact(code="few_images", figures={"n": pixels.counts["train"], "least": FEW_IMAGES}))
        if pixels.plain:
            found.append(Fact(code="plain_images", figures={"n": pixels.plain, "of": pixels.count}))
        return (*found, *(note for note in self.notes if note.code != "skipped"))
