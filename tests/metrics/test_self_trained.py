"""The self-trained encoder: what its features are worth, what its distances see, and that it is the same each time."""

import pytest
import torch
from torch.nn import functional as F

from paribus.base.errors import ParibusError
from paribus.data import load_data
from paribus.metrics import self_trained
from paribus.metrics.distances import frechet_distance
from paribus.metrics.encoders import PixelEncoder
from paribus.metrics.self_trained import SelfTrainedEncoder
from tests.conftest import needs_real_data


def stripes(n, size=16, channels=1, seed=0):
    """Stripes of a random phase, of four orientations: the label."""
    seeded = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % 4
    angles, phases = labels * torch.pi / 4, torch.rand(n, generator=seeded) * 2 * torch.pi
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    along = angles.cos()[:, None, None] * rows + angles.sin()[:, None, None] * columns
    waves = 128 + 90 * torch.sin(along * 1.6 + phases[:, None, None])
    noise = 12 * torch.randn(n, channels, size, size, generator=seeded)
    return (waves[:, None] + noise).clamp(0, 255).to(torch.uint8), labels


def blurred(images):
    """Each pixel the mean of 3x3."""
    padded = F.pad(images.float(), (1, 1, 1, 1), mode="replicate")
    return F.avg_pool2d(padded, 3, 1).round().to(torch.uint8)


def noisy(images, deviation):
    noise = torch.randn(images.shape, generator=torch.Generator().manual_seed(1)) * deviation
    return (images.float() + noise).round().clamp(0, 255).to(torch.uint8)


def probe(encoder, train, test):
    """Share of test images that a linear classifier of features gets right."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rows = [encoder.features(images).numpy() for images, _ in (train, test)]
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    return classifier.fit(rows[0], train[1].numpy()).score(rows[1], test[1].numpy())


@pytest.fixture(scope="module")
def encoder():
    return SelfTrainedEncoder(stripes(400)[0])


def test_orientation_of_any_phase_is_linear_in_its_features_and_not_in_pixels(encoder):
    train, test = stripes(400), stripes(200, seed=1)
    assert probe(encoder, train, test) > 0.97
    assert probe(PixelEncoder(train[0]), train, test) < 0.6


def test_features_are_of_unit_mean_square_and_uncorrelated(encoder):
    features = encoder.features(stripes(400)[0])
    assert features.shape == (400, 128) and features.dtype == torch.float32
    assert features.square().mean() == pytest.approx(1, rel=1e-4)
    covariance = torch.cov(features.double().T)
    assert (covariance - covariance.diag().diag()).abs().max() < 1e-3 * covariance.diag().max()
    assert (covariance.diag().diff() <= 1e-6).all(), "the leading component first"
    assert encoder.features(stripes(4)[0][:0]).shape == (0, 128)


def test_filters_answer_as_a_scalar_computation_says(encoder):
    image = stripes(1, seed=7)[0]
    filters, thresholds = encoder._filters, encoder._thresholds
    pixels, total = image[0, 0].double() / 255, torch.zeros(len(filters), dtype=torch.float64)
    half = [(row, column) for row in range(6) for column in range(6)]  # the first of two regions of 11 positions
    for row, column in half:
        patch = pixels[row : row + 6, column : column + 6]
        equal = (patch - patch.mean()) / (patch.var(correction=0) + 1 / 64).sqrt()
        total += ((equal * filters[:, 0].double()).sum((1, 2)) - thresholds).clamp_min(0)
    found = self_trained._responses(image, filters, thresholds)[0, ::4]
    torch.testing.assert_close(found.double(), total / len(half), rtol=1e-4, atol=1e-5)


def test_its_distance_rises_with_blur_noise_and_missing_kinds(encoder):
    (real, _), (others, labels) = stripes(400, seed=2), stripes(800, seed=3)
    theirs = encoder.features(real)

    def distance(images):
        return frechet_distance(theirs, encoder.features(images))

    floor = distance(others[:400])
    assert floor < distance(noisy(others[:400], 10)) < distance(noisy(others[:400], 40))
    assert floor < distance(blurred(others[:400])) < distance(blurred(blurred(others[:400])))
    assert floor < distance(others[labels < 3][:400]) < distance(others[labels < 2][:400])


def test_it_is_the_same_whatever_the_threads_and_kept(tmp_path, monkeypatch):
    images, _ = stripes(60)
    first = SelfTrainedEncoder(images, fingerprint="a", cache=tmp_path)
    assert first.id.startswith("self-") and len(first.id) == len("self-") + 12
    torch.manual_seed(5)
    state = torch.get_rng_state()
    torch.set_num_threads(2)
    try:
        assert SelfTrainedEncoder(images).id == first.id
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)
    assert torch.get_rng_state().equal(state)
    assert SelfTrainedEncoder(255 - images, fingerprint="b", cache=tmp_path).id != first.id
    monkeypatch.setattr(self_trained, "_fitted", lambda *_: pytest.fail("fitted again"))
    again = SelfTrainedEncoder(images, fingerprint="a", cache=tmp_path)
    assert again.id == first.id and again.features(images).equal(first.features(images))


@pytest.mark.parametrize(("size", "patch", "dimensions"), [(8, 4, 64), (15, 4, 64), (16, 6, 128), (45, 6, 128)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size(size, patch, dimensions, channels, monkeypatch):
    monkeypatch.setattr(self_trained, "_PATCHES", 2_000)
    images, _ = stripes(130, size, channels)
    encoder = SelfTrainedEncoder(images)
    assert encoder._filters.shape == (128, channels, patch, patch) and encoder.dimensions == dimensions
    whole = encoder.features(images)
    torch.testing.assert_close(torch.cat([encoder.features(part) for part in images.split(33)]), whole)
    assert SelfTrainedEncoder(images[:5]).dimensions == 5


def test_images_that_are_all_alike_give_finite_features():
    blank = torch.full((30, 1, 16, 16), 255, dtype=torch.uint8)
    encoder = SelfTrainedEncoder(blank)
    assert encoder.features(blank).isfinite().all()
    assert encoder.features(stripes(30)[0]).isfinite().all()


def test_images_that_do_not_fit_are_refused(encoder):
    with pytest.raises(ParibusError, match="at least two images"):
        SelfTrainedEncoder(stripes(1)[0])
    with pytest.raises(ParibusError, match="do not fit the encoder"):
        encoder.features(stripes(2, size=17)[0])


@pytest.mark.slow
@needs_real_data
@pytest.mark.parametrize(("name", "least", "ahead"), [("mnist", 0.95, 0.08), ("cifar10", 0.58, 0.2)])
def test_a_linear_probe_of_real_images_is_far_ahead_of_pixels(name, least, ahead):
    data = load_data(name)
    train, test = (
        (split.images[:count], split.labels[:count]) for split, count in ((data.train, 5000), (data.test, 5000))
    )
    own = probe(SelfTrainedEncoder(data.train.images, fingerprint=data.fingerprint), train, test)
    assert own > least
    assert own > probe(PixelEncoder(data.train.images), train, test) + ahead
