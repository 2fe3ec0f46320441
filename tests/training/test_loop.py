"""The loop: what is logged, kept, refused, and what a diverging loss does."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.base.errors import ParibusError, TrainingDiverged
from paribus.base.seals import tensors_content
from paribus.config import Budget
from paribus.models.files import weights_of
from paribus.results.folder import RunFolder
from paribus.training.optimizers import check_layouts
from paribus.training.state import Averages
from tests.conftest import fit_in, made_data, tiny_config


def lines(folder: Path) -> list[dict[str, Any]]:
    return RunFolder(folder).metrics_lines()


def test_log_counts_steps_and_images(tmp_path: Path) -> None:
    fit_in(tmp_path, tiny_config("gan", "training.checkpoint_steps=2"), made_data())
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 4, 6]
    assert [line["images"] for line in lines(tmp_path)] == [8, 16, 32, 48]
    assert {"D/loss", "D/accuracy_real", "D/accuracy_fake", "G/loss"} <= set(lines(tmp_path)[-1])


def test_resume_leaves_no_line_twice(tmp_path: Path) -> None:
    config = tiny_config("gan", "training.checkpoint_steps=2")

    def interrupt(progress: Any) -> None:
        if progress.terms["step"] == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit_in(tmp_path, config, made_data(), report=interrupt)
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 7, "ima')  # a line that a kill cut short
    fit_in(tmp_path, config, made_data())
    assert [line["step"] for line in lines(tmp_path)] == [1, 2, 4, 6]


@pytest.mark.parametrize(
    ("budget", "steps"),
    [("40img", 5), ("41img", 6), ("2epochs", 10), ("7updates", 7), ("1kimg", 125)],
)
def test_budgets_end_at_the_first_step_that_spends_them(budget: str, steps: int, tmp_path: Path) -> None:
    assert fit_in(tmp_path, tiny_config("gan", f"training.budget={budget}"), made_data()).state.step == steps


def test_a_budget_in_operations(tmp_path: Path) -> None:
    operations = fit_in(tmp_path / "a", tiny_config("gan"), made_data()).flop_per_image
    config = tiny_config("gan").model_copy()
    budget = Budget(10 * 8 * operations, "flop")
    config = config.model_copy(update={"training": config.training.model_copy(update={"budget": budget})})
    assert fit_in(tmp_path / "b", config, made_data()).state.step == 10


def test_operations_of_a_linear_network(tmp_path: Path) -> None:
    """MLP GAN, width 8, z 4, 64 pixels: by hand, a multiply-add counts two."""
    up, down = 4 * 8 + 8 * 64, 64 * 8 + 8
    # D: G forward, D forward on both halves, weight gradients on both, data gradients of all but its first layer
    of_d = up + 2 * down + 2 * down + 2 * 8
    # G: G and D forward, data gradients through D, weight gradients of G, data gradients of all but its first layer
    of_g = up + down + down + up + 8 * 64
    assert fit_in(tmp_path, tiny_config("gan"), made_data()).flop_per_image == 2 * (of_d + of_g)


def test_a_budget_in_seconds(tmp_path: Path) -> None:
    outcome = fit_in(tmp_path, tiny_config("gan", "training.budget=0.3s"), made_data())
    assert outcome.finished
    assert 0.3 <= outcome.state.seconds < 3


def test_snapshots_at_shares_and_amounts_of_the_budget(tmp_path: Path) -> None:
    parts = {"training": {"snapshots": ["1/3", "4updates", "1/1"]}}
    fit_in(tmp_path, tiny_config("gan", **parts), made_data())
    assert RunFolder(tmp_path).snapshots() == [16, 32, 48]
    assert (tmp_path / "samples" / "32.png").is_file()


def test_snapshots_at_an_interval_with_a_limit(tmp_path: Path) -> None:
    parts = {"training": {"snapshots": "every 1epochs", "keep_snapshots": 2, "budget": "5epochs"}}
    fit_in(tmp_path, tiny_config("gan", **parts), made_data())
    assert RunFolder(tmp_path).snapshots() == [160, 200]


def test_the_last_snapshot_is_the_final_model(tmp_path: Path) -> None:
    outcome = fit_in(tmp_path, tiny_config("vae", training={"snapshots": ["1/2", "1/1"]}), made_data())
    assert RunFolder(tmp_path).snapshot(48).read_bytes() == tensors_content(weights_of(outcome.model.nets))


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_checkpoint(tmp_path: Path) -> None:
    config = tiny_config("vae", "training.checkpoint_steps=1", "training.budget=50updates")
    fine = fit_in(tmp_path / "fine", config, made_data())
    assert math.isfinite(lines(tmp_path / "fine")[-1]["VAE/loss"])
    wild = tiny_config(
        "vae", "training.checkpoint_steps=1", "training.budget=50updates",
        "training.optimizer.E.learning_rate=1e4", "training.optimizer.G.learning_rate=1e4",
    )  # fmt: skip
    with pytest.raises(TrainingDiverged, match=r"the term '\w+' of phase 'VAE'.*(\n.*)*step \d+") as caught:
        fit_in(tmp_path / "wild", wild, made_data())
    assert "learning rate" in str(caught.value)
    kept = RunFolder(tmp_path / "wild").read_checkpoint()
    assert kept is not None and kept.damage is None
    saved = torch.load(io.BytesIO(kept.content), weights_only=True)
    assert all(t.isfinite().all() for net in saved["nets"].values() for t in net.values())
    assert saved["progress"][0] < fine.state.step


def test_a_loss_that_grows_beyond_its_bound_counts_as_diverged(tmp_path: Path) -> None:
    config = tiny_config(
        "gan", "training.divergence_factor=1.01", "objective.loss=least-squares",
        "training.optimizer.G.learning_rate=1", "training.checkpoint_steps=1",
    )  # fmt: skip
    with pytest.raises(TrainingDiverged, match="grew from"):
        fit_in(tmp_path, config, made_data())


def test_optimisers_must_fit_the_roles(tmp_path: Path) -> None:
    config = tiny_config("gan", training={"optimizer": {"E": {"learning_rate": 1e-3}}})
    with pytest.raises(ParibusError, match=r"one for each of D, G"):
        fit_in(tmp_path, config, made_data())


@pytest.mark.parametrize("kind", ["adam", "sgd", "rmsprop"])
def test_optimisers_differ(kind: str, tmp_path: Path) -> None:
    default = fit_in(tmp_path / "a", tiny_config("vae"), made_data())
    other = fit_in(
        tmp_path / "b",
        tiny_config("vae", f"training.optimizer.E.kind={kind}", "training.optimizer.E.beta1=0.7"),
        made_data(),
    )
    assert weights_of(default.model.nets) != weights_of(other.model.nets)


def test_a_schedule_moves_the_learning_rate(tmp_path: Path) -> None:
    schedule = {"start": 1e-2, "end": 0.0, "images": 24}
    config = tiny_config("gan", training={"optimizer": {"G": {"learning_rate": schedule}}})
    outcome = fit_in(tmp_path, config, made_data())
    assert outcome.state.optimizers["G"].param_groups[0]["lr"] == 0.0
    assert outcome.state.optimizers["D"].param_groups[0]["lr"] == 2e-4


def test_accumulated_gradients_equal_those_of_the_whole_batch(tmp_path: Path) -> None:
    for model in ("gan", "vae"):
        whole = fit_in(tmp_path / f"{model}a", tiny_config(model, "training.precision=fp32", "training.batch_size=full",
                       "training.optimizer.G.kind=sgd", "training.budget=1updates"), made_data())  # fmt: skip
        parts = fit_in(tmp_path / f"{model}b", tiny_config(model, "training.precision=fp32", "training.batch_size=full",
                       "training.optimizer.G.kind=sgd", "training.budget=1updates", "training.micro_batch=7"),
                       made_data())  # fmt: skip
        assert whole.state.images == parts.state.images == 40
        for a, b in zip(whole.state.nets["G"].parameters(), parts.state.nets["G"].parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-7)


def test_accumulation_is_refused_where_images_are_coupled(tmp_path: Path) -> None:
    with pytest.raises(ParibusError, match="batch norm in G") as caught:
        fit_in(tmp_path, tiny_config("dcgan", "training.micro_batch=4"), made_data(16))
    assert "backbone.norm=none" in str(caught.value)


def test_a_fused_optimiser_equals_a_plain_one(tmp_path: Path) -> None:
    """Fused Adam on the CPU is silently wrong when memory layouts differ; ours are held against plain Adam."""
    import paribus.training.optimizers as optimizers

    config = tiny_config("dcgan", "training.precision=fp32", "training.budget=3updates")
    fused = fit_in(tmp_path / "a", config, made_data(16, 3))
    original = optimizers.Adam
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(optimizers, "Adam", lambda *a, **k: original(*a, **(k | {"fused": False})))
        plain = fit_in(tmp_path / "b", config, made_data(16, 3))
    for role in ("G", "D"):
        for a, b in zip(fused.state.nets[role].parameters(), plain.state.nets[role].parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


def test_layouts_that_differ_are_found() -> None:
    weight = torch.nn.Parameter(torch.randn(4, 3, 2, 2).contiguous(memory_format=torch.channels_last))
    optimizer = torch.optim.Adam([weight])
    weight.grad = torch.randn(4, 3, 2, 2).contiguous(memory_format=torch.channels_last)
    check_layouts({"G": optimizer})
    optimizer.step()
    optimizer.state[weight]["exp_avg"] = optimizer.state[weight]["exp_avg"].contiguous()
    with pytest.raises(RuntimeError, match="role G: strides"):
        check_layouts({"G": optimizer})


def test_averages_follow_their_formula() -> None:
    net = torch.nn.Linear(1, 1)
    averages = Averages({"G": net}, ("G",), half_life_images=1000, rampup_ratio=0.05)
    start = net.weight.item()
    with torch.no_grad():
        net.weight.fill_(5.0)
    averages.update(batch_images=10, images_seen=2000)  # half-life 5 % of 2000 = 100 images
    expected = 5.0 + (start - 5.0) * 0.5 ** (10 / 100)
    assert averages.nets["G"].weight.item() == pytest.approx(expected, rel=1e-6)
    averages.update(batch_images=1000, images_seen=1_000_000)
    assert averages.nets["G"].weight.item() == pytest.approx((expected + 5.0) / 2, rel=1e-6)


def test_a_run_averages_over_the_share_of_its_images_that_it_is_told_to(tmp_path: Path) -> None:
    short, long = (
        fit_in(tmp_path / str(ratio), tiny_config("gan", f"training.ema_rampup_ratio={ratio}"), made_data())
        for ratio in (0.05, 1.0)
    )
    assert weights_of(short.state.nets) == weights_of(long.state.nets)
    distances = []
    for outcome in (short, long):
        averaged, last = outcome.model.nets["G"].parameters(), outcome.state.nets["G"].parameters()
        distances.append(sum((a - b).square().sum().item() for a, b in zip(averaged, last, strict=True)))
    assert distances[0] < distances[1]


def test_without_averaging_the_weights_themselves_are_kept(tmp_path: Path) -> None:
    outcome = fit_in(tmp_path, tiny_config("gan", "training.ema_half_life_images=0"), made_data())
    assert weights_of(outcome.model.nets) == weights_of({"G": outcome.state.nets["G"]})


def test_a_request_to_stop_writes_a_checkpoint(tmp_path: Path) -> None:
    asked = iter([False, False, True])
    outcome = fit_in(tmp_path, tiny_config("gan"), made_data(), stop_requested=lambda: next(asked))
    assert not outcome.finished
    assert outcome.state.step == 3
    assert fit_in(tmp_path, tiny_config("gan"), made_data()).finished


def test_evaluation_in_between_does_not_disturb_training(tmp_path: Path) -> None:
    many = tiny_config("dcgan", training={"snapshots": "every 1updates"})
    a = fit_in(tmp_path / "a", many, made_data())
    b = fit_in(tmp_path / "b", tiny_config("dcgan"), made_data())
    assert weights_of(a.model.nets) == weights_of(b.model.nets)


def test_seeds_differ_and_repeat(tmp_path: Path) -> None:
    def weights(name: str, seed: int) -> bytes:
        return weights_of(fit_in(tmp_path / name, tiny_config("gan", f"seed={seed}"), made_data()).model.nets)

    assert weights("a", 0) == weights("b", 0)
    assert weights("a2", 0) != weights("c", 1)


def test_metrics_are_plain_json(tmp_path: Path) -> None:
    fit_in(tmp_path, tiny_config("vae"), made_data())
    for line in (tmp_path / "metrics.jsonl").read_text().splitlines():
        json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
