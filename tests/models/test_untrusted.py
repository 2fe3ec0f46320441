"""Folders that anybody may have made: nothing in them is executed, and what is wrong with them is said."""

from __future__ import annotations

import json
import pickle
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.models import Model, build_networks, files, load_model, networks, save_model
from paribus.models.samplers import new_sampler
from tests.conftest import tiny_config


class Planted:
    """Runs when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return Path.touch, (self.mark,)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    config, image = tiny_config("gan"), ImageShape(1, 8)
    save_model(tmp_path / "model", Model(config, {"G": build_networks(config, image)["G"]}, image))
    return tmp_path / "model"


def test_no_file_is_executed(folder: Path, tmp_path: Path) -> None:
    mark = tmp_path / "executed"
    code = f"open({str(mark)!r}, 'w')\n"
    for name in ("__init__.py", "modeling.py", "conftest.py", "paribus.py"):
        (folder / name).write_text(code)
    for name in ("pytorch_model.bin", "model.pt", "sampler.pt"):
        torch.save(Planted(mark), folder / name)
    assert load_model(folder).sample(2).shape == (2, 1, 8, 8)
    assert not mark.exists()
    torch.save({"G": Planted(mark)}, folder / "model.safetensors")
    with pytest.raises(ParibusError, match="The weights do not fit"):
        load_model(folder)
    assert not mark.exists()
    pickle.loads(pickle.dumps(Planted(mark)))
    assert mark.exists(), "the plant would have shown"


WRONG: dict[str, Callable[[dict[str, Any]], object]] = {
    "code": lambda record: record["config"].update(auto_map={"AutoModel": "modeling.Model"}),
    "backbone": lambda record: record["config"]["backbone"].update(name="os.system"),
    "width": lambda record: record["config"]["backbone"].update(width="8; import os"),
    "no objective": lambda record: record["config"].pop("objective"),
    "a list for a name": lambda record: record["config"]["objective"].update(name=["gan"]),
    "size": lambda record: record["image"].update(size=1_000_000),
    "channels": lambda record: record["image"].update(channels=2),
    "a text for a number": lambda record: record["image"].update(size="x"),
    "classes without names": lambda record: record["image"].update(classes=3),
    "more": lambda record: record.update(hook="modeling.py"),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_configuration_is_refused(folder: Path, what: str) -> None:
    path = folder / "config.json"
    record = json.loads(path.read_text())
    WRONG[what](record)
    path.write_text(json.dumps(record))
    with pytest.raises(ParibusError, match="The model's configuration is not valid") as caught:
        load_model(folder)
    assert f"where:    {path}" in str(caught.value)


HUGE: dict[str, Callable[[dict[str, Any]], object]] = {
    "width": lambda config: config["backbone"].update(width=10**9),
    "depth": lambda config: config["backbone"].update(depth=10**7),
    "residual blocks": lambda config: config["backbone"].update(residual_blocks=10**7),
    "a width that the file's numbers allow": lambda config: config["backbone"].update(width=200),
    "a depth that the file's numbers allow": lambda config: config["backbone"].update(depth=200),
    "latents": lambda config: config["objective"].update(latent_dim=10**9),
    "latents beyond any memory": lambda config: config["objective"].update(latent_dim=2**62),
}


@pytest.mark.parametrize("what", HUGE)
def test_a_configuration_of_huge_networks_takes_neither_time_nor_memory(
    folder: Path, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is built before the file's header was compared is built on torch's meta device."""
    path = folder / "config.json"
    record = json.loads(path.read_text())
    HUGE[what](record["config"])
    path.write_text(json.dumps(record))

    def build(*given: object) -> None:
        raise AssertionError("memory is taken")

    monkeypatch.setattr(files, "build_networks", build)
    monkeypatch.setattr(files, "load", build)
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ParibusError, match=r"The weights do not fit|The model's configuration is not valid"):
        load_model(folder)
    assert time.monotonic() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB


def test_a_depth_that_the_files_numbers_allow_is_not_built_to_its_end(folder: Path) -> None:
    """A file of a few tensors, one of them large: it bounds how many are built to be compared."""
    described = files._described(folder / "config.json")
    backbone = described.config.backbone.model_copy(update={"depth": 10**6})
    config = described.config.model_copy(update={"backbone": backbone})
    written = {"G.large": torch.empty(10**7, device="meta")}
    began = time.monotonic()
    with pytest.raises(networks.NotOfTheseSizes, match="networks of more than 1,020 tensors"):
        networks.check_sizes(config, described.image, written)
    assert time.monotonic() - began < 2


def test_networks_that_are_not_in_the_file_are_bounded_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    described = files._described(folder / "config.json")
    objective, roles = type(described.config.objective), type(described.config.objective).roles

    def with_a_large_critic(self: Any, backbone: Any, image: ImageShape) -> Any:
        return roles(self, backbone, image) | {"D": torch.nn.Linear(10**5, 10**5)}

    monkeypatch.setattr(objective, "roles", with_a_large_critic)
    with pytest.raises(ParibusError, match=r"The weights do not fit[\s\S]*networks of 10,000,"):
        load_model(folder)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.int64])
def test_weights_of_another_type_are_refused(folder: Path, dtype: torch.dtype) -> None:
    path = folder / "model.safetensors"
    tensors = load(path.read_bytes())
    path.write_bytes(save(tensors | {name: tensor.to(dtype) for name, tensor in list(tensors.items())[:1]}))
    with pytest.raises(ParibusError, match=rf"The weights do not fit[\s\S]*{dtype}"):
        load_model(folder)


def test_a_sampler_of_other_sizes_takes_no_memory(tmp_path: Path) -> None:
    config, image = tiny_config("vae", "sampler.name=gmm", "sampler.components=2"), ImageShape(1, 8)
    nets = build_networks(config, image)
    model = Model(config, nets, image)
    model.sampler = new_sampler(config, 0)
    save_model(tmp_path, model)
    assert load_model(tmp_path).sampler is not None
    path = tmp_path / "config.json"
    record = json.loads(path.read_text())
    record["config"]["sampler"]["components"] = 10**9
    path.write_text(json.dumps(record))
    with pytest.raises(ParibusError, match=r"The model's (sampler is missing|configuration is not valid)"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        '{"format": 1, "image": {}, "config": []}',
        '{"architectures": ["Other"]}',
        "\ufffd",
        "[" * 100_000,
    ],
)
def test_what_is_no_paribus_model_is_called_so(folder: Path, content: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ParibusError, match="This is not a Paribus model"):
        load_model(folder)


def test_another_format_is_named(folder: Path) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ParibusError, match="another version of Paribus") as caught:
        load_model(folder)
    assert "got:      99" in str(caught.value)
