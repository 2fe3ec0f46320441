import math

import numpy as np
import pytest
import scipy.ndimage
import torch

from paribus.base.errors import ParibusError
from paribus.metrics.estimates import ratio_estimate
from paribus.metrics.sharpness import grey_values, high_frequency_share, laplacian_variance, sharpness_terms


def noise(n, channels, height, width, seed=0):
    seeded = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, height, width), generator=seeded, dtype=torch.uint8)


def blurred(images, sigma=0.7):
    """Smoothed along height and width, rounded to uint8 again."""
    values = scipy.ndimage.gaussian_filter(images.double().numpy(), (0, 0, sigma, sigma))
    return torch.from_numpy(values.round().clip(0, 255)).to(torch.uint8)


def wave(size, k, axis=1, phase=0.3):
    """A sine of k periods over the image, of amplitude 1/2 around 1/2."""
    line = 0.5 + 0.5 * torch.sin(2 * math.pi * k * torch.arange(size, dtype=torch.float64) / size + phase)
    return line.expand(size, size)[None] if axis == 1 else line[:, None].expand(size, size)[None]


CHECKERBOARD = ((torch.arange(16)[:, None] + torch.arange(16)) % 2).double()[None]


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("k", [1, 3, 5])
def test_laplacian_of_a_sine_is_the_sine_times_its_symbol(k, axis):
    # l * sin(wp) = (2 cos w - 2) sin(wp)
    x, symbol = wave(32, k, axis), 2 * math.cos(2 * math.pi * k / 32) - 2
    inner = (x - 0.5)[:, 1:-1, 1:-1].flatten(1)
    assert laplacian_variance(x).item() == pytest.approx(symbol**2 * inner.var(1, correction=0).item(), rel=1e-9)


def test_laplacian_by_scipy_and_by_hand():
    grey = grey_values(noise(4, 1, 9, 13))
    kernel = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]])
    expected = [scipy.ndimage.convolve(x, kernel)[1:-1, 1:-1].var() for x in grey.numpy()]
    assert laplacian_variance(grey).numpy() == pytest.approx(expected, rel=1e-12)
    assert laplacian_variance(CHECKERBOARD).item() == pytest.approx(16)
    ramp = torch.arange(10, dtype=torch.float64).expand(10, 10)[None] / 10
    assert laplacian_variance(ramp).item() == pytest.approx(0, abs=1e-20)


def test_laplacian_of_white_noise_has_twenty_times_its_variance():
    grey = torch.rand(40, 64, 64, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = laplacian_variance(grey).mean().item()
    print(f"seed 0: {found:.4f} against {20 / 12:.4f}")
    assert found == pytest.approx(20 / 12, rel=0.01)


@pytest.mark.parametrize("size", [16, 17, 32])
@pytest.mark.parametrize("axis", [0, 1])
def test_all_power_of_a_sine_is_on_its_own_side_of_the_limit(size, axis):
    # the window spreads a sine over one bin on either side: clear of the limit, the share is exactly 0 or 1
    for k in range(2, size // 2):
        share = high_frequency_share(wave(size, k, axis)).item()
        if 4 * (k + 2) < size:
            assert share == pytest.approx(0, abs=1e-12), k
        if 4 * (k - 2) > size:
            assert share == pytest.approx(1, abs=1e-12), k


def test_a_sine_on_the_limit_by_hand():
    # k = 8 of 32 is 1/4 cycles per pixel. The window's weights by distance in bins are 1, 1/4, 1/4 (in power, on each
    # axis); beyond the limit lie 9 with all three bins of the other axis, and 8 with the two that are not on the axis
    expected = (0.25 * 1.5 + 1.0 * 0.5) / (1.5 * 1.5)
    assert high_frequency_share(wave(32, 8)).item() == pytest.approx(expected, rel=1e-9)


def test_share_of_a_checkerboard_of_noise_and_of_low_contrast():
    assert high_frequency_share(CHECKERBOARD).item() == pytest.approx(1)
    rows = torch.rand(60, 48, 48, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    found = high_frequency_share(rows).mean().item()
    print(f"seed 0: {found:.4f} against {1 - math.pi / 16:.4f}")
    assert found == pytest.approx(1 - math.pi / 16, abs=0.01)
    assert high_frequency_share(rows * 0.1 + 0.6).numpy() == pytest.approx(high_frequency_share(rows).numpy())


def test_jumps_across_the_border_do_not_count():
    ramp = torch.arange(32, dtype=torch.float64).expand(32, 32)[None] / 32
    power = torch.fft.fft2(ramp - ramp.mean()).abs().square()[0, 0]  # without a window; one row holds all of it
    assert (power[9:24].sum() / power.sum()).item() > 0.02
    assert high_frequency_share(ramp).item() < 2e-5


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (9, 8), (28, 28), (45, 45), (20, 31), (64, 64)])
def test_blur_lowers_both_and_noise_raises_both(channels, height, width):
    smooth = blurred(noise(6, channels, height, width), 1.2)
    seeded = torch.Generator().manual_seed(1)
    noisy = (smooth + 25 * torch.randn(smooth.shape, generator=seeded)).clamp(0, 255).to(torch.uint8)
    sharp, soft, rough = (sharpness_terms(images) for images in (smooth, blurred(smooth), noisy))
    for name in ("sharpness", "high_frequency"):
        assert (soft[name] < sharp[name]).all(), name
        assert (sharp[name] < rough[name]).all(), name


@pytest.mark.parametrize("value", [0, 77, 255])
@pytest.mark.parametrize("channels", [1, 3])
def test_constant_images_have_neither(channels, value):
    terms = sharpness_terms(torch.full((2, channels, 11, 8), value, dtype=torch.uint8))
    assert terms["sharpness"].numpy() == pytest.approx([0, 0], abs=1e-20)
    assert terms["high_frequency"].tolist() == [0, 0]


def test_grey_is_luma():
    colours = torch.tensor([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]], dtype=torch.uint8)
    grey = grey_values(colours[:, :, None, None].expand(4, 3, 8, 8))
    assert grey[:, 0, 0].tolist() == pytest.approx([0.299, 0.587, 0.114, 1])


@pytest.mark.parametrize(
    "images", [noise(1, 1, 7, 8), noise(1, 2, 8, 8), noise(1, 1, 8, 8).float(), noise(1, 1, 8, 8)[0]]
)
def test_other_forms_are_refused(images):
    with pytest.raises(ParibusError, match="sharpness of these images"):
        sharpness_terms(images)


def test_the_error_of_a_ratio_is_its_spread_over_fresh_draws():
    def draw(seed, paired):
        seeded = torch.Generator().manual_seed(seed)
        real = torch.rand(300, generator=seeded, dtype=torch.float64) + 0.2
        fake = (real if paired else real.flip(0)) * 0.6 + 0.1 * torch.rand(300, generator=seeded, dtype=torch.float64)
        if not paired:
            fake = torch.rand(200, generator=seeded, dtype=torch.float64) * 0.8 + 0.1
        return ratio_estimate(fake, real, paired=paired)

    for paired, expected in ((False, 0.5 / 0.7), (True, (0.6 * 0.7 + 0.05) / 0.7)):
        scores = [draw(seed, paired) for seed in range(300)]
        spread, error = np.std([s.value for s in scores], ddof=1), np.mean([s.error for s in scores])
        print(f"seeds 0..299, paired {paired}: spread {spread:.5f}, mean error {error:.5f}")
        assert error == pytest.approx(spread, rel=0.15)
        assert np.mean([s.value for s in scores]) == pytest.approx(expected, rel=0.01)
    assert math.isnan(ratio_estimate(torch.ones(3), torch.zeros(3)).value)
