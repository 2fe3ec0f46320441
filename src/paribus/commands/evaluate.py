"""`evaluate`: scores of a trained model, or of images that any program made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.config import DataSettings, EvaluationSettings, validated
from paribus.config.overrides import merged, with_override
from paribus.data import ImageData, data_settings, load_data, load_images
from paribus.evaluation import compare_images, evaluate_images
from paribus.evaluation import evaluate as evaluate_model
from paribus.evaluation.encoding import StageProgress, silent
from paribus.models import Model, load_model
from paribus.results.score import Score
from paribus.runs.run import Run

ImageSource = ImageData | DataSettings | str | Path
"""Images, or what says which."""


def evaluate(
    subject: Model | Run | str | Path,
    data: ImageSource | None = None,
    settings: EvaluationSettings | None = None,
    *,
    against: str | Path | None = None,
    sampler: str | None = None,
    overrides: Sequence[str] = (),
    progress: StageProgress = silent,
) -> list[Score]:
    """Scores a model, or a folder of images that any program made.

    Args:
        subject: A model, a run or its folder, the id of a model on the Hub, or a folder of images.
        data: What to compare with: images, their settings, or what `load_data` takes; a model's own by default.
        settings: How to score; what is not given in them is as in the model's own configuration.
        against: A folder of images to compare a folder of images with.
        sampler: What the latents of a model in a folder are drawn from, in place of its own sampler.
        overrides: `key.path=value` texts under `evaluation` and, for a model in a folder, `sampler`.
        progress: Told of long work.

    Raises:
        ParibusError: There is nothing to compare with, or the images do not fit each other.
    """
    change: dict[str, Any] = {"evaluation": settings.given()} if settings is not None else {}
    for override in overrides:
        change = with_override(change, override)
    if sampler is not None:
        change = merged(change, {"sampler": {"name": sampler}})
    if isinstance(subject, Model):
        _refuse_other_parts(change, ("evaluation",))
        return _score_model(subject, data, change, progress)
    folder = subject.folder.path if isinstance(subject, Run) else Path(subject)
    if (folder / "config.json").is_file() or not folder.exists() or sampler is not None:
        _refuse_other_parts(change, ("evaluation", "sampler"))
        source = subject if isinstance(subject, str) else folder
        return _score_model(load_model(source, sampler=change.get("sampler")), data, change, progress)
    _refuse_other_parts(change, ("evaluation",))
    asked = validated(EvaluationSettings, change.get("evaluation", {}), where="evaluation")
    if against is not None:
        return compare_images(load_images(folder), load_images(against), asked, progress=progress)
    if data is None:
        raise ParibusError(
            "What are these images to be compared with?",
            where=f"paribus evaluate {subject}",
            fix="add --data NAME or --against FOLDER",
        )
    images = data if isinstance(data, ImageData) else load_data(data)
    return evaluate_images(load_images(folder), images, asked, progress=progress)


def _score_model(
    model: Model, data: ImageSource | None, change: dict[str, Any], progress: StageProgress
) -> list[Score]:
    own = model.config.evaluation.model_dump()
    asked = validated(EvaluationSettings, merged(own, change.get("evaluation", {})), where="evaluation")
    if not isinstance(data, ImageData):
        wanted = model.config.data.model_dump()
        if data is not None:
            form = {"size": model.image.size, "channels": model.image.channels}
            wanted |= form | data_settings(data).given()
        data = load_data(validated(DataSettings, wanted, where="data"))
    return evaluate_model(model, data, asked, progress=progress)


def _refuse_other_parts(change: dict[str, Any], known: tuple[str, ...]) -> None:
    for part in set(change) - set(known):
        raise ParibusError(
            f"The setting '{part}' belongs to training: it cannot be changed for a score.",
            where=f"-o {part}...",
            got=part,
            expected=" or ".join(f"{name}.NAME=VALUE" for name in known),
            fix=f"leave it out, or train a run with it: paribus train MODEL -o {part}...",
        )
