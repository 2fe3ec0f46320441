"""A model as a folder for the Hugging Face Hub: weights, configuration, and a card that says what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, PackageLoader, StrictUndefined

from paribus.base.files import write_atomically
from paribus.base.pictures import picture_content
from paribus.base.version import __version__
from paribus.base.wording import compact, count, duration, plus_minus
from paribus.data import DATASETS
from paribus.exports.source import TrainedModel
from paribus.models import Model, save_model
from paribus.recipes import about, model_names
from paribus.recipes.command import command_of
from paribus.results.words import protocol_words
from paribus.views.drawing import tile_sheet

SHOWN = 8
"""Rows and columns of the card's picture."""


def write_hub_folder(
    source: TrainedModel, folder: Path, *, repository: str | None = None, license: str = "unknown"
) -> None:
    """Writes what `load_model` needs, samples.png, and README.md, the model card.

    Real images are left out: their terms may not allow it. So are paths of this machine.

    Args:
        source: The model.
        folder: A new or an empty one, made if need be.
        repository: Where the folder will lie on the Hub, for the card's example.
        license: Of the weights, as the Hub names it.
    """
    model = source.model
    shared = Model(source.config, model.nets, model.data_shape, model.class_names, model.sampler)
    folder.mkdir(parents=True, exist_ok=True)
    save_model(folder, shared)
    images = model.sample(SHOWN**2, seed=0).unflatten(0, (SHOWN, SHOWN))
    write_atomically(folder / "samples.png", picture_content([tile_sheet(images)]))
    write_atomically(folder / "README.md", model_card(source, repository or "path/to/this/folder", license))


def model_card(source: TrainedModel, repository: str, license: str) -> str:
    """The card: a header in YAML for the Hub, then what people want to know."""
    environment = Environment(
        loader=PackageLoader("paribus.exports"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    preset = source.config.model in model_names()
    scores, protocols = _scores(source)
    return environment.get_template("card.md.j2").render(
        header=yaml.safe_dump(_header(source, license), sort_keys=False, allow_unicode=True),
        name=f"{source.model.config.model} on {source.data_name}",
        source=source,
        model=source.model,
        config=source.config,
        summary=about(source.config.model)["summary"] if preset else "",
        command=command_of(source.config) if preset and source.run else "",
        data=DATASETS.get(source.model.config.data.name),
        repository=repository,
        training=_training(source),
        scores=scores,
        protocols=protocols,
        version=__version__,
    )


def _header(source: TrainedModel, license: str) -> dict[str, Any]:
    model = source.model
    kinds = [model.objective.name, model.config.backbone.name, model.config.model]
    return {
        "library_name": "paribus",
        "pipeline_tag": "unconditional-image-generation",
        "license": license,
        "tags": list(dict.fromkeys(["paribus", *kinds, *(["class-conditional"] if model.image.classes else [])])),
        **({"datasets": [source.data_hub_id]} if source.data_hub_id else {}),
    }


def _training(source: TrainedModel) -> list[tuple[str, str]]:
    """What the run's record says, as rows."""
    record, done = source.record, (source.run.done if source.run else None) or {}
    data, machine = record.get("data") or {}, record.get("machine") or {}
    splits = {name: n for name, n in (data.get("counts") or {}).items() if n}
    updates = ", ".join(f"{count(n)} of {role}" for role, n in (done.get("updates") or {}).items())
    parameters = ", ".join(f"{role} {count(n)}" for role, n in (record.get("parameters") or {}).items())
    rows = {
        "budget": record.get("config", {}).get("training", {}).get("budget"),
        "training images seen": _images_seen(source.model, done),
        "images by split": ", ".join(f"{name} {count(n)}" for name, n in splits.items()),
        "updates": updates,
        "seconds of training": duration(done["seconds"]) if "seconds" in done else None,
        "operations per image": compact(done.get("flops_per_image"), "FLOP") if done.get("flops_per_image") else None,
        "parameters": parameters,
        "machine": ", ".join(str(machine[key]) for key in ("cpu", "gpu") if machine.get(key)),
        "torch": machine.get("torch"),
        "seed": str(source.model.config.seed),
        "data's fingerprint": data.get("fingerprint"),
        "run's identity": record.get("identity"),
    }
    return [(name, str(value)) for name, value in rows.items() if value]


def _images_seen(model: Model, done: dict[str, Any]) -> str | None:
    if model.unfinished_after is not None:
        return f"{count(model.unfinished_after)}; training has not ended"
    return count(done["images"]) if "images" in done else None


def _scores(source: TrainedModel) -> tuple[list[tuple[str, str, str, str, int]], list[str]]:
    """Rows (metric, value, better, encoder, number of its protocol), and the protocols."""
    rows, protocols = [], list[str]()
    words = source.run.metric_words if source.run else {}
    for score in source.run.evaluation if source.run else ():
        metric = words.get(score.metric)
        if metric is None or metric.direction == "none" or score.value is None or score.weights == "best":
            continue
        protocol = protocol_words(score.protocol)
        if protocol not in protocols:
            protocols.append(protocol)
        better = f"{metric.target:g} is best" if metric.target is not None else metric.direction
        value = plus_minus(score.value, score.error) + (f" {metric.unit}" if metric.unit else "")
        encoder = score.encoder.id if score.encoder else ""
        rows.append((metric.label, value, better, encoder, protocols.index(protocol) + 1))
    return rows, protocols
