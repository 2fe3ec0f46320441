"""Folders that anybody may have made: nothing in them is executed, and what is wrong with them is said."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.models import Model, build_networks, load_model, save_model
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


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"format": 1, "image": {}, "config": []}', '{"architectures": ["Other"]}', "\ufffd"]
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
