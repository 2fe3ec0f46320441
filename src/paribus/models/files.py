"""Models as files, in a folder or on the Hugging Face Hub.

config.json            the configuration, the images' shape and the classes' names
model.safetensors      the networks
sampler.safetensors    what latents are drawn from, where that was fitted
samplers/              samplers that were asked for later, by what they depend on
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import model_validator
from safetensors import SafetensorError, safe_open
from safetensors.torch import load, save
from torch import Tensor

from paribus.base.arguments import checked
from paribus.base.errors import Damaged, ParibusError
from paribus.base.files import read_bytes, read_json, write_atomically, write_json
from paribus.base.outputs import refuse_links
from paribus.base.places import checked_path, is_hub_id
from paribus.base.seals import check, tensors_content
from paribus.config import ImageShape, Settings, validated
from paribus.config.overrides import merged
from paribus.data import ImageData, load_data
from paribus.data.decoding import LARGEST_SIZE, SMALLEST_SIZE
from paribus.models.hub import fetched, is_ours
from paribus.models.model import Model
from paribus.models.networks import NotOfTheseSizes, build_networks, check_sizes, first_difference
from paribus.models.samplers import Sampler, fitted_sampler, new_sampler
from paribus.objectives.base import Nets
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder, refuse_study
from paribus.results.score import Fact
from paribus.results.words import fact_words

LOGGER = logging.getLogger("paribus.models")
"""Told of a model that is not what its run is to become."""
FORMAT = 1
NO_IMAGES = "A sampler is fitted to the images that the model was trained on, and they are unavailable."
NO_IMAGES_FIX = (
    "restore the data, or use --sampler prior; training with -o sampler.name=... keeps the sampler with the model"
)
SAMPLER_VERSION = 1
"""Part of the key of every sampler that is kept: raise it with any change to what a fit gives."""


def weights_of(nets: Nets) -> bytes:
    """The networks' weights and buffers as safetensors, named role.module.tensor."""
    tensors: dict[str, Tensor] = {}
    for role, net in nets.items():
        for name, tensor in net.state_dict().items():
            # safetensors refuses channels_last
            tensors[f"{role}.{name}"] = tensor.detach().cpu().contiguous()
    return save(tensors)


def write_weights(path: Path, nets: Nets) -> None:
    """Writes the networks' weights and buffers atomically, with their digest."""
    write_atomically(path, tensors_content(weights_of(nets)))


class Description(Settings):
    """The content of config.json."""

    format: int
    config: RunConfig
    image: ImageShape
    class_names: tuple[str, ...] | None

    @model_validator(mode="after")
    def _can_be_built(self) -> Description:
        image, names = self.image, self.class_names
        if image.channels not in (1, 3) or not SMALLEST_SIZE <= image.size <= LARGEST_SIZE:
            raise ValueError(f"1 or 3 channels, {SMALLEST_SIZE} to {LARGEST_SIZE} pixels")
        if image.classes != len(names or ()):
            raise ValueError("as many names as classes")
        return self


def description(config: RunConfig, image: ImageShape, class_names: tuple[str, ...] | None) -> dict[str, Any]:
    """The content of config.json as plain values."""
    return {
        "format": FORMAT,
        "config": config.tree(),
        "image": {"channels": image.channels, "size": image.size, "classes": image.classes},
        "class_names": list(class_names) if class_names else None,
    }


def save_model(folder: Path, model: Model) -> None:
    """Writes config.json, sampler.safetensors where there is a sampler, and model.safetensors, each atomically."""
    write_json(folder / "config.json", description(model.config, model.data_shape, model.class_names))
    if model.sampler is not None:
        _save_sampler(folder / "sampler.safetensors", model.sampler, _sampler_key(model))
    write_weights(folder / "model.safetensors", model.nets)


@checked
def load_model(
    source: str | Path,
    *,
    weights: str | Path | None = None,
    revision: str | None = None,
    sampler: Mapping[str, Any] | None = None,
) -> Model:
    """The model of a run's folder, of an exported folder, or of a Hub repository ("org/name").

    Of a run that has not ended these are its last averaged weights, which `Model.unfinished_after` and a line to the
    logger "paribus.models" say.

    Nothing that the folder holds is executed: weights are safetensors (in a checkpoint what torch reads with
    `weights_only`), all else is JSON, and it is checked.

    Args:
        source: The folder or the Hub id.
        weights: A snapshot to load in place of model.safetensors; it has no sampler but the prior.
        revision: Of a Hub repository: a branch, tag or commit; the newest by default.
        sampler: What differs from the model's own sampler, such as {"name": "gmm"}: see `with_sampler`.

    Raises:
        ParibusError: There is no model, its files do not fit each other, or it cannot have this sampler.
    """
    folder = _folder(source, revision)
    described = _described(folder / "config.json")
    config, image = described.config, described.image
    found = (_weights_on_the_way(RunFolder(folder), described) if weights is None else None) or _written_weights(
        folder / "model.safetensors" if weights is None else checked_path(weights, "weights"), described
    )
    nets = found.networks(described)
    model = Model(config, nets, image, described.class_names or None)
    model.unfinished_after = found.unfinished_after
    if model.unfinished_after is not None:
        LOGGER.warning("%s: %s", source, fact_words(unfinished(model.unfinished_after)))
    if weights is None and config.sampler.name != "prior":
        model.sampler = (_own_sampler if model.unfinished_after is None else _kept_or_fitted)(folder, model)
    return with_sampler(source, model, sampler) if sampler else model


def unfinished(images: int) -> Fact:
    """That a model's training has not ended."""
    return Fact(code="unfinished", figures={"images": images})


def with_sampler(source: str | Path, model: Model, settings: Mapping[str, Any]) -> Model:
    """The model of `load_model(source)` with another sampler, fitted now to the training images of its run.

    The fit is kept in the run's folder under samplers/.

    Args:
        source: The run's folder or the Hub id.
        model: What was loaded from there.
        settings: What differs from the run's own sampler: its name, and any of `SamplerSettings`.

    Raises:
        ParibusError: The model has no encoder, there is no such sampler, or the run's images are unavailable.
    """
    config = validated(RunConfig, merged(model.config.tree(), {"sampler": dict(settings)}))
    if config.sampler == model.config.sampler:
        return model
    changed = Model(config, model.nets, model.data_shape, model.class_names)
    changed.unfinished_after = model.unfinished_after
    if config.sampler.name != "prior":
        changed.sampler = _kept_or_fitted(Path(source), changed)
    return changed


def _kept_or_fitted(folder: Path, model: Model) -> Sampler:
    """The sampler of a model's configuration, fitted to these weights now if it was not before."""
    key = _sampler_key(model)
    kept = folder / "samplers" / f"{model.config.sampler.name}-{key[:16]}.safetensors"
    sampler = _load_sampler(kept, model, key)
    if sampler is None:
        refuse_links(folder)
        data = images_of_run(folder, model.config, what=NO_IMAGES, fix=NO_IMAGES_FIX)
        sampler = fitted_sampler(model, data.train)
        assert sampler is not None
        if folder.is_dir():
            with contextlib.suppress(OSError):  # a folder that cannot be written to: it is fitted again next time
                _save_sampler(kept, sampler, key)
    return sampler


def images_of_run(folder: Path, config: RunConfig, *, what: str, fix: str) -> ImageData:
    """The images that a run was trained on; a model without run.yaml (from the Hub) is taken at its word.

    Args:
        folder: The run's.
        config: The model's configuration.
        what: The message where they are unavailable.
        fix: What to do then.

    Raises:
        ParibusError: There are none, or others.
    """
    try:
        data = load_data(config.data)
    except ParibusError as error:
        got = str(error).splitlines()[0]
        raise ParibusError(what, where=f"data '{config.data.name}'", got=got, fix=fix) from error
    run = RunFolder(folder)
    known = run.recorded("data", "fingerprint") if run.exists else data.fingerprint
    if data.fingerprint != known:
        got = f"images with another fingerprint, {data.fingerprint[:12]}"
        raise ParibusError(what, where=f"data '{config.data.name}'", got=got, expected=known[:12], fix=fix)
    return data


def _own_sampler(folder: Path, model: Model) -> Sampler:
    path = folder / "sampler.safetensors"
    sampler = _load_sampler(path, model, _sampler_key(model))
    if sampler is None:
        raise ParibusError(
            "The model's sampler is missing or belongs to other weights.",
            where=str(path),
            got="a sampler of other weights or settings" if path.is_file() else "no such file",
            fix="let the training end ('paribus train --out FOLDER --resume'), or copy the whole folder",
        )
    return sampler


def _sampler_key(model: Model) -> str:
    """What a fitted sampler depends on beside the data, which a run's weights stand for."""
    settings = model.config.sampler.model_dump(mode="json")
    weights = hashlib.sha256(weights_of(model.nets)).hexdigest()
    return hashlib.sha256(json.dumps([SAMPLER_VERSION, settings, model.config.seed, weights]).encode()).hexdigest()


def _save_sampler(path: Path, sampler: Sampler, key: str) -> None:
    tensors = {name: tensor.contiguous() for name, tensor in sampler.state_dict().items()}
    write_atomically(path, tensors_content(save(tensors), {"key": key}))


def _load_sampler(path: Path, model: Model, key: str) -> Sampler | None:
    """A sampler that was kept under this key; None where there is none, or the file is damaged."""
    if model.config.sampler.name == "prior" or not path.is_file():
        return None
    try:
        with torch.device("meta"):  # its sizes are compared before memory is taken for them
            expected = new_sampler(model.config, model.image.classes)
        assert expected is not None
        if first_difference(expected.state_dict(), _header(path)):
            return None
        sampler = new_sampler(model.config, model.image.classes)
        assert sampler is not None
        check(read_bytes(path), path, "")
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            sampler.load_state_dict({name: file.get_tensor(name) for name in file.keys()})
    except (Damaged, SafetensorError, RuntimeError, OSError):
        return None
    return sampler.requires_grad_(False)


@dataclass(frozen=True)
class _Weights:
    """Averaged weights as they were read.

    Args:
        path: The file that they are from.
        tensors: By role.module.tensor.
        unfinished_after: Training images seen where training has not ended; None for the weights of a file by itself.
    """

    path: Path
    tensors: Mapping[str, Tensor]
    unfinished_after: int | None = None

    def networks(self, described: Description) -> Nets:
        """The networks by role that have them.

        Raises:
            ParibusError: They are of other networks.
        """
        _refuse_unfit(self.path, described, self.tensors)
        every_role = build_networks(described.config, described.image)
        nets = {role: every_role[role] for role in described.config.objective.averaged}
        for role, net in nets.items():
            own = {
                key.removeprefix(f"{role}."): value for key, value in self.tensors.items() if key.startswith(f"{role}.")
            }
            try:
                net.load_state_dict(own)
            except RuntimeError as error:
                raise _unfit(self.path, error) from error
        return nets


def _unfit(path: Path, error: Exception) -> ParibusError:
    return ParibusError(
        "The weights do not fit the model's configuration.",
        where=str(path),
        got=str(error).splitlines()[0],
        fix="the files are damaged or come from different runs: train again, or copy the whole folder",
    )


def _refuse_unfit(path: Path, described: Description, tensors: Mapping[str, Tensor]) -> None:
    try:
        check_sizes(described.config, described.image, tensors)
    except NotOfTheseSizes as error:
        raise _unfit(path, error) from None


_TYPES = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16, "I32": torch.int32, "I64": torch.int64,
    "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32, "F64": torch.float64,
}  # fmt: skip


def _header(path: Path) -> dict[str, Tensor]:
    """The tensors of a file without their numbers, by name, on torch's meta device.

    Raises:
        SafetensorError: It is no such file.
    """
    with safe_open(path, framework="pt") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}
        return {
            name: torch.empty(part.get_shape(), dtype=_TYPES.get(part.get_dtype(), torch.complex128), device="meta")
            for name, part in slices.items()
        }


def _written_weights(path: Path, described: Description) -> _Weights:
    if not path.is_file():
        raise ParibusError(
            "There is no trained model here.",
            where=str(path.parent),
            got="no " + path.name,
            fix="let the training end ('paribus train --out FOLDER --resume'), or choose another folder",
        )
    try:
        try:
            _refuse_unfit(path, described, _header(path))
        except (SafetensorError, ParibusError):
            check(read_bytes(path), path, _mend(path))  # it may be damaged, which is another message
            raise
        return _Weights(path, load(check(read_bytes(path), path, _mend(path))))
    except SafetensorError as error:
        raise _unfit(path, error) from error


def _weights_on_the_way(run: RunFolder, described: Description) -> _Weights | None:
    """The last averaged weights of a run that has not ended: its checkpoint's, or those of a later snapshot.

    None for another run, and for one that has neither yet.

    Raises:
        Damaged: What there is of them is damaged.
    """
    if not run.is_unfinished:
        return None
    kept, saved = max(run.snapshots(), default=None), run.read_checkpoint()
    if saved is not None:
        state = torch.load(io.BytesIO(saved.content), map_location="cpu", weights_only=True)
        images = int(state["progress"][1])  # as `TrainingState.saved` writes it
        if kept is None or images >= kept:
            averages = state["averages"].items()
            tensors = {f"{role}.{name}": tensor for role, own in averages for name, tensor in own.items()}
            return _Weights(saved.path, tensors, images)
    if kept is None:
        return None
    written = _written_weights(run.snapshot(kept), described)
    return _Weights(written.path, written.tensors, kept)


def _mend(weights: Path) -> str:
    if weights.parent.name == "snapshots":
        return "remove this snapshot: what compares snapshots does without it"
    return (
        "'paribus train MODEL --out RUN --resume' or, for a study, 'paribus study run DIR' writes it again from the "
        "run's checkpoint; copy or fetch an exported model again"
    )


def _folder(source: str | Path, revision: str | None) -> Path:
    folder = checked_path(source, "RUN")
    refuse_study(folder)
    if folder.exists() or not is_hub_id(str(source)):
        if not (folder / "config.json").is_file():
            raise ParibusError(
                "There is no trained model here.",
                where=str(source),
                got="no config.json" if folder.is_dir() else "a file" if folder.exists() else "no such folder",
                expected="a run's folder, or the id of a Hugging Face Hub repository (org/name)",
            )
        return folder
    return fetched(str(source), revision)


def _described(path: Path) -> Description:
    """The content of config.json, checked: it may come from anybody.

    Raises:
        ParibusError: It is not the file of a Paribus model, or one of another version, or something in it is wrong.
    """
    fix = "'paribus train MODEL --out RUN --resume' writes it again; copy or fetch an exported model again"
    if not is_ours(path):
        if RunFolder(path.parent).exists:
            read_json(path, fix)
        raise ParibusError(
            "This is not a Paribus model.", where=str(path), expected="a config.json as Paribus wrote it", fix=fix
        )
    record = read_json(path, fix)
    if record["format"] != FORMAT:
        raise ParibusError(
            "The model was written by another version of Paribus.",
            where=f"format in {path}",
            got=record["format"],
            expected=FORMAT,
            fix="update Paribus",
        )
    try:
        return validated(Description, record)
    except (ParibusError, TypeError) as error:  # the second of a name that is no text
        raise ParibusError(
            "The model's configuration is not valid.", where=str(path), got=str(error).splitlines()[0]
        ) from error
