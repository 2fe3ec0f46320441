"""`sample`: new images of a trained model, as files."""

from __future__ import annotations

from pathlib import Path

from paribus.base.errors import ParibusError
from paribus.models import load_model
from paribus.models.grids import write_class_change, write_samples


def sample(
    source: str | Path,
    n: int = 64,
    out: str | Path = "samples.png",
    *,
    label: int | str | None = None,
    to_label: int | str | None = None,
    seed: int = 0,
    sampler: str | None = None,
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

    Returns:
        Where they are.

    Raises:
        ParibusError: There is no model, it cannot have this sampler, or the place cannot be written to.
    """
    if to_label is not None and label is None:
        raise ParibusError("--to-label needs a class to begin with.", where="--to-label", fix="add --label")
    model, place = load_model(source, sampler={"name": sampler} if sampler else None), Path(out)
    if label is None or to_label is None:
        write_samples(model, n, place, label=label, seed=seed)
    else:
        write_class_change(model, label, to_label, n, place, seed=seed)
    return place
