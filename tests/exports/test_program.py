"""Decoders written down as operations; that a browser computes the same from them is in test_live_browser.py."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from paribus.base.registry import backbones
from paribus.config import ImageShape
from paribus.exports.networks import DecoderModule
from paribus.exports.program import Program, UnknownOperation, program_of
from paribus.models import Model
from tests.conftest import tiny_config
from tests.exports.made import inputs_of, made_model


def recorded(model: Model) -> tuple[Program, Tensor]:
    inputs = inputs_of(model)
    with torch.no_grad():
        return program_of(DecoderModule(model), inputs), DecoderModule(model)(*inputs)


@pytest.mark.parametrize("conditional", [False, True])
@pytest.mark.parametrize("backbone", backbones.names())
def test_every_backbone_is_known(backbone: str, conditional: bool) -> None:
    config = tiny_config("gan", f"backbone.name={backbone}", f"objective.conditional={conditional}")
    program, expected = recorded(made_model(config, ImageShape(3, 28, 3)))
    assert program.inputs == ((4, 3) if conditional else (4,))
    assert (program.example - expected).abs().max() <= 2 / 255
    assert not torch.equal(program.example, expected), "the weights were not rounded"
    results = len(program.inputs)
    for step in program.steps:  # operands are there before they are needed
        for operand in (*np.ravel(step["x"]), step.get("y", 0), step.get("bias", 0)):
            assert -len(program.constants) <= operand < results
        results += 1
    assert program.output == results - 1
    assert program.steps[-1]["shape"] == [1, 3, 28, 28]


def test_numbers_survive_the_way_to_text() -> None:
    program, _ = recorded(made_model(tiny_config("gan"), ImageShape(1, 8)))
    content = json.loads(json.dumps(program.as_json()))
    numbers = np.frombuffer(base64.b64decode(content["weights"]), "<f2").astype(np.float32)
    assert np.array_equal(numbers, torch.cat([constant.flatten() for constant in program.constants]).numpy())
    assert sum(int(np.prod(shape)) for shape in content["shapes"]) == len(numbers)


class Strange(nn.Module):
    """Does what no interpreter in a page expects."""

    def __init__(self, what: str) -> None:
        super().__init__()
        self.what = what

    def forward(self, z: Tensor) -> Tensor:
        match self.what:
            case "cumsum":
                return z.cumsum(1)
            case "a step with the number 1e-09":
                return z + 1e-9
            case "slice with a step":
                return z[:, ::2] + 1
            case "softmax over another dimension than the last":
                return z[:, :, None].softmax(1)
            case _:
                return nn.functional.conv2d(z[:, :, None, None], torch.ones(1, 4, 1, 1), stride=2)


@pytest.mark.parametrize(
    "what",
    [
        "cumsum",
        "a step with the number 1e-09",
        "slice with a step",
        "softmax over another dimension than the last",
        "a convolution of an unusual kind",
    ],
)
def test_an_unknown_operation_is_named(what: str) -> None:
    with pytest.raises(UnknownOperation, match=what):
        program_of(Strange(what), [torch.randn(1, 4)])
