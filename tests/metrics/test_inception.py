"""Inception against a plain re-computation that shares no code with it, on random and on the published weights."""

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional as F

from benchmarks.plain_inception import PlainInception
from paribus.base.errors import ParibusError
from paribus.data import load_data
from paribus.metrics.inception import InceptionEncoder, InceptionNetwork, bilinear_tf1
from paribus.metrics.inception_layers import STAGES, convolutions_to
from paribus.metrics.inception_weights import read_weights, widest_tap
from tests.conftest import DATA

PART = Path(DATA or ".").parent / "weights" / "inception-2015-12-05-mixed_6e.safetensors"
PUBLISHED = Path(os.environ.get("PARIBUS_INCEPTION") or PART)
needs_published_weights = pytest.mark.skipif(
    not (DATA and PUBLISHED.is_file()),
    reason="neither PARIBUS_INCEPTION nor ../weights beside PARIBUS_DATA holds Inception's weights",
)


def noise(n, channels=3, size=32, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (n, channels, size, size), generator=draw, dtype=torch.uint8)


@pytest.fixture(scope="module")
def plain():
    """The plain network with random weights, and what it gives for two images."""
    network = PlainInception(seed=0)
    return network, network(noise(2))


@pytest.fixture(scope="module")
def full_file(plain, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "full.pth"
    # the published file has further entries of this kind
    torch.save(plain[0].state | {"Conv2d_1a_3x3.bn.num_batches_tracked": torch.tensor(0)}, path)
    return path


def part_of(state, dimensions):
    """The weights up to a tap, and nothing else."""
    names = tuple(f"{layer.name}." for layer in convolutions_to(dimensions))
    return {name: value for name, value in state.items() if name.startswith(names)}


@pytest.fixture(scope="module")
def first_part(plain):
    return part_of(plain[0].state, 64)


def encoder_of(state, folder, dimensions=64, **options):
    save_file(state, folder / "weights.safetensors")
    return encoder_from(folder / "weights.safetensors", dimensions, **options)


def encoder_from(path, dimensions, **options) -> InceptionEncoder:
    (encoder,) = InceptionNetwork(read_weights(path, dimensions), [dimensions], **options).encoders
    return encoder


@pytest.mark.parametrize("dimensions", STAGES)
def test_every_tap_is_that_of_the_plain_network(dimensions, plain, full_file):
    encoder = encoder_from(full_file, dimensions)
    found, expected = encoder.features(noise(2)), plain[1][dimensions]
    assert found.shape == (2, dimensions) == expected.shape and found.dtype == torch.float32
    assert encoder.dimensions == dimensions and encoder.name == f"inception-{dimensions}"
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5 * float(expected.max()))
    if dimensions == 2048:
        state = plain[0].state
        torch.testing.assert_close(encoder.logits_of(found, biased=True), plain[1][1008], rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(
            encoder.logits_of(encoder.features(noise(2))), plain[1][1008] - state["fc.bias"], rtol=1e-4, atol=1e-4
        )  # as the Inception Score has them


def test_one_pass_gives_the_features_of_several_encoders(plain, full_file, monkeypatch):
    calls, convolve = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *a, **k: calls.append(1) or convolve(*a, **k))
    network = InceptionNetwork(read_weights(full_file, 192), [192, 64])
    found = network.features(noise(2))
    assert len(calls) == 5, "the layers up to the deepest, each once"
    for encoder, dimensions in zip(network.encoders, (192, 64), strict=True):
        torch.testing.assert_close(found[dimensions], plain[1][dimensions], rtol=1e-4, atol=1e-4)
        alone = encoder_from(full_file, dimensions)
        assert (encoder.name, encoder.id) == (alone.name, alone.id)
        assert encoder.features(noise(2)).equal(found[dimensions])
        assert alone.features(noise(2)).equal(found[dimensions])
    assert {tap: rows.shape for tap, rows in network.features(noise(2)[:0]).items()} == {192: (0, 192), 64: (0, 64)}


def test_resizing_is_that_of_a_scalar_loop():
    def resized(image, size):
        height, width = image.shape
        result = torch.zeros(size, size)
        for i in range(size):
            for j in range(size):
                y, x = i * height / size, j * width / size
                top, left = int(y), int(x)
                bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
                above = image[top][left] * (1 - x + left) + image[top][right] * (x - left)
                below = image[bottom][left] * (1 - x + left) + image[bottom][right] * (x - left)
                result[i, j] = above * (1 - y + top) + below * (y - top)
        return result

    for height, width, size in ((5, 7, 11), (8, 8, 8), (40, 31, 17), (2, 1, 9), (32, 32, 299)):
        images = noise(1, 1, 64)[:, :, :height, :width].float()
        expected = resized(images[0, 0].double().numpy(), size)
        torch.testing.assert_close(bilinear_tf1(images, size)[0, 0], expected, rtol=0, atol=2e-3)


def test_images_of_any_size_and_grey_ones(plain, full_file):
    encoder = encoder_from(full_file, 64)
    for images in (noise(2, 3, 45), noise(1, 3, 320), noise(2, 1, 28), noise(2, 3, 40)[:, :, :25]):
        expected = plain[0](images.expand(-1, 3, -1, -1), last=64)[64]
        torch.testing.assert_close(encoder.features(images), expected, rtol=1e-5, atol=1e-5)
    assert encoder.features(noise(2)[:0]).shape == (0, 64)
    for wrong in (noise(2).float(), noise(2)[0], noise(2)[:, :2]):
        with pytest.raises(ParibusError, match="do not fit the encoder"):
            encoder.features(wrong)


def test_neither_batches_nor_global_settings_change_features(first_part, tmp_path):
    encoder = encoder_of(first_part, tmp_path)
    images = noise(5)
    expected = encoder.features(images)
    parts = encoder_of(first_part, tmp_path, batch_size=2).features(images)
    torch.testing.assert_close(parts, expected, rtol=1e-5, atol=1e-6)
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.autocast("cpu", dtype=torch.bfloat16):
            torch.testing.assert_close(encoder.features(images), expected, rtol=1e-5, atol=1e-6)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    expected.mul_(2)  # an ordinary tensor, although it was inferred
    assert not expected.requires_grad


@pytest.mark.parametrize(("dimensions", "count"), [(64, 3), (192, 5)])
def test_nothing_behind_the_tap_is_needed_or_computed(dimensions, count, plain, tmp_path, monkeypatch):
    calls, convolve = [], F.conv2d
    monkeypatch.setattr(F, "conv2d", lambda *a, **k: calls.append(1) or convolve(*a, **k))
    encoder = encoder_of(part_of(plain[0].state, dimensions), tmp_path, dimensions)
    weights = read_weights(tmp_path / "weights.safetensors")
    assert (
        widest_tap(weights) == dimensions
        and weights.keys() == read_weights(tmp_path / "weights.safetensors", dimensions).keys()
    )
    torch.testing.assert_close(encoder.features(noise(2)), plain[1][dimensions], rtol=1e-4, atol=1e-4)
    assert len(calls) == count


def test_the_id_is_of_the_weights_in_use(first_part, full_file, tmp_path):
    own = encoder_of(first_part, tmp_path)
    assert own.id.startswith("inception-64-") and len(own.id) == len("inception-64-") + 12
    whole = encoder_from(full_file, 64)
    assert whole.id == own.id, "neither the format of the file nor deeper weights matter"
    for part in ("conv.weight", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
        name = f"Conv2d_2a_3x3.{part}"
        assert encoder_of(first_part | {name: first_part[name] * 1.001}, tmp_path).id != own.id, name


def test_weights_folded_before_stay_as_they_are(first_part, tmp_path):
    layer = "Conv2d_1a_3x3"
    neutral = {"weight": 1.0, "running_mean": 0.0, "running_var": 0.999}  # the batch norm's epsilon is 0.001
    state = first_part | {f"{layer}.bn.{part}": torch.full((32,), value) for part, value in neutral.items()}
    save_file(state, tmp_path / "w.safetensors")
    weights = read_weights(tmp_path / "w.safetensors", 64)
    assert weights[f"{layer}.weight"].equal(state[f"{layer}.conv.weight"])
    assert weights[f"{layer}.bias"].equal(state[f"{layer}.bn.bias"])


def test_bf16_only_on_request_and_under_another_name(first_part, tmp_path):
    exact, rough = encoder_of(first_part, tmp_path), encoder_of(first_part, tmp_path, precision="bf16")
    assert rough.name == "inception-64-bf16" and rough.id.startswith("inception-64-bf16-")
    found, expected = rough.features(noise(2)), exact.features(noise(2))
    assert found.dtype == torch.float32
    difference = (found - expected).abs().max() / expected.abs().max()
    assert 1e-6 < difference < 0.02


def test_classes_need_the_last_layer(first_part, plain, tmp_path):
    with pytest.raises(ParibusError, match=r"need all of its layers[\s\S]*got: +64 features"):
        encoder_of(first_part, tmp_path).logits_of(torch.zeros(1, 2048))
    without = {name: value for name, value in plain[0].state.items() if not name.startswith("fc.")}
    encoder = encoder_of(without, tmp_path, 2048)
    with pytest.raises(ParibusError, match=r"need all of its layers[\s\S]*without fc\.weight"):
        encoder.logits_of(torch.zeros(1, 2048))


def test_a_file_that_ends_early_says_how_far_it_goes(first_part, tmp_path):
    path = tmp_path / "part.safetensors"
    save_file(first_part, path)
    with pytest.raises(ParibusError) as error:
        read_weights(path, 2048)
    assert str(error.value) == (
        "The file lacks weights that inception-2048 needs.\n"
        f"  where:    {path}\n"
        "  got:      no Conv2d_3b_1x1.conv.weight, and 454 others are missing\n"
        "  expected: the tensors of weights-inception-2015-12-05-6726825d.pth\n"
        "  fix:      give the full file, or choose evaluation.encoder=inception-64, for which this suffices"
    )
    save_file({name: value for name, value in first_part.items() if name != "Conv2d_1a_3x3.bn.bias"}, path)
    with pytest.raises(ParibusError, match=r"no Conv2d_1a_3x3\.bn\.bias\n[\s\S]*torch-fidelity's names"):
        read_weights(path, 64)


def test_files_that_are_not_these_weights(first_part, full_file, tmp_path):
    def refused(name, content, words):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(ParibusError, match=words):
            read_weights(path, 64)

    refused("cut.pth", full_file.read_bytes()[:1_000_000], "cannot be read")
    refused("empty.pth", b"", "cannot be read")
    refused("page.pth", b"<html>not found</html>", "cannot be read")
    save_file(first_part, tmp_path / "part.safetensors")
    refused("cut.safetensors", (tmp_path / "part.safetensors").read_bytes()[:-100], "cannot be read")
    for number, wrong in enumerate(([1, 2], {"epoch": 3})):
        torch.save(wrong, tmp_path / "other.pth")
        refused(f"{number}.pth", (tmp_path / "other.pth").read_bytes(), "cannot be read")
    torch.save(torch.nn.Linear(1, 1), tmp_path / "code.pth")
    with pytest.raises(ParibusError) as caught:
        read_weights(tmp_path / "code.pth", 64)
    assert "weights_only" not in str(caught.value)  # nobody is advised to run a file's code
    torch.save(first_part | {"Conv2d_1a_3x3.conv.weight": torch.zeros(32, 3, 5, 5)}, tmp_path / "other.pth")
    with pytest.raises(ParibusError, match=r"another network's weights[\s\S]*\(32, 3, 5, 5\)[\s\S]*\(32, 3, 3, 3\)"):
        read_weights(tmp_path / "other.pth", 64)


@pytest.mark.slow
@needs_published_weights
def test_published_weights_give_the_plain_networks_features():
    images = load_data("cifar10").test.images[:256]
    found = encoder_from(PUBLISHED, 768).features(images)
    state = load_file(PUBLISHED) if PUBLISHED.suffix == ".safetensors" else torch.load(PUBLISHED, weights_only=True)
    network = PlainInception(state)
    expected = torch.cat([network(part, last=768)[768] for part in images.split(32)])
    assert found.shape == (256, 768)
    assert (found - expected).abs().max() < 1e-4
    assert expected.abs().max() > 0.5


@pytest.mark.slow
@needs_published_weights
def test_features_of_published_weights_tell_what_is_in_a_picture():
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    data = load_data("cifar10")
    encoder = encoder_from(PUBLISHED, 768)
    rows = {
        name: encoder.features(part.images[:n])
        for name, part, n in (("train", data.train, 2000), ("test", data.test, 1000))
    }
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    probe.fit(rows["train"].numpy(), data.train.labels[:2000].numpy())
    assert probe.score(rows["test"].numpy(), data.test.labels[:1000].numpy()) >= 0.86
