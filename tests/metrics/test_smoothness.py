"""Path lengths against closed forms: of linear maps, of a square, and of a linear generator in whole grey levels."""

import math

import pytest
import torch

from paribus.config import EvaluationSettings
from paribus.evaluation.context import Context
from paribus.evaluation.measures.smoothness import Smoothness
from paribus.metrics.estimates import mean_estimate
from paribus.metrics.smoothness import squared_speeds, step_ends
from paribus.results.protocol import Path, Protocol
from tests.conftest import made_data


def normal(n, d, seed):
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def speed(function, n=20_000, d=3, angle=1 / 16, seed=0):
    starts, targets = normal(n, d, seed), normal(n, d, seed + 1)
    found = mean_estimate(squared_speeds(function(starts), function(step_ends(starts, targets, angle)), angle))
    print(f"seeds {seed}, {seed + 1}, angle {angle:.4f}: {found.value:.4f} ± {found.error:.4f}")
    return found


@pytest.mark.parametrize("angle", [1e-2, 1 / 16, math.pi / 2])
def test_a_linear_map_has_its_squared_norm_at_any_angle(angle):
    matrix = normal(3, 5, 7)
    found = speed(lambda z: z @ matrix + 4, angle=angle)
    exact = matrix.square().sum().item()
    assert found.value == pytest.approx(exact, abs=4 * found.error)
    spread = (2 * (matrix @ matrix.T).square().sum() / 20_000).sqrt().item()  # of |Az|², z normal
    assert found.error == pytest.approx(spread, rel=0.1)


@pytest.mark.parametrize("angle", [1 / 16, 0.5, math.pi / 2])
def test_a_square_has_a_known_speed(angle):
    # z² and z'² have variance 2 and covariance 2 cos² a: half their mean squared difference is 2 (1 - cos² a)
    found = speed(torch.square, n=100_000, d=1, angle=angle)
    assert found.value == pytest.approx(2 * (1 + math.cos(angle)), abs=4 * found.error)


def test_jumps_cost_and_one_image_is_free():
    smooth, steep = speed(torch.tanh).value, speed(lambda z: torch.tanh(20 * z)).value
    assert steep > 5 * smooth > speed(torch.zeros_like).value == 0


def test_both_ends_of_a_step_are_normal():
    starts, targets = normal(50_000, 2, 0), normal(50_000, 2, 1)
    ends = step_ends(starts, targets, 0.7)
    assert ends.mean(0).tolist() == pytest.approx([0, 0], abs=0.03)
    assert ends.std(0).tolist() == pytest.approx([1, 1], abs=0.02)
    assert (ends * starts).mean(0).tolist() == pytest.approx([math.cos(0.7)] * 2, abs=0.03)


class Linear:
    """128 + A z in whole grey levels, A the larger the higher the class."""

    matrix = 20 * normal(2, 64, 3)

    def __init__(self, classes=0):
        self.classes = classes

    def with_prior(self):
        return self

    def latents(self, n, seed=0):
        return normal(n, 2, seed % 1000)

    def decode(self, z, labels=None):
        scale = 1 if labels is None else labels[:, None] / 2
        return (128 + scale * (z @ self.matrix)).round().clamp(0, 255).to(torch.uint8).view(-1, 1, 8, 8)


class Identity:
    name, id, dimensions, fitted_on = "identity", "identity-0", 64, None

    def features(self, images):
        return images.flatten(1).float()


@pytest.mark.parametrize("classes", [0, 2])
def test_a_linear_generator_under_rounding(classes):
    asked = {
        "settings": EvaluationSettings(),
        "wanted": ("smoothness",),
        "n": 5000,
        "encoders": [Identity()],
        "data": made_data(classes=2),
    }
    context = Context(**asked, images=lambda *_: (), protocol=Protocol(seed=0), model=Linear(classes))
    (entry,) = Smoothness().scores(context)
    exact = Linear.matrix.square().sum().item() * (0.5**2 / 2 if classes else 1)  # classes 0 and 1: scales 0 and 0.5
    assert entry.value == pytest.approx(exact, abs=4 * entry.error + 64 * 16**2 / 6)  # rounding: 1/6 a pixel
    assert entry.n == 1000 and entry.encoder.id == "identity-0" and entry.split is None
    assert entry.protocol.path == Path(steps=1000, angle=0.0625) and entry.protocol.seed == 0
