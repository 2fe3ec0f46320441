"""Inversion against least squares, against images that a decoder made itself, and against VAEs' own encoders."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from paribus.data import load_data
from paribus.latent.inversion import inverted_latents, prior_candidates
from paribus.metrics.reconstruction import squared_errors
from tests.conftest import fit_in, made_data, tiny_config


def normal(*shape: int, seed: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


MATRIX = 0.2 * normal(4, 64, seed=0)


def linear(z: Tensor) -> Tensor:
    return (z @ MATRIX - 0.1).view(-1, 1, 8, 8)


def some_images(n: int) -> Tensor:
    return torch.randint(0, 256, (n, 1, 8, 8), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)


@pytest.mark.parametrize("weight", [0.0, 0.05])
def test_a_linear_decoder_reaches_the_least_squares_solution(weight: float) -> None:
    images = some_images(6)
    latents, losses = inverted_latents(
        linear, images, normal(3, 6, 4, seed=2), starts=2, steps=400, prior_weight=weight
    )
    a, targets = MATRIX.double().T / 2, images.flatten(1).double() / 255 - (1 - 0.1) / 2
    penalty = weight * 64 / 4 * torch.eye(4, dtype=torch.float64)
    exact = torch.linalg.solve(a.T @ a + penalty, a.T @ targets.T).T
    assert latents.double().numpy() == pytest.approx(exact.numpy(), abs=1e-3)
    least = (exact @ a.T - targets).square().mean(1) + weight * exact.square().mean(1)
    assert losses.double().numpy() == pytest.approx(least.numpy(), rel=1e-5)


def test_images_do_not_influence_each_other() -> None:
    images, candidates = some_images(3), normal(4, 3, 4, seed=2)
    together, _ = inverted_latents(linear, images, candidates, starts=2, steps=20)
    for k in range(3):
        alone, _ = inverted_latents(linear, images[k : k + 1], candidates[:, k : k + 1], starts=2, steps=20)
        torch.testing.assert_close(alone[0], together[k])


def waves(z: Tensor) -> Tensor:
    """One pixel with many local minima: only those near z = 0 reach white."""
    return ((1 + torch.cos(6 * z)) * torch.exp(-z.square() / 2) - 1).view(-1, 1, 1, 1)


def test_the_best_candidate_and_the_best_end_count() -> None:
    white = torch.full((1, 1, 1, 1), 255, dtype=torch.uint8)
    far, middle, near = 2.1, 1.05, 0.2
    invert = partial(inverted_latents, waves, white, steps=200, prior_weight=0.0)
    caught, loss = invert(torch.tensor([far, middle])[:, None, None], starts=2)
    assert caught.item() == pytest.approx(1.02, abs=0.05) and loss.item() > 0.1
    found, loss = invert(torch.tensor([far, middle, near])[:, None, None], starts=1)
    assert found.item() == pytest.approx(0, abs=0.01) and loss.item() < 1e-4


def test_candidates_are_as_many_as_asked_for_and_follow_the_seed() -> None:
    def draw(n: int, seed: int) -> Tensor:
        return normal(n, 4, seed=seed)

    first = prior_candidates(draw, 3, 2, seed=0)
    assert first.shape == (32, 3, 4) and len(first.flatten().unique()) == 32 * 3 * 4
    assert torch.equal(first, prior_candidates(draw, 3, 2, seed=0))
    assert torch.equal(first, prior_candidates(draw, 3, 3, seed=0)[:32])
    assert not torch.equal(first, prior_candidates(draw, 3, 2, seed=1))


def test_each_update_is_told() -> None:
    done: list[int] = []
    inverted_latents(
        linear, some_images(2), normal(4, 2, 4, seed=2), starts=3, steps=5, step_done=lambda: done.append(1)
    )
    assert len(done) == 15


@pytest.mark.parametrize("overrides", [(), ("objective.conditional=true",)])
def test_images_that_the_model_made_are_found_again(tmp_path: Path, overrides: tuple[str, ...]) -> None:
    model = fit_in(tmp_path, tiny_config("gan", *overrides), made_data()).model
    made, labels = model.sample(12, seed=1), model.sample_labels(12)
    candidates = prior_candidates(model.latents, 12, 4, seed=0)
    decode = partial(model.generate, labels=labels)
    latents, _ = inverted_latents(decode, made, candidates, starts=4, steps=300, prior_weight=0.0)
    errors = squared_errors(made, model.decode(latents, labels))
    spread = squared_errors(made, made.roll(1, 0)).mean()
    assert errors.mean() < 0.02 * spread, (errors, spread)


def test_a_vae_is_inverted_as_well_as_it_encodes(tmp_path: Path) -> None:
    digits = load_data("digits")
    config = tiny_config("vae", "training.budget=600updates", "training.batch_size=64", "backbone.width=64")
    model, images = fit_in(tmp_path, config, digits).model, digits.test.images[:32]
    candidates = prior_candidates(model.latents, 32, 2, seed=0)
    latents, _ = inverted_latents(model.generate, images, candidates, starts=2, steps=200)
    by_inversion, by_encoder = (
        squared_errors(images, made).mean().item() for made in (model.decode(latents), model.reconstruct(images))
    )
    print(f"mean squared error: {by_inversion:.5f} by inversion, {by_encoder:.5f} by the encoder")
    assert by_inversion < by_encoder < 0.06


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
def test_a_model_on_another_device_is_inverted_alike(tmp_path: Path) -> None:
    model = fit_in(tmp_path, tiny_config("gan", "objective.conditional=true"), made_data()).model
    images, labels = model.sample(6, seed=1), model.sample_labels(6)
    candidates = prior_candidates(model.latents, 6, 1, seed=0)
    decode, found = partial(model.generate, labels=labels), {}
    for device in ("cpu", "cuda"):
        model.to(device)
        latents, losses = inverted_latents(decode, images, candidates, starts=1, steps=20)
        assert latents.device.type == device
        found[device] = losses.cpu()
    torch.testing.assert_close(found["cuda"], found["cpu"], rtol=1e-2, atol=1e-4)
