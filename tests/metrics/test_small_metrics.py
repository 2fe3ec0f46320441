"""Likelihood, reconstruction, cost."""

import math

import numpy as np
import pytest
import torch
from scipy.spatial.distance import pdist

from paribus.base.errors import ParibusError
from paribus.evaluation.measures.costs import samples_per_second
from paribus.metrics.likelihood import active_units, likelihood_estimates
from paribus.metrics.reconstruction import (
    feature_distance,
    peak_signal_noise_ratio,
    similarity_window,
    squared_errors,
    structural_similarities,
)


def test_likelihood_terms_are_averaged_with_their_errors():
    reconstruction, kl = torch.tensor([100.0, 110.0, 90.0, 104.0]), torch.tensor([5.0, 3.0, 8.0, 4.0])
    found = likelihood_estimates(reconstruction, kl)
    total = (reconstruction + kl).numpy()
    assert found["elbo"].value == pytest.approx(106.0)
    assert found["elbo"].error == pytest.approx(np.std(total, ddof=1) / 2, rel=1e-6)
    assert found["reconstruction_nats"].value + found["kl_nats"].value == pytest.approx(found["elbo"].value)


def test_active_units_are_those_that_vary():
    seeded = torch.Generator().manual_seed(0)
    means = torch.randn(2000, 4, generator=seeded) * torch.tensor([1.0, 0.2, 0.05, 0.0]) + 3
    assert active_units(means) == 2  # variances 1, 0.04, 0.0025, 0
    assert active_units(torch.zeros(10, 6)) == 0


def test_mse_and_psnr_agree_with_numpy_and_torchmetrics():
    from torchmetrics.functional import mean_squared_error
    from torchmetrics.functional.image import peak_signal_noise_ratio as their_psnr

    seeded = torch.Generator().manual_seed(0)
    a, b = (torch.randint(0, 256, (5, 3, 9, 9), generator=seeded, dtype=torch.uint8) for _ in range(2))
    errors = squared_errors(a, b)
    assert errors.numpy() == pytest.approx(((a.numpy() / 255.0 - b.numpy() / 255.0) ** 2).mean((1, 2, 3)))
    mse = float(errors.mean())
    assert mse == pytest.approx(float(mean_squared_error(a.double() / 255, b.double() / 255)), rel=1e-6)
    theirs = their_psnr(a.double() / 255, b.double() / 255, data_range=1.0)
    assert peak_signal_noise_ratio(mse) == pytest.approx(float(theirs), rel=1e-6)
    assert peak_signal_noise_ratio(float(squared_errors(a, a).mean())) == math.inf
    with pytest.raises(ParibusError, match="another shape"):
        squared_errors(a, b[:4])


def pair(n, channels, height, width, seed=0):
    """Images, and the same images with noise."""
    seeded = torch.Generator().manual_seed(seed)
    images = torch.randint(0, 256, (n, channels, height, width), generator=seeded, dtype=torch.uint8)
    noisy = images + 40 * torch.randn(images.shape, generator=seeded)
    return images, noisy.clamp(0, 255).to(torch.uint8)


@pytest.mark.parametrize(("channels", "height", "width"), [(1, 28, 28), (3, 32, 32), (3, 45, 20), (1, 11, 11)])
def test_ssim_agrees_with_torchmetrics_within_the_image(channels, height, width):
    from torchmetrics.functional.image import structural_similarity_index_measure as their_ssim

    a, b = pair(6, channels, height, width)
    settings = {"data_range": 255.0, "sigma": 1.5, "kernel_size": 11, "k1": 0.01, "k2": 0.03}
    _, everywhere = their_ssim(a.double(), b.double(), reduction="none", return_full_image=True, **settings)
    theirs = everywhere[:, :, 5:-5, 5:-5].mean((1, 2, 3))  # 5 pixels on each side saw a border of mirrored pixels
    assert structural_similarities(a, b).numpy() == pytest.approx(theirs.numpy(), abs=1e-8)


def test_ssim_of_one_window_by_hand():
    a, b = pair(1, 1, 11, 11)
    x, y = a[0, 0].double().numpy(), b[0, 0].double().numpy()
    line = np.exp(-(np.arange(-5.0, 6) ** 2) / 4.5)
    w = np.outer(line, line) / line.sum() ** 2
    mx, my = (w * x).sum(), (w * y).sum()
    vx, vy, cov = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum(), (w * (x - mx) * (y - my)).sum()
    c1, c2 = 2.55**2, 7.65**2
    expected = (2 * mx * my + c1) * (2 * cov + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    assert structural_similarities(a, b).item() == pytest.approx(expected, rel=1e-9)


def test_ssim_of_equal_constant_and_small_images():
    images, noisy = pair(4, 3, 8, 8)
    assert structural_similarities(images, images).numpy() == pytest.approx(1)
    assert (structural_similarities(images, noisy) < 0.99).all()
    assert [similarity_window(*side) for side in ((28, 28), (11, 30), (10, 30), (8, 8), (1, 5))] == [11, 11, 9, 7, 1]
    # two constant images differ in their means alone
    black, grey = (torch.full((1, 1, 16, 16), value, dtype=torch.uint8) for value in (0, 100))
    assert structural_similarities(black, grey).item() == pytest.approx(2.55**2 / (100**2 + 2.55**2))
    with pytest.raises(ParibusError, match="another shape"):
        structural_similarities(images, noisy[:2])


def test_feature_distance_is_a_share_of_the_distance_of_two_images():
    seeded = torch.Generator().manual_seed(0)
    images, real = (torch.randn(n, 5, generator=seeded) * torch.tensor([3.0, 1, 1, 1, 0]) for n in (500, 4000))
    noise = 0.3 * torch.randn(500, 5, generator=seeded)
    found = feature_distance(images, images + noise, real)
    apart = pdist(real.numpy()).mean()
    assert found.value == pytest.approx(noise.norm(dim=1).mean().item() / apart, abs=4 * found.error)
    assert 0 < found.error < 0.05 * found.value
    assert feature_distance(images, images, real).value == 0
    others = feature_distance(images, images.roll(1, 0), real)  # another image in the place of each reconstruction
    assert others.value == pytest.approx(1, abs=4 * others.error)
    assert feature_distance(7 * images, 7 * (images + noise), 7 * real).value == pytest.approx(found.value, rel=1e-6)
    with pytest.raises(ParibusError, match="another shape"):
        feature_distance(images, images[:4], real)


def test_speed_is_the_median_after_a_warm_up(monkeypatch):
    times = iter([0, 1, 10, 12, 20, 24, 30, 31, 40, 42])  # 1, 2, 4, 1, 2 seconds
    monkeypatch.setattr("time.perf_counter", lambda: next(times))
    calls = []
    assert samples_per_second(calls.append, batch=64, repeats=5).value == 32
    assert calls == [64] * 6
