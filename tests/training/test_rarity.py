"""Training images drawn by rarity: exact resume at any step, and what is rare comes more often."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.data import Batches, Split
from paribus.models.files import weights_of
from tests.conftest import fit_in, made_data, tiny_config

RARITY = ("training.rarity=0", "training.budget=13updates")  # 40 images by 8: two and a half epochs


@pytest.mark.parametrize("step", [3, 4, 5, 6, 9, 10, 11])
def test_resume_is_exact_wherever_it_stopped(step: int, tmp_path: Path) -> None:
    config, data = tiny_config("vae", *RARITY, "training.checkpoint_steps=1"), made_data()
    whole = fit_in(tmp_path / "whole", config, data)

    def interrupt(progress: Any) -> None:
        if progress.terms["step"] == step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_in(tmp_path / "parts", config, data, report=interrupt)
    again = fit_in(tmp_path / "parts", config, data)
    assert weights_of(again.model.nets) == weights_of(whole.model.nets)


def test_resume_is_exact_where_a_batch_spans_epochs(tmp_path: Path) -> None:
    config = tiny_config("vae", *RARITY, "training.batch_size=100", "training.checkpoint_steps=1")
    data = made_data()
    whole = fit_in(tmp_path / "whole", config, data)
    fit_in(tmp_path / "parts", config, data, stop_requested=lambda: True)  # after a step
    again = fit_in(tmp_path / "parts", config, data)
    assert again.state.step == 13
    assert weights_of(again.model.nets) == weights_of(whole.model.nets)


def test_it_changes_what_is_learned_from_the_second_epoch_on(tmp_path: Path) -> None:
    data = made_data()
    for budget, alike in (("5updates", True), ("6updates", False)):
        found = [
            weights_of(fit_in(tmp_path / f"{budget}-{k}", tiny_config("vae", *own), data).model.nets)
            for k, own in enumerate([(f"training.budget={budget}",), (*RARITY, f"training.budget={budget}")])
        ]
        assert (found[0] == found[1]) == alike


def test_a_constant_draws_more_evenly(tmp_path: Path) -> None:
    def spread(constant: str) -> float:
        config = tiny_config("vae", *RARITY, f"training.rarity={constant}")
        [weights] = fit_in(tmp_path / constant, config, made_data()).state.image_weights.values()
        return float(weights.max() / weights.min())

    assert spread("0") > spread("1") > spread("1000") > 1


def test_epochs_with_weights_draw_by_them() -> None:
    images = torch.arange(100, dtype=torch.uint8).view(100, 1, 1, 1)
    weights = torch.ones(100, dtype=torch.float64)
    weights[:10] = 9  # a tenth of the images with half of the weight
    batches = Batches(Split(images, None), 25, 0, weights={1: weights / weights.sum()})
    epochs = [torch.cat([batches[4 * epoch + k][2] for k in range(4)]) for epoch in range(3)]
    assert [len(epoch.unique()) for epoch in (epochs[0], epochs[2])] == [100, 100]
    assert 35 <= int((epochs[1] < 10).sum()) <= 65
    assert batches.epochs(0, 4) == range(1) and batches.epochs(3, 5) == range(2)


def test_without_an_encoder_it_is_one_error(tmp_path: Path) -> None:
    with pytest.raises(ParibusError, match=r"only where there is an encoder[\s\S]*training\.rarity"):
        fit_in(tmp_path, tiny_config("gan", "training.rarity=0"), made_data())
