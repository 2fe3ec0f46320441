"""The four losses against their formulas on networks with known outputs, and what all adversarial objectives share."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from paribus.base.errors import ParibusError
from paribus.config import Budget, Schedule
from paribus.models import build_networks
from paribus.objectives.base import Batch, Draw, couples_images
from paribus.objectives.gan import GAN
from tests.conftest import fit_in, made_data, tiny_config

REAL, FAKE = 0.7, -0.4


class _KnownDiscriminator(nn.Module):
    """REAL for bright images, FAKE for dark ones."""

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return torch.where(images.flatten(1).mean(1, keepdim=True) > 0, REAL, FAKE)

    def with_features(
        self, images: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        return self(images, labels), []


class _DarkGenerator(nn.Module):
    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return torch.full((len(z), 1, 2, 2), -9.0)


def losses(**settings: object) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    nets = {"D": _KnownDiscriminator(), "G": _DarkGenerator()}
    batch = Batch(torch.full((6, 1, 2, 2), 0.9), None, 100, 0)
    discriminator, generator = GAN(latent_dim=2, **settings).phases()
    return discriminator.loss(nets, batch, Draw(0)), generator.loss(nets, batch, Draw(0))


def log_sigmoid(x: float) -> float:
    return -math.log(1 + math.exp(-x))


CROSS_ENTROPY = -log_sigmoid(REAL) - log_sigmoid(-FAKE)


@pytest.mark.parametrize(
    ("loss", "of_d", "of_g"),
    [
        ("non-saturating", CROSS_ENTROPY, -log_sigmoid(FAKE)),
        ("minimax", CROSS_ENTROPY, log_sigmoid(-FAKE)),
        ("hinge", (1 - REAL) + (1 + FAKE), -FAKE),
        ("least-squares", (REAL - 1) ** 2 / 2 + FAKE**2 / 2, (FAKE - 1) ** 2 / 2),
    ],
)
def test_losses(loss: str, of_d: float, of_g: float) -> None:
    discriminator, generator = losses(loss=loss)
    assert discriminator["loss"].item() == pytest.approx(of_d, rel=1e-6)
    assert generator["loss"].item() == pytest.approx(of_g, rel=1e-6)
    assert discriminator["accuracy_real"].item() == 1
    assert discriminator["accuracy_fake"].item() == 1


def test_label_smoothing_is_one_sided() -> None:
    smooth = losses(label_smoothing=0.1)[0]["loss"].item()
    assert smooth == pytest.approx(-0.9 * log_sigmoid(REAL) - 0.1 * log_sigmoid(-REAL) - log_sigmoid(-FAKE), rel=1e-6)


def test_smoothing_has_no_meaning_for_the_hinge_loss() -> None:
    with pytest.raises(ParibusError, match="label_smoothing needs a loss with a target"):
        tiny_config("gan", "objective.loss=hinge", "objective.label_smoothing=0.1")


def test_one_pass_over_both_batches_equals_two() -> None:
    """Without batch norm D sees real and generated images in one pass; the loss must not notice."""
    data, config = made_data(), tiny_config("gan")
    nets = build_networks(config, data.shape)
    batch = Batch(data.train.images[:8].float() / 127.5 - 1, None, 40, 0)
    together = config.objective.phases()[0].loss(nets, batch, Draw(1))["loss"]
    nets["D"].add_module("unused", nn.BatchNorm1d(1))  # makes the objective believe that images are coupled
    assert couples_images(nets["D"])
    apart = config.objective.phases()[0].loss(nets, batch, Draw(1))["loss"]
    torch.testing.assert_close(together, apart)


def test_dropout_is_in_the_discriminator_alone() -> None:
    nets = build_networks(tiny_config("gan", "objective.dropout=0.5"), made_data().shape)
    assert any(isinstance(module, nn.Dropout) for module in nets["D"].modules())
    assert not any(isinstance(module, nn.Dropout) for module in nets["G"].modules())


class _Recorder(nn.Module):
    """A discriminator that keeps what it sees; its last features are the pixels, times two."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(2.0))
        self.seen: list[torch.Tensor] = []

    def forward(self, images: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return self.with_features(images, labels)[0]

    def with_features(
        self, images: torch.Tensor, labels: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, list[torch.Tensor]]:
        self.seen.append(images)
        features = self.scale * images
        return features.flatten(1).sum(1, keepdim=True), [images, features]


class _Generator(nn.Module):
    """Images of the pixels atanh(z) becomes tanh of: the latents themselves."""

    def forward(self, z: torch.Tensor, labels: torch.Tensor | None = None) -> torch.Tensor:
        return z.view(-1, 1, 2, 2)


def recorded(images_seen: int = 0, **settings: object) -> tuple[list[torch.Tensor], dict[str, torch.Tensor]]:
    """What D sees in G's phase, and that phase's terms."""
    discriminator = _Recorder()
    batch = Batch(torch.full((5, 1, 2, 2), 0.5), None, 100, images_seen)
    terms = GAN(latent_dim=4, **settings).phases()[1].loss({"D": discriminator, "G": _Generator()}, batch, Draw(0))
    return discriminator.seen, terms


def test_feature_matching_is_the_squared_distance_of_mean_features() -> None:
    (real, fake), terms = recorded(feature_matching=0.25, loss="hinge")
    assert torch.equal(real, torch.full((5, 1, 2, 2), 0.5))
    distance = sum((2 * 0.5 - 2 * value) ** 2 for value in fake.mean(0).flatten().tolist())
    assert terms["feature_distance"].item() == pytest.approx(distance, rel=1e-5)
    adversarial = -2 * fake.sum().item() / 5
    assert terms["loss"].item() == pytest.approx(adversarial + 0.25 * distance, rel=1e-5)


def test_feature_matching_couples_the_batch() -> None:
    assert GAN(feature_matching=0.1).couples_batch
    assert not GAN().couples_batch


def test_uniform_noise_fills_minus_one_to_one() -> None:
    z = GAN(latent_dim=8, noise="uniform").prior(4000, Draw(0))
    assert z.min() >= -1
    assert z.max() < 1
    assert z.mean().item() == pytest.approx(0, abs=0.02)
    assert z.var().item() == pytest.approx(1 / 3, abs=0.01)


@pytest.mark.parametrize(("images_seen", "deviation"), [(0, 0.4), (500, 0.2), (1000, 0.0), (9999, 0.0)])
def test_instance_noise_falls(images_seen: int, deviation: float) -> None:
    objective = GAN(instance_noise=Schedule(start=0.4, end=0.0, images=1000))
    images = torch.zeros(50, 1, 16, 16)
    seen = objective.seen(images, Batch(images, None, 100, images_seen), Draw(0))
    assert seen.std().item() == pytest.approx(deviation, rel=0.03)
    assert (seen is images) == (deviation == 0)


@pytest.mark.parametrize("value", ["-0.1", "{start: 0.1, end: -0.1, images: 100}"])
def test_a_deviation_is_not_negative(value: str) -> None:
    with pytest.raises(ParibusError, match=r"objective\.instance_noise.*(\n.*)*must be from 0 to"):
        tiny_config("gan", f"objective.instance_noise={value}")


@pytest.mark.parametrize("settings", [{"instance_noise": 0.3}, {"diff_augment": "color-translation-cutout"}])
def test_real_and_generated_images_are_changed_in_both_phases(settings: dict[str, object]) -> None:
    discriminator = _Recorder()
    batch = Batch(torch.full((5, 1, 2, 2), 0.5), None, 100, 0)
    objective, nets = GAN(latent_dim=4, **settings), {"D": discriminator, "G": _Generator()}
    for phase in objective.phases():
        phase.loss(nets, batch, Draw(0))
    both, fake = discriminator.seen
    plain = objective.generate(nets, objective.prior(5, Draw(0)), None)
    assert not (both[:5] == batch.images).flatten(1).all(1).any()
    assert not (both[5:] == plain).flatten(1).all(1).any()
    assert not (fake == plain).flatten(1).all(1).any()
    # the real images' changes are not those of the generated ones
    assert not torch.allclose(both[:5] - batch.images, both[5:] - plain)


def test_discriminator_steps_see_fresh_batches(tmp_path: Path) -> None:
    outcome = fit_in(tmp_path, tiny_config("gan", "objective.discriminator_steps=3"), made_data())
    assert outcome.updates == {"D": 6, "G": 2}
    assert outcome.state.images == 2 * 3 * 8


def test_generator_steps_draw_fresh_noise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    priors = []
    original = GAN.prior
    monkeypatch.setattr(GAN, "prior", lambda *args: priors.append(original(*args)) or priors[-1])
    outcome = fit_in(
        tmp_path, tiny_config("gan", "objective.generator_steps=3", "training.budget=1updates"), made_data()
    )
    assert outcome.updates == {"D": 1, "G": 3}
    used = torch.stack([z for z in priors if len(z) == 8][-4:])
    assert len(torch.unique(used.flatten(1), dim=0)) == 4


@pytest.mark.parametrize(
    ("changes", "images"),
    [
        (["objective.generator_steps=3"], 8),  # G draws noise alone
        (["objective.generator_steps=3", "objective.discriminator_steps=2"], 16),
        (["objective.generator_steps=3", "objective.feature_matching=1"], 24),
        (["objective.name=r3gan", "objective.generator_steps=2"], 16),  # G sees real images beside its own
        (["objective.name=wgan", "objective.discriminator_steps=5"], 40),
    ],
)
def test_images_count_when_they_reach_a_loss(
    changes: list[str], images: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config, data = tiny_config("gan", *changes), made_data(n=400)
    seen: list[torch.Tensor] = []
    loss = type(config.objective).discriminator_terms

    def kept(objective: Any, nets: Any, batch: Any, draw: Any) -> Any:
        seen.append(batch.images)
        return loss(objective, nets, batch, draw)

    monkeypatch.setattr(type(config.objective), "discriminator_terms", kept)
    settings = config.training.model_copy(update={"budget": Budget(4 * images, "images")})
    outcome = fit_in(tmp_path, config.model_copy(update={"training": settings}), data)
    assert (outcome.state.step, outcome.state.images) == (4, 4 * images)
    if "feature_matching" not in changes[-1] and "r3gan" not in changes[0]:
        shown = torch.cat([batch for batch in seen if len(batch) == 8])  # the count of operations takes fewer
        assert len(torch.unique(shown.flatten(1), dim=0)) == 4 * images  # none is left out, none twice in an epoch


def test_operations_an_image_are_those_of_all_updates(tmp_path: Path) -> None:
    once, thrice = (
        fit_in(tmp_path / str(k), tiny_config("gan", f"objective.generator_steps={k}"), made_data()).flop_per_image
        for k in (1, 3)
    )
    config, data = tiny_config("gan"), made_data()
    nets = build_networks(config, data.shape)
    up, down = (sum(w.numel() for w in nets[role].parameters() if w.ndim > 1) for role in ("G", "D"))
    first = next(w.numel() for w in nets["G"].parameters() if w.ndim > 1)
    # forward and backward of G and D, 2 operations a weight and pass, but the gradient of z, which nobody asks for
    generator_update = 2 * (3 * up - first) + 2 * 2 * down
    assert thrice - once == pytest.approx(2 * generator_update)
