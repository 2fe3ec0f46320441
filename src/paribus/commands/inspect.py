"""`inspect`: what there is to know of somebody's images before training, and what to begin with."""

from __future__ import annotations

import shlex
import tempfile
from pathlib import Path

from paribus.base.arguments import checked
from paribus.base.errors import ParibusError
from paribus.base.files import write_atomically
from paribus.base.outputs import check_output_file
from paribus.base.pictures import picture_content
from paribus.commands.images import in_hand
from paribus.commands.studies import compare
from paribus.config import DataSettings, data_options, validated
from paribus.data import ImageData, data_settings, load_data
from paribus.data.inspection import contact_sheet, files_of, look_at_files, look_at_pixels
from paribus.data.memory import InMemory
from paribus.evaluation.encoding import StageProgress, silent
from paribus.recipes.recommendation import recommended, recommended_size
from paribus.report.inspection import inspection_page
from paribus.results.inspection import Beginning, FilesFound, Inspection, PixelsFound
from paribus.results.score import Fact


@checked
def inspect(
    source: ImageData | DataSettings | str | Path | InMemory,
    *,
    size: int | None = None,
    channels: int | None = None,
    estimate: bool = True,
    progress: StageProgress = silent,
) -> Inspection:
    """Looks at images: files, sizes, classes, copies, brightness; and says what to begin with. Nothing is written.

    Args:
        source: Loaded images, or what `load_data` takes; unreadable files are counted and left out.
        size: Height and width in pixels to look at and to begin with; by default recommended from the files.
        channels: 1 for grey, 3 for colour; by default the source's own.
        estimate: Whether a few steps of each recommended model are timed, to say how long it takes here.
        progress: Told of long work.

    Raises:
        ParibusError: There is no such data, or too few images in it.
    """
    source = in_hand(source, {"data": data_options(size=size, channels=channels).given()})
    asked = data_settings(source)
    size = size or asked.size
    progress("reading the files", 0, 1)
    files = files_of(source) if isinstance(source, ImageData) else look_at_files(asked.name)
    why = Fact(code="size_as_asked", figures={"size": size or 0})
    if size is None and files.count:
        size, why = recommended_size(files.shorter_sides)
    if isinstance(source, ImageData):
        data = source
    else:
        wanted = {"size": size, "channels": channels or asked.channels, "on_bad": "skip"}
        progress("decoding the images", 0, 1)
        data = load_data(validated(DataSettings, asked.model_dump() | wanted, where="data"))
        if len(data.skipped) > len(files.unreadable):  # some have a whole header, and end too early
            files = look_at_files(asked.name, dict(data.skipped))
    progress("comparing the images", 0, 1)
    pixels = look_at_pixels(data)
    beginning = _beginning(asked.name, data, files, pixels, why, bool(channels or asked.channels))
    if estimate:
        beginning = _timed(beginning, data, progress)
    sheet = picture_content([contact_sheet(data.train)])
    return Inspection(name=asked.name, files=files, pixels=pixels, beginning=beginning, notes=data.notes, sheet=sheet)


def check_inspection(out: Path) -> None:
    """Finds out before any work that an inspection cannot be written to a file.

    Raises:
        ParibusError: The ending is unknown, or the place cannot be written to.
    """
    if out.suffix not in (".html", ".png"):
        raise ParibusError(
            f"An inspection cannot be written as '{out.suffix}'.",
            where=f"--out {out}",
            expected="a name in .html (a page) or .png (the contact sheet)",
        )
    check_output_file(out)


def write_inspection(found: Inspection, out: str | Path) -> Path:
    """Writes what was found as a page (a name in .html), or its contact sheet alone (.png).

    Raises:
        ParibusError: The ending is another, or the file cannot be written.
    """
    out = Path(out)
    check_inspection(out)
    write_atomically(out, found.sheet if out.suffix == ".png" else inspection_page(found))
    return out


def _beginning(
    name: str, data: ImageData, files: FilesFound, pixels: PixelsFound, why: Fact, channels_given: bool
) -> Beginning:
    rarest = min((of[0] for of in pixels.classes.values()), default=0)
    found = recommended(data.shape, len(data.train), rarest)
    words = ["paribus", "compare", "--data", name, "--size", str(pixels.size)]
    words += ["--channels", str(pixels.channels)] if channels_given else []
    words += ["--on-bad", "skip"] if files.unreadable else []
    words += ["--models", ",".join(found.models), "--budget", found.budget, "--seeds", str(found.seeds)]
    return Beginning(
        size=pixels.size,
        models=found.models,
        budget=found.budget,
        seeds=found.seeds,
        reasons=(why, *found.reasons),
        command=shlex.join(words),
    )


def _timed(beginning: Beginning, data: ImageData, progress: StageProgress) -> Beginning:
    """The same with seconds, by the estimate of the study that the command would begin."""
    with tempfile.TemporaryDirectory() as folder:
        study = compare(
            beginning.models,
            data,
            seeds=beginning.seeds,
            budget=beginning.budget,
            out=Path(folder) / "study",
            start=False,
        )
        cost = study.estimate(
            study.runs, lambda label, what, place, of: progress(f"timing {what} of {label}: model", place, of)
        )
    ordered = {model: cost.by_label[model] for model in beginning.models}
    return beginning.model_copy(update={"seconds": cost.seconds, "seconds_by_model": ordered})
