"""Which images a run was trained on, and whether it is scored against them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from paribus.base.errors import ParibusError
from paribus.base.files import read_bytes, write_atomically
from paribus.base.seals import check, tensors_content
from paribus.data import ImageData
from paribus.data.equality import image_hashes
from paribus.data.findings import tell
from paribus.results.folder import RunFolder
from paribus.results.score import Fact


def write_trained_on(run: RunFolder, data: ImageData) -> None:
    """Keeps a hash of each training image beside a run: 8 bytes an image."""
    hashes = np.unique(image_hashes(data.train.images.numpy()))
    write_atomically(run.trained_on, tensors_content(save({"hashes": hashes})))


def _read_trained_on(run: RunFolder) -> NDArray[np.uint64]:
    fix = "remove the file: it is then not known which images were trained on"
    return load(check(read_bytes(run.trained_on), run.trained_on, fix, required=True))["hashes"]


def check_unseen(run: RunFolder, data: ImageData, split: str, *, chosen: bool) -> None:
    """Finds out whether a run would be scored against images that it was trained on.

    Images with the fingerprint of the training run's are split as they were, and nothing is said of them. Of others it
    is told how many were trained on; the run's own source, changed since and split anew, is refused where there are
    any.

    Args:
        run: The run; nothing is found out of one whose record or hashes are gone.
        data: What it would be scored against.
        split: Which of its splits: validation or test.
        chosen: Whether the user named the data, and did not leave them to the run's configuration.

    Raises:
        ParibusError: The images of the run's source changed, and some to be scored against were trained on.
    """
    known = (run.record.get("data") or {}).get("fingerprint") if run.exists else None
    if known is None or known == data.fingerprint:
        return
    tell(data.name, [Fact(code="images_changed", figures={"name": data.name})])
    images = data.scored_on(split).test.images
    if not run.trained_on.is_file():
        return
    hashes = image_hashes(images.numpy())
    n = int(np.isin(hashes, _read_trained_on(run)).sum())
    if not n:
        return
    if chosen:
        tell(data.name, [Fact(code="trained_on", figures={"split": split, "n": n, "of": len(hashes)})])
        return
    raise ParibusError(
        f"{n:,} of the {len(hashes):,} {split} images were trained on: the images changed since, and are split anew.",
        where=data.name,
        got=f"images with the fingerprint {data.fingerprint[:16]}",
        expected=f"those of the training run, with the fingerprint {known[:16]}",
        fix="give images that it has not seen (--data FOLDER), put the images back as they were, or train again; "
        f"--data {data.name} scores all the same, with a warning",
    )
