"""What each part of `base.torch_internals` takes for granted of torch."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from paribus.base import torch_internals
from paribus.base.torch_internals import (
    FlopCounter,
    OperationMode,
    ReplacedFunctions,
    processor_has_bf16,
    skipped_initialisation,
)
from paribus.config import ImageShape
from paribus.models.networks import build_networks, parameter_count, parameter_counts
from paribus.recipes import model_names, resolve


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("Adam", {"lr": 1e-2, "fused": True}),
        ("SGD", {"lr": 1e-2, "momentum": 0.9, "fused": True}),
        ("RMSprop", {"lr": 1e-2, "momentum": 0.9, "foreach": True}),
    ],
)
def test_optimisers_without_guards_are_torchs_own(kind: str, settings: dict[str, Any]) -> None:
    def trained(optimizer_kind: type[torch.optim.Optimizer]) -> tuple[list[Tensor], dict[str, Any]]:
        torch.manual_seed(0)
        net, inputs = nn.Linear(3, 2), torch.randn(5, 3)
        optimizer = optimizer_kind(net.parameters(), **settings)
        for step in range(4):
            optimizer.zero_grad()
            net(inputs).square().sum().backward()
            optimizer.step()
            if step == 1:  # state_dict and load_state_dict are without guards, too
                state = optimizer.state_dict()
                optimizer = optimizer_kind(net.parameters(), **settings)
                optimizer.load_state_dict(state)
        return list(net.parameters()), optimizer.state_dict()["state"]

    ours, own_state = trained(getattr(torch_internals, kind))
    torchs, state = trained(getattr(torch.optim, kind))
    for a, b in zip(ours, torchs, strict=True):
        assert torch.equal(a, b)
    for k, moments in state.items():
        for name, value in moments.items():
            assert torch.equal(torch.as_tensor(own_state[k][name]), torch.as_tensor(value)), name


def test_optimisers_step_without_gradients() -> None:
    weight = nn.Parameter(torch.ones(2))
    weight.grad = torch.ones(2)
    torch_internals.Adam([weight]).step()  # in place on a leaf: an error where gradients are on


def test_an_operation_mode_sees_forward_and_backward() -> None:
    class Names(OperationMode):
        seen: list[str]

        def operation(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
            self.seen.append(function.overloadpacket.__name__)
            return super().operation(function, args, kwargs)

    names = Names()
    names.seen = []
    weight = torch.ones(2, 3, requires_grad=True)
    with names:
        (weight @ torch.ones(3, 4)).tanh().sum().backward()
    assert [name for name in names.seen if name in ("mm", "tanh", "tanh_backward")] == [
        "mm", "tanh", "tanh_backward", "mm",
    ]  # fmt: skip


def test_operations_are_counted_by_torchs_formulas() -> None:
    """2 * 5 * 3 * 4 forward, as many for the weight's gradient; by training/test_flops.py whole models are, too."""
    weight = torch.ones(3, 4, requires_grad=True)
    with FlopCounter() as counter:
        (torch.ones(5, 3) @ weight).sum().backward()
    assert counter.total == 2 * (2 * 5 * 3 * 4)


@pytest.mark.parametrize(
    ("layer", "function", "shape"),
    [
        (nn.BatchNorm1d(3), nn.functional.batch_norm, (4, 3)),
        (nn.BatchNorm2d(3), nn.functional.batch_norm, (4, 3, 2, 2)),
        (nn.Dropout(0.5), nn.functional.dropout, (4, 3)),
    ],
)
def test_layers_find_a_function_that_was_replaced(layer: nn.Module, function: Any, shape: tuple[int, ...]) -> None:
    calls = []

    def instead(features: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        calls.append(features)
        return function(features, *args, **kwargs)  # itself again

    with ReplacedFunctions({function: instead}):
        layer(torch.randn(shape))
    assert len(calls) == 1


def test_a_function_of_torch_itself_can_be_replaced() -> None:
    with ReplacedFunctions({torch.randn_like: lambda features: features + 1}):
        assert torch.equal(torch.randn_like(torch.zeros(2)), torch.ones(2))


def test_initialisation_is_skipped() -> None:
    with skipped_initialisation():
        for initialise in (nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_):
            assert not initialise(torch.zeros(2, 2)).any()
        assert not nn.init.constant_(tensor=torch.zeros(2), val=1.0).any()


@pytest.mark.parametrize("model", model_names())
def test_counted_networks_are_those_that_are_built(model: str) -> None:
    config, image = resolve(model, overrides=["backbone.width=8"]), ImageShape(1, 8, 3)
    nets = build_networks(config, image)
    assert parameter_counts(config, image) == {role: parameter_count(net) for role, net in nets.items()}


@pytest.mark.skipif(platform.machine() != "x86_64" or not Path("/proc/cpuinfo").is_file(), reason="needs cpuinfo")
def test_bf16_is_what_the_processor_says() -> None:
    flags = Path("/proc/cpuinfo").read_text().split()
    assert processor_has_bf16() == ("avx512_bf16" in flags or "amx_tile" in flags)


def test_neither_training_nor_scoring_nor_counting_imports_the_compiler() -> None:
    code = (
        "import sys, tempfile\n"
        "import paribus as pb\n"
        "from paribus.config import ImageShape\n"
        "from paribus.models.networks import parameter_counts\n"
        "from paribus.recipes import model_names, resolve\n"
        "from tests.conftest import made_data\n"
        "scored = {'inversion_steps': 2, 'encoder': ['classifier', 'self'], 'metrics': ['default', 'inversion_mse']}\n"
        "asked = {'training': {'budget': '64img'}, 'evaluation': scored}\n"
        "with tempfile.TemporaryDirectory() as folder:\n"
        "    for model in ('gan', 'vae'):\n"
        "        run = pb.train(model, made_data(), out=f'{folder}/{model}', config=asked)\n"
        "        assert {'two_sample_accuracy', 'inversion_mse'} <= {score.metric for score in run.scores}\n"
        "for model in model_names():\n"
        "    parameter_counts(resolve(model, overrides=['backbone.width=8']), ImageShape(1, 8, 3))\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path(__file__).parents[2])
