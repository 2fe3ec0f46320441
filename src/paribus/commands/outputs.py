"""What is made of trained models for others: new images, a report's page, files for other programs, the Hub."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from paribus.base.arguments import checked
from paribus.base.errors import ParibusError, unknown
from paribus.base.outputs import check_output_file, check_output_folder, output_folder
from paribus.base.places import checked_path
from paribus.evaluation.encoding import StageProgress, silent
from paribus.exports.hub_folder import write_hub_folder
from paribus.exports.live import write_live
from paribus.exports.onnx_files import write_onnx
from paribus.exports.source import TrainedModel
from paribus.models import Model, load_model
from paribus.models.grids import check_samples, write_class_change, write_samples
from paribus.models.hub import uploaded
from paribus.report import write_page, write_report
from paribus.results.joining import read_folders
from paribus.results.study_files import check_folder
from paribus.runs.run import Run
from paribus.studies.results import side_by_side


def sample(
    source: str | Path,
    n: int = 64,
    out: str | Path = "samples.png",
    *,
    label: int | str | None = None,
    to_label: int | str | None = None,
    seed: int = 0,
    sampler: str | None = None,
    progress: StageProgress = silent,
) -> Path:
    """Draws new images from a trained model and writes them.

    Args:
        source: A run's folder, or a model on the Hub.
        n: How many images.
        out: A name in .png (one grid), in .npz, or a folder.
        label: Index or name of a class, for a conditional model; all in turn by default.
        to_label: With `label`: rows of that class turning into this one.
        seed: The same seed gives the same images.
        sampler: What latents are drawn from, in place of the model's own; fitted now if it was not before.
        progress: Told of long work.

    Returns:
        Where they are.

    Raises:
        ParibusError: There is no model, it cannot have this sampler, or the place cannot be written to.
    """
    if to_label is not None and label is None:
        raise ParibusError("--to-label needs a class to begin with.", where="--to-label", fix="add --label")
    place = Path(out)
    check_samples(place, class_change=to_label is not None)
    model = load_model(source, sampler={"name": sampler} if sampler else None)
    if label is None or to_label is None:
        write_samples(model, n, place, label=label, seed=seed, progress=progress)
    else:
        write_class_change(model, label, to_label, n, place, seed=seed)
    return place


def report(folder: str | Path | Sequence[str | Path], out: str | Path | None = None, *, live: bool = False) -> Path:
    """Writes the report of a study or a run, or of several side by side: one HTML file that needs nothing else.

    Args:
        folder: A study's or a run's, finished or not; or several of either, whose models are compared as those of one
            study, and not ranked where they were not measured alike.
        out: The file; report.html in the folder by default, to be named for several.
        live: With sliders: decoders that work in the page itself.

    Raises:
        ParibusError: There is neither in a folder, or the file cannot be written.
    """
    folders = [checked_path(each, "DIR") for each in ([folder] if isinstance(folder, str | Path) else folder)]
    for each in folders:
        check_folder(each)
    if len(folders) != 1 and out is None:
        raise ParibusError(
            "A report on several folders needs a place of its own.",
            where="--out",
            got=f"{len(folders)} folders, and no file",
            expected="the name of a file",
            fix="add --out page.html",
        )
    check_output_file(Path(out) if out is not None else folders[0] / "report.html")
    if live:
        for each in folders:
            write_live(each)
    if len(folders) == 1:
        return write_report(folders[0], None if out is None else Path(out), live=live)
    return write_page(side_by_side(read_folders(folders)), Path(out or ""), live=live)


FORMS = ("onnx", "hub-folder")


@checked
def export(
    source: str | Path | Run | Model,
    to: str = "onnx",
    out: str | Path | None = None,
    *,
    license: str = "unknown",
    repository: str | None = None,
) -> Path:
    """Writes a trained model in a form that others can use.

    Args:
        source: A run or its folder, a model, or the id of one on the Hub.
        to: onnx (decoder.onnx, encoder.onnx; see `write_onnx`) or hub-folder (see `write_hub_folder`).
        out: The folder to write to; by default the run's name with -onnx or -hub, here.
        license: Of the weights, in a hub-folder's card, as the Hub names it.
        repository: Where a hub-folder will lie on the Hub, for its card.

    Returns:
        The folder.

    Raises:
        ParibusError: There is no model or no such form, a package is missing, a check failed, or the folder cannot be
            written to.
    """
    if to not in FORMS:
        raise unknown(f"A model cannot be exported to '{to}'", to, FORMS, where="--to")
    if out is not None:
        check_output_folder(Path(out))
    found = TrainedModel.of(source)
    folder = Path(f"{found.name}-{to.removesuffix('-folder')}") if out is None else Path(out)
    with output_folder(folder) as new:
        if to == "onnx":
            write_onnx(found, new)
        else:
            write_hub_folder(found, new, repository=repository, license=license)
    return folder


@checked
def push(
    source: str | Path | Run | Model,
    repository: str,
    *,
    private: bool = False,
    token: str | None = None,
    license: str = "unknown",
) -> str:
    """Puts a trained model on the Hugging Face Hub, with its card, from where `load` takes it.

    Args:
        source: A run or its folder, or a model.
        repository: Its id, org/name; made where there is none.
        private: Whether a new repository is private.
        token: Of an account that may write there; by default the one that huggingface_hub is logged in with.
        license: Of the weights, as the Hub names it.

    Returns:
        The model's address.

    Raises:
        ParibusError: There is no model, the Hub cannot be reached, or it refuses.
    """
    with TemporaryDirectory() as folder:
        write_hub_folder(TrainedModel.of(source), Path(folder), repository=repository, license=license)
        return uploaded(Path(folder), repository, private=private, token=token)
