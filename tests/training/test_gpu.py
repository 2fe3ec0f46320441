"""The same loop on a CUDA device."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from paribus.recipes import model_names
from paribus.results.folder import RunFolder
from tests.conftest import fit_in, made_data, tiny_config

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device"),
]


@pytest.mark.parametrize("model", model_names())
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_trains_resumes_and_samples(model: str, precision: str, tmp_path: Path) -> None:
    config = tiny_config(model, f"training.precision={precision}", "training.device=cuda", "training.budget=4updates")
    fit_in(tmp_path, config, made_data(16, 3))
    longer = tiny_config(model, f"training.precision={precision}", "training.device=cuda", "training.budget=9updates")
    outcome = fit_in(tmp_path, longer, made_data(16, 3))
    assert outcome.state.step == 9
    assert outcome.model.sample(5).shape == (5, 3, 16, 16)
    lines = RunFolder(tmp_path).metrics_lines()
    assert all(math.isfinite(value) for line in lines for value in line.values())
