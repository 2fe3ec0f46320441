"""What `paribus evaluate` does: scores of a run, or of a folder of images that any program made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings, validated
from paribus.config.overrides import merged, with_override
from paribus.data import load_data, load_images
from paribus.evaluation import compare_images, evaluate, evaluate_images
from paribus.evaluation.encoding import Progress
from paribus.results.score import Score
from paribus.runs.run import load, load_with_sampler


def score_subject(
    subject: str,
    *,
    data: str | None,
    against: Path | None,
    change: dict[str, Any],
    overrides: list[str],
    sampler: str | None = None,
    progress: Progress | None = None,
) -> list[Score]:
    """Scores a run or a folder of images.

    Args:
        subject: A run's folder, a Hub model, or a folder of images.
        data: Data set to compare with; the run's own by default.
        against: A folder of images to compare with.
        change: Part of the configuration tree.
        overrides: `key.path=value` texts under `evaluation` and, for models, `sampler`.
        sampler: What a model's latents are drawn from, in place of its own sampler.
        progress: Told of long work.

    Raises:
        ParibusError: There is nothing to compare with, or the images do not fit each other.
    """
    tree = change
    for override in overrides:
        tree = with_override(tree, override)
    if sampler is not None:
        tree = merged(tree, {"sampler": {"name": sampler}})
    folder = Path(subject)
    is_model = (folder / "config.json").is_file() or not folder.exists() or sampler is not None
    known = ("evaluation", "sampler") if is_model else ("evaluation",)
    for part in set(tree) - set(known):
        raise ParibusError(
            f"The setting '{part}' belongs to training: it cannot be changed for a score.",
            where=f"-o {part}...",
            got=part,
            expected=" or ".join(f"{name}.NAME=VALUE" for name in known),
            fix=f"leave it out, or train a run with it: paribus train MODEL -o {part}...",
        )
    if is_model:
        return _score_model(subject, data, tree, progress)
    settings = validated(EvaluationSettings, tree.get("evaluation", {}), where="evaluation")
    if against is not None:
        return compare_images(load_images(folder), load_images(against), settings, progress=progress)
    if data is None:
        raise ParibusError(
            "What are these images to be compared with?",
            where=f"paribus evaluate {subject}",
            fix="add --data NAME or --against FOLDER",
        )
    return evaluate_images(load_images(folder), load_data(data), settings, progress=progress)


def _score_model(subject: str, data: str | None, change: dict[str, Any], progress: Progress | None) -> list[Score]:
    model = load_with_sampler(subject, change.get("sampler"))
    stored = model.config.evaluation.model_dump()
    settings = validated(EvaluationSettings, merged(stored, change.get("evaluation", {})), where="evaluation")
    config = model.config
    if data is not None:
        shape = {"name": data, "size": model.image.size, "channels": model.image.channels}
        config = config.model_copy(update={"data": config.data.model_copy(update=shape)})
    return evaluate(model, load(config), settings, progress=progress)
