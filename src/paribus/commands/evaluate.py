"""`evaluate`: scores of a trained model, or of images that any program made."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from paribus.base.arguments import checked
from paribus.base.errors import ParibusError
from paribus.base.places import checked_path, is_hub_id
from paribus.config import DataSettings, EvaluationSettings, data_options, validated
from paribus.config.overrides import checked_overrides, merged, with_override
from paribus.data import ImageData, data_settings, load_data, recorded_by
from paribus.data.equality import image_hashes
from paribus.data.given import GivenImages, given_images
from paribus.data.memory import InMemory, in_memory
from paribus.evaluation import compare_images, evaluate_images
from paribus.evaluation import evaluate as evaluate_model
from paribus.evaluation.encoding import StageProgress, silent
from paribus.evaluation.measures import metrics
from paribus.evaluation.usual_names import in_own_names
from paribus.models import Model, load_model
from paribus.models.files import unfinished
from paribus.models.hub import is_ours
from paribus.results.folder import RunFolder, refuse_study
from paribus.results.protocol import Resized
from paribus.results.score import Fact, Score
from paribus.runs.run import Run
from paribus.runs.seen import check_unseen

ImageSource = ImageData | DataSettings | str | Path | InMemory
"""Images, or what says which."""


@checked
def evaluate(
    subject: Model | Run | ImageSource,
    data: ImageSource | None = None,
    settings: EvaluationSettings | None = None,
    *,
    against: ImageSource | None = None,
    size: int | None = None,
    on_bad: str = "fail",
    float_range: str = "0..1",
    sampler: str | None = None,
    overrides: Sequence[str] = (),
    progress: StageProgress = silent,
) -> list[Score]:
    """Scores a model, or images that any program made.

    Images are brought to the form of those that they are compared with: see `given_images`. The scores' protocol says
    which were not in it.

    Args:
        subject: A model, a run or its folder, the id of a model on the Hub; or images: a folder, a file of arrays, or
            what else `load_data` takes.
        data: What to compare with: images, their settings, or what `load_data` takes; a model's own by default.
        settings: How to score; what is not given in them is as in the model's own configuration. Metrics may have
            their usual names (fid, is, prdc).
        against: Other images to compare images with.
        size: Brings both sides to this height and width; by default to that of what is compared with.
        on_bad: fail or skip: what to do with files that cannot be read.
        float_range: 0..1 or -1..1: the range of pixels that are floats.
        sampler: What the latents of a model in a folder are drawn from, in place of its own sampler.
        overrides: `key.path=value` texts under `evaluation` and, for a model in a folder, `sampler`.
        progress: Told of long work.

    Raises:
        ParibusError: There is nothing to compare with, or the images do not fit each other.
    """
    change: dict[str, Any] = {"evaluation": settings.given()} if settings is not None else {}
    for override in checked_overrides(overrides):
        change = with_override(change, override)
    if sampler is not None:
        change = merged(change, {"sampler": {"name": sampler}})
    if isinstance(subject, Model):
        _refuse_other_parts(change, ("evaluation",))
        _refuse_against(against, "MODEL")
        return _score_model(subject, data, change, progress)
    if isinstance(subject, Run):
        subject = subject.folder.path
    if data is not None and against is not None:
        raise ParibusError(
            "Images are compared with one thing at a time.",
            where="--data, --against",
            got="both",
            fix="give one of them: --data for the test images of a data set, --against for all images of a folder",
        )
    form = data_options(size=size, on_bad=on_bad, float_range=float_range)
    if sampler is not None or _is_model(subject):
        _refuse_other_parts(change, ("evaluation", "sampler"))
        _refuse_against(against, str(subject))
        source = subject if isinstance(subject, (str, Path)) else str(subject)
        model = load_model(source, sampler=change.get("sampler"))
        return _score_model(model, data, change, progress, size, RunFolder(checked_path(source, "RUN")))
    _refuse_other_parts(change, ("evaluation",))
    asked, usual = _own_names(validated(EvaluationSettings, change.get("evaluation", {}), where="evaluation"))
    if against is None and data is None:
        raise ParibusError(
            "What are these images to be compared with?",
            where=f"paribus evaluate {subject if isinstance(subject, (str, Path)) else 'IMAGES'}",
            fix="add --data NAME or --against FOLDER",
        )

    def given(source: ImageSource, size: int | None, channels: int | None = None) -> GivenImages:
        source = source.name if isinstance(source, DataSettings) else source
        return given_images(source, size=size, channels=channels, on_bad=on_bad, float_range=form.float_range)

    if against is not None:
        others = given(against, form.size)
        images = given(subject, others.images.shape[2], others.images.shape[1])
        reference, resized = others.images, _resized(images)
        scores = compare_images(images.images, reference, asked, resized=(resized, _resized(others)), progress=progress)
    else:
        loaded = data if isinstance(data, ImageData) and size is None else _loaded(data, form)
        images = given(subject, loaded.shape.size, loaded.shape.channels)
        reference = loaded.scored_on(asked.split).test.images
        scores = evaluate_images(images.images, loaded, asked, resized=_resized(images), progress=progress)
    return _with_facts(scores, usual, _equal(images.images, reference))


def _is_model(subject: Any) -> bool:
    """Whether a model is meant, and not images.

    Raises:
        ParibusError: It is a study, of which one run can be scored.
    """
    if not isinstance(subject, (str, Path)):
        return False
    folder = checked_path(subject, "SOURCE")
    refuse_study(folder)
    if folder.exists():
        return is_ours(folder / "config.json") or (folder / "run.yaml").is_file()
    return is_hub_id(str(subject)) or not Path(subject).suffix


def _loaded(data: ImageSource | None, form: DataSettings) -> ImageData:
    wanted = {} if form.size is None else {"size": form.size}
    if in_memory(data):
        return load_data(data, float_range=form.float_range, on_bad=form.on_bad, **wanted)
    assert data is not None
    asked = data_settings(data)
    return load_data(asked, **({"on_bad": form.on_bad, "float_range": form.float_range} | asked.given() | wanted))


def _resized(given: GivenImages) -> Resized | None:
    changed = given.changes.get("reduced", 0) + given.changes.get("enlarged", 0)
    cropped = given.changes.get("cropped", 0)
    if not changed and not cropped:
        return None
    return Resized(images=changed, cropped=cropped)


def _own_names(settings: EvaluationSettings) -> tuple[EvaluationSettings, dict[str, tuple[str, str]]]:
    named = settings.metrics or []
    settings, usual = in_own_names(settings, list(metrics()))
    if "kid" in named:
        usual["kid"] = ("kid", "through this encoder; elsewhere the name means through inception-2048")
    return settings, usual


def _equal(images: Tensor, reference: Tensor) -> Fact | None:
    """That some of the images are among those that they are compared with."""
    equal = int(np.isin(image_hashes(images.numpy()), image_hashes(reference.numpy())).sum())
    return Fact(code="equal_images", figures={"equal": equal, "n": len(images)}) if equal else None


def _with_facts(scores: list[Score], usual: dict[str, tuple[str, str]], of_all: Fact | None = None) -> list[Score]:
    """The scores with what their names mean, where they were asked for by a usual one, and what is said of all."""

    def facts(score: Score) -> tuple[Fact, ...]:
        name, meaning = usual.get(score.metric, ("", ""))
        inception = score.encoder is not None and score.encoder.name == "inception-2048"
        said = name and not (name == "kid" and inception)
        own = (Fact(code="usual_name", figures={"name": name, "meaning": meaning}),) if said else ()
        return (*score.warnings, *own, *((of_all,) if of_all else ()))

    return [score.model_copy(update={"warnings": facts(score)}) for score in scores]


def _score_model(
    model: Model,
    data: ImageSource | None,
    change: dict[str, Any],
    progress: StageProgress,
    size: int | None = None,
    run: RunFolder | None = None,
) -> list[Score]:
    if size not in (None, model.image.size):
        raise ParibusError(
            "A model makes images of its own size.",
            where="--size",
            got=size,
            expected=model.image.size,
            fix="leave --size out, or save samples to a folder and score that",
        )
    own = model.config.evaluation.model_dump()
    asked, usual = _own_names(
        validated(EvaluationSettings, merged(own, change.get("evaluation", {})), where="evaluation")
    )
    if "kid" not in change.get("evaluation", {}).get("metrics", ()):
        usual.pop("kid", None)
    chosen = data is not None
    if in_memory(data):
        data = load_data(data, size=model.image.size, channels=model.image.channels)
    if not isinstance(data, ImageData):
        wanted = model.config.data.model_dump()
        if data is not None:
            form = {"size": model.image.size, "channels": model.image.channels}
            wanted |= form | data_settings(data).given()
        with recorded_by(None if chosen or run is None else run.path, "say where: --data FOLDER"):
            data = load_data(validated(DataSettings, wanted, where="data"))
    if run is not None:
        check_unseen(run, data, asked.split, chosen=chosen)
    state = None if model.unfinished_after is None else unfinished(model.unfinished_after)
    return _with_facts(evaluate_model(model, data, asked, progress=progress), usual, state)


def _refuse_against(against: ImageSource | None, model: str) -> None:
    if against is not None:
        raise ParibusError(
            "A model is compared with the test images of a data set.",
            where="--against",
            got=against if isinstance(against, (str, Path)) else type(against).__name__,
            expected="--data, or neither: the data that it was trained on",
            fix=f"give --data, or compare its samples as images: paribus sample {model} -n 1000 --out FOLDER/",
        )


def _refuse_other_parts(change: dict[str, Any], known: tuple[str, ...]) -> None:
    for part in set(change) - set(known):
        raise ParibusError(
            f"The setting '{part}' belongs to training: it cannot be changed for a score.",
            where=f"-o {part}...",
            got=part,
            expected=" or ".join(f"{name}.NAME=VALUE" for name in known),
            fix=f"leave it out, or train a run with it: paribus train MODEL -o {part}...",
        )
