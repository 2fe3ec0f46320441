"""Models as files: model.safetensors and config.json, in a folder or on the Hugging Face Hub."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from paribus.config import RunConfig
from paribus.errors import ParibusError
from paribus.models.model import Model, build_networks
from paribus.objectives.base import Nets
from paribus.runs import write_atomically, write_json
from paribus.settings import ImageShape

FORMAT = 1


def weights_of(nets: Nets) -> bytes:
    """The networks' weights and buffers as safetensors, named role.module.tensor."""
    tensors: dict[str, Tensor] = {}
    for role, net in nets.items():
        for name, tensor in net.state_dict().items():
            # safetensors refuses channels_last
            tensors[f"{role}.{name}"] = tensor.detach().cpu().contiguous()
    return save(tensors)


def description(config: RunConfig, image: ImageShape, class_names: tuple[str, ...] | None) -> dict[str, Any]:
    """The content of config.json."""
    return {
        "format": FORMAT,
        "config": config.tree(),
        "image": {"channels": image.channels, "size": image.size, "classes": image.classes},
        "class_names": list(class_names) if class_names else None,
    }


def save_model(folder: Path, model: Model) -> None:
    """Writes config.json, then model.safetensors, each atomically."""
    write_json(folder / "config.json", description(model.config, model.data_shape, model.class_names))
    write_atomically(folder / "model.safetensors", weights_of(model.nets))


def load_model(source: str | Path, *, weights: Path | None = None) -> Model:
    """The model of a run's folder or of a Hub repository ("org/name").

    Args:
        source: The folder or the Hub id.
        weights: A snapshot to load in place of model.safetensors.

    Raises:
        ParibusError: There is no model, or its files do not fit each other.
    """
    folder = _folder(source)
    weights = weights or folder / "model.safetensors"
    if not weights.is_file():
        raise ParibusError(
            "There is no trained model here.",
            where=str(folder),
            got="no " + weights.name,
            fix="let the training end ('paribus train --out FOLDER --resume'), or choose another folder",
        )
    record = json.loads((folder / "config.json").read_text())
    config, image = RunConfig(**record["config"]), ImageShape(**record["image"])
    every_role = build_networks(config, image)
    nets = {role: every_role[role] for role in config.objective.averaged}
    _load_weights(nets, weights)
    names = record["class_names"]
    return Model(config, nets, image, tuple(names) if names else None)


def _load_weights(nets: Nets, path: Path) -> None:
    try:
        tensors = load_file(path)
        for role, net in nets.items():
            prefix = f"{role}."
            net.load_state_dict({k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)})
    except (SafetensorError, RuntimeError) as error:
        raise ParibusError(
            "The weights do not fit the model's configuration.",
            where=str(path),
            got=str(error).splitlines()[0],
            fix="the files are damaged or come from different runs: train again, or copy the whole folder",
        ) from error


def _folder(source: str | Path) -> Path:
    if Path(source).is_dir() or str(source).count("/") != 1:
        if not (Path(source) / "config.json").is_file():
            raise ParibusError(
                "There is no trained model here.",
                where=str(source),
                got="no config.json" if Path(source).is_dir() else "no such folder",
                expected="a run's folder, or the id of a Hugging Face Hub repository (org/name)",
            )
        return Path(source)
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError

    try:
        return Path(snapshot_download(str(source), allow_patterns=["config.json", "model.safetensors"]))
    except (HfHubHTTPError, LocalEntryNotFoundError, RepositoryNotFoundError, OSError) as error:
        raise ParibusError(
            "The model could not be fetched.",
            where=str(source),
            got=str(error).splitlines()[0],
            expected="a run's folder, or the id of a Hugging Face Hub repository (org/name) that can be reached",
        ) from error
