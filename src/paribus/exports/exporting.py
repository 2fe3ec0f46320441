"""Exports as a user asks for them."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from paribus.base.errors import unknown
from paribus.base.files import check_output
from paribus.exports.hub_folder import write_hub_folder
from paribus.exports.onnx_files import write_onnx
from paribus.exports.source import Source
from paribus.models import Model
from paribus.models.hub import uploaded
from paribus.runs.run import Run

FORMS = ("onnx", "hub-folder")


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
    found = Source.of(source)
    folder = Path(f"{found.name}-{to.removesuffix('-folder')}") if out is None else Path(out)
    check_output(folder)
    if to == "onnx":
        write_onnx(found, folder)
    else:
        write_hub_folder(found, folder, repository=repository, license=license)
    return folder


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
        write_hub_folder(Source.of(source), Path(folder), repository=repository, license=license)
        return uploaded(Path(folder), repository, private=private, token=token)
