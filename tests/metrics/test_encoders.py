import math
import multiprocessing

import numpy as np
import pytest
import torch

from paribus.base.cache import cache_folder, locked
from paribus.base.errors import ParibusError
from paribus.base.files import replacing
from paribus.data import load_data
from paribus.metrics import classifier as classifier_module
from paribus.metrics.classifier import ClassifierNetwork, dataset_classifier
from paribus.metrics.encoders import PixelEncoder
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import Features, cached_features, cached_scores, reference_key
from tests.conftest import needs_real_data


def patterned(n=120, size=8, channels=1, classes=3, seed=0):
    """Noise with a bright bar at a place that tells the class."""
    seeded = torch.Generator().manual_seed(seed)
    labels = torch.arange(n) % classes
    images = torch.randint(0, 100, (n, channels, size, size), generator=seeded, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, :, 2 * label : 2 * label + 2] += 150
    return images, labels


def trained(cache=None, seed=0, fingerprint=None, **shape):
    train, test = patterned(**shape), patterned(n=30, seed=1, **{k: v for k, v in shape.items() if k != "n"})
    return dataset_classifier(*train, *test, 3, seed=seed, cache=cache, fingerprint=fingerprint)


def test_classifier_learns_and_is_deterministic():
    first, again, other = trained(), trained(), trained(seed=1)
    assert first.accuracy > 0.9
    assert first.id == again.id
    assert first.id.startswith("classifier-") and len(first.id) == len("classifier-") + 12
    assert other.id != first.id
    images, _ = patterned()
    features, probabilities = first.encode(images)
    assert features.shape == (120, 64) and features.dtype == torch.float32
    assert probabilities.sum(1).allclose(torch.ones(120))
    assert first.features(images).equal(features)
    assert features.double().square().mean().sqrt() == pytest.approx(1, abs=0.01)
    assert first.encode(images[:0])[0].shape == (0, 64)


def test_classifier_ignores_the_thread_count_and_leaves_global_state_alone(monkeypatch):
    expected = trained()
    torch.set_num_threads(2)
    torch.manual_seed(5)
    state = torch.get_rng_state()
    torch.set_float32_matmul_precision("medium")
    try:
        with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
            assert trained().id == expected.id
        assert torch.get_num_threads() == 2
        assert torch.get_rng_state().equal(state)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_num_threads(1)
        torch.set_float32_matmul_precision("highest")


def test_a_batch_does_not_change_what_an_image_gives():
    images, _ = patterned(n=1100)
    encoder = trained()
    whole = encoder.features(images)
    assert torch.cat([encoder.features(part) for part in images.split(333)]).allclose(whole, rtol=1e-5, atol=1e-6)


def test_cached_classifier_is_bit_identical_and_not_trained_again(tmp_path, monkeypatch):
    first = trained(tmp_path, fingerprint="a")
    monkeypatch.setattr(classifier_module, "_trained", lambda *_: pytest.fail("trained again"))
    again = trained(tmp_path, fingerprint="a")
    assert again.id == first.id and again.accuracy == first.accuracy
    images, _ = patterned()
    assert again.features(images).equal(first.features(images))


@pytest.mark.parametrize(
    "change", [{"fingerprint": "b"}, {"seed": 1}, {"size": 9}, {"n": 121}, {"channels": 3}], ids=lambda c: next(iter(c))
)
def test_anything_else_never_hits_the_cached_classifier(change, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        classifier_module, "_trained", lambda *a: calls.append(a) or ClassifierNetwork(a[0].shape[1], a[0].shape[2], 3)
    )
    trained(tmp_path, fingerprint="a")
    trained(tmp_path, **({"fingerprint": "a"} | change))
    assert len(calls) == 2


def test_without_a_fingerprint_the_content_decides(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(classifier_module, "_trained", lambda *a: calls.append(a) or ClassifierNetwork(1, 8, 3))
    images, labels = patterned()
    for changed in (images, images, 255 - images):
        dataset_classifier(changed, labels, images, labels, 3, cache=tmp_path)
    assert len(calls) == 2


def test_a_broken_cache_file_is_replaced(tmp_path):
    first = trained(tmp_path)
    (file,) = (tmp_path / "encoders").glob("*.safetensors")
    file.write_bytes(file.read_bytes()[:100])
    assert trained(tmp_path).id == first.id
    assert not list((tmp_path / "encoders").glob(".*.safetensors"))


@pytest.mark.parametrize("size", [8, 9, 13, 15, 16, 17, 28, 32, 45, 64, 100, 128])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_network_takes_any_size(size, channels):
    network = ClassifierNetwork(channels, size, 5)
    features, logits = network(torch.zeros(2, channels, size, size, dtype=torch.uint8))
    assert features.shape == (2, 128 if size >= 16 else 64)
    assert logits.shape == (2, 5)
    assert sum(p.numel() for p in network.parameters()) < 150_000


def test_labels_that_do_not_fit_are_refused():
    images, labels = patterned()
    with pytest.raises(ParibusError, match="at least two classes"):
        dataset_classifier(images, labels[:5], images, labels, 3)
    with pytest.raises(ParibusError, match="at least two classes"):
        dataset_classifier(images, labels * 0, images, labels, 1)
    with pytest.raises(ParibusError, match="do not fit the encoder"):
        trained().features(images.float())
    with pytest.raises(ParibusError, match="do not fit the encoder"):
        trained().features(patterned(size=9)[0])


def test_pixel_components_are_those_of_numpy():
    images, _ = patterned(n=300)
    encoder = PixelEncoder(images, components=10)
    rows = images.flatten(1).numpy() / 255
    values, vectors = np.linalg.eigh(np.cov(rows, rowvar=False))
    expected = (rows - rows.mean(0)) @ vectors[:, ::-1][:, :10]
    scale = np.sqrt((expected**2).mean())
    expected /= scale
    found = encoder.features(images).numpy()
    signs = np.sign((expected * found).sum(0))
    assert found == pytest.approx(expected * signs, abs=2e-3)
    assert found.var(0, ddof=1) == pytest.approx(values[::-1][:10] / scale**2, rel=1e-3)
    assert encoder.id == PixelEncoder(images, components=10).id
    assert encoder.id != PixelEncoder(images[:200], components=10).id
    assert (encoder.directions.gather(0, encoder.directions.abs().argmax(0)[None]) > 0).all()


def test_pixel_components_by_iteration_catch_the_variance(monkeypatch):
    seeded = torch.Generator().manual_seed(0)
    coarse = torch.randint(0, 256, (200, 3, 6, 6), generator=seeded).float()
    images = torch.nn.functional.interpolate(coarse, size=24, mode="bilinear").to(torch.uint8)  # 1,728 pixels
    encoder = PixelEncoder(images, components=20)
    rows = images.flatten(1).double() / 255
    best = torch.linalg.svdvals(rows - rows.mean(0))[:20].square().sum()
    kept = encoder.features(images).double() @ torch.linalg.pinv(encoder.directions.double())
    assert kept.square().sum() == pytest.approx(float(best), rel=2e-3)
    assert encoder.features(images).square().mean() == pytest.approx(1, rel=1e-3)


def test_pixel_encoder_of_few_pixels_or_few_images_uses_all():
    assert PixelEncoder(patterned(n=300, size=8)[0], components=100).dimensions == 64
    assert PixelEncoder(patterned(n=5)[0]).dimensions == 5
    assert PixelEncoder(patterned(n=5)[0]).features(patterned(n=0)[0]).shape == (0, 5)
    with pytest.raises(ParibusError, match="at least two images"):
        PixelEncoder(patterned(n=1)[0])


def test_pixel_encoder_does_not_depend_on_threads():
    # pixels that are always black leave directions without variance, which nothing but rounding decides
    images = load_data("digits").train.images
    assert (images == 0).all(0).any()
    first = PixelEncoder(images)
    torch.set_num_threads(2)
    try:
        assert PixelEncoder(images).id == first.id
    finally:
        torch.set_num_threads(1)


def test_pixel_encoder_is_cached(tmp_path):
    images, _ = patterned(n=300)
    first = PixelEncoder(images, fingerprint="a", cache=tmp_path)
    assert PixelEncoder(255 - images, fingerprint="a", cache=tmp_path).id == first.id  # a hit: nothing is fitted
    assert PixelEncoder(255 - images, fingerprint="b", cache=tmp_path).id != first.id


def test_reference_is_computed_once_and_no_changed_key_hits(tmp_path):
    calls = []

    def compute():
        calls.append(1)
        return Features(torch.rand(4, 3), torch.rand(4, 2) if len(calls) % 2 else None)

    key = {"fingerprint": "f", "split": "test", "encoder_id": "e-1", "n": 4}
    first = cached_features(compute, **key, cache=tmp_path)
    again = cached_features(compute, **key, cache=tmp_path)
    assert len(calls) == 1
    assert again.features.equal(first.features) and again.probabilities.equal(first.probabilities)
    for changed in ({"fingerprint": "g"}, {"split": "train"}, {"encoder_id": "e-2"}, {"n": 3}):
        cached_features(compute, **(key | changed), cache=tmp_path)
    assert len(calls) == 5
    file = tmp_path / "reference" / f"{reference_key('f', 'test', 'e-1', 4)}.safetensors"
    file.write_bytes(file.read_bytes()[:50])
    cached_features(compute, **key, cache=tmp_path)
    assert len(calls) == 6


def test_reference_keys_change_with_the_code_version(monkeypatch):
    before = reference_key("f", "test", "e", 4)
    monkeypatch.setattr("paribus.metrics.reference.CODE_VERSION", 99)
    assert reference_key("f", "test", "e", 4) != before
    assert reference_key("f", "te", "ste", 4) != reference_key("f", "test", "e", 4)


def test_cached_scores_keep_their_errors(tmp_path):
    first = cached_scores(lambda: {"kid": Estimate(1 / 3, math.nan)}, "key", tmp_path)
    again = cached_scores(lambda: pytest.fail("computed again"), "key", tmp_path)
    assert first["kid"].value == again["kid"].value == 1 / 3
    assert isinstance(again["kid"], Estimate) and math.isnan(again["kid"].error)


def test_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PARIBUS_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("PARIBUS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "shared"))
    assert cache_folder() == tmp_path / "shared" / "paribus"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "paribus"


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), replacing(path) as partial:
        partial.write_text("half")
        _ = 1 / 0
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def _append(path, text):
    with locked(path):
        before = path.read_text() if path.exists() else ""
        for _ in range(200):
            pass
        path.write_text(before + text)


def test_the_lock_keeps_processes_apart(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_append, args=(tmp_path / "sub" / "x", str(i))) for i in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sorted((tmp_path / "sub" / "x").read_text()) == ["0", "1", "2"]


@pytest.mark.slow
@needs_real_data
@pytest.mark.parametrize(("name", "least"), [("digits", 0.96), ("mnist", 0.99)])
def test_classifier_of_real_digits(name, least):
    data = load_data(name)
    train, test = data.train, data.test
    assert dataset_classifier(train.images, train.labels, test.images, test.labels, 10).accuracy >= least
