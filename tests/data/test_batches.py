from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from paribus.base.errors import ParibusError
from paribus.config import Augmentation
from paribus.data import Batches, Split
from paribus.data.augment import augmented, mirrored, recoloured, rotated, shifted


def some_split(count: int, size: int = 4, channels: int = 1) -> Split:
    images = torch.arange(count * channels * size * size).remainder(256).to(torch.uint8)
    return Split(images.view(count, channels, size, size), torch.arange(count) % 10)


@settings(deadline=None, max_examples=50)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 100), seed=st.integers(0, 5))
def test_every_epoch_is_a_permutation(count, batch_size, seed):
    batches = Batches(some_split(count), batch_size, seed)
    needed = -(-3 * count // batch_size)
    sequence = torch.cat([batches[k][2] for k in range(needed)])
    for epoch in range(3):
        assert sequence[epoch * count : (epoch + 1) * count].sort().values.tolist() == list(range(count))
    assert batches.images_per_epoch == count


@settings(deadline=None, max_examples=25)
@given(count=st.integers(1, 40), batch_size=st.integers(1, 60), order=st.permutations(list(range(8))))
def test_a_batch_is_a_function_of_its_number_alone(count, batch_size, order):
    augment = Augmentation(flip=True, shift=0.25, rotation=20, color=0.5)
    split = some_split(count)
    in_turn = Batches(split, batch_size, 3, augment=augment)
    reference = [in_turn[k] for k in range(8)]
    other = Batches(split, batch_size, 3, augment=augment)
    for k in order:
        for ours, theirs in zip(other[k], reference[k], strict=True):
            assert torch.equal(ours, theirs)


def test_epochs_and_seeds_differ():
    split = some_split(100)
    first, second = (Batches(split, 100, seed) for seed in (0, 1))
    assert not torch.equal(first[0][2], first[1][2])
    assert not torch.equal(first[0][2], second[0][2])


def test_images_and_labels_are_those_of_the_indices():
    split = some_split(30, channels=3)
    images, labels, indices = Batches(split, 16, 0)[5]
    assert images.dtype == torch.float32
    assert images.shape == (16, 3, 4, 4)
    torch.testing.assert_close(images, split.images[indices].float() / 127.5 - 1, atol=1e-7, rtol=0)
    assert torch.equal(labels, split.labels[indices])
    assert Batches(Split(split.images, None), 16, 0)[5][1] is None


def test_normalisation_is_exact():
    split = Split(torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16), None)
    images = Batches(split, 1, 0)[0][0].flatten().numpy()
    np.testing.assert_array_equal(images, np.arange(256, dtype=np.float32) / np.float32(127.5) - np.float32(1))
    assert (images[0], images[-1]) == (-1, 1)
    np.testing.assert_array_equal(np.round((images + 1) * 127.5), np.arange(256))


def test_chosen_indices_get_the_changes_of_the_batch():
    augment = Augmentation(flip=True)
    batches = Batches(some_split(10), 4, 0, augment=augment)
    for ours, theirs in zip(batches.at(batches[7][2], 7), batches[7], strict=True):
        assert torch.equal(ours, theirs)


def test_images_too_large_for_the_device_are_gathered_on_the_host():
    there, here = Batches(some_split(10), 4, 0), Batches(some_split(10), 4, 0)
    here._on_device = False
    for ours, theirs in zip(here[3], there[3], strict=True):
        assert torch.equal(ours, theirs)


def test_refusals():
    with pytest.raises(ParibusError, match="A split without images cannot be cut into batches"):
        Batches(Split(torch.empty(0, 1, 8, 8, dtype=torch.uint8), None), 4, 0)
    with pytest.raises(ParibusError, match="A batch needs at least one image"):
        Batches(some_split(4), 0, 0)
    with pytest.raises(IndexError):
        Batches(some_split(4), 2, 0)[-1]


@pytest.fixture
def batch() -> torch.Tensor:
    return torch.rand(16, 3, 12, 12, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_no_strength_is_identity(batch):
    assert augmented(batch, Augmentation(), 0, 0) is batch
    zero = torch.zeros(16)
    assert torch.equal(mirrored(batch, zero.bool()), batch)
    assert torch.equal(shifted(batch, zero.long(), zero.long()), batch)
    torch.testing.assert_close(rotated(batch, zero), batch, atol=1e-5, rtol=0)
    torch.testing.assert_close(recoloured(batch, zero, zero, zero), batch, atol=1e-6, rtol=0)


@pytest.mark.parametrize("field", [{"flip": True}, {"shift": 0.2}, {"rotation": 30}, {"color": 0.5}])
def test_each_change_changes_something_and_is_keyed(batch, field):
    augment = Augmentation(**field)
    once = augmented(batch, augment, 0, 3)
    assert torch.equal(once, augmented(batch, augment, 0, 3))
    assert not torch.equal(once, batch)
    assert not torch.equal(once, augmented(batch, augment, 0, 4))
    assert not torch.equal(once, augmented(batch, augment, 1, 3))
    assert once.abs().max() <= 1


def test_one_change_does_not_move_another(batch):
    flips = augmented(batch, Augmentation(flip=True), 0, 0)
    with_colour = augmented(batch, Augmentation(flip=True, color=1e-6), 0, 0)
    torch.testing.assert_close(flips, with_colour, atol=1e-4, rtol=0)


def test_flip_against_numpy(batch):
    flipped = augmented(batch, Augmentation(flip=True), 0, 0).numpy()
    count = 0
    for before, after in zip(batch.numpy(), flipped, strict=True):
        mirrored_here = np.array_equal(after, before[:, :, ::-1])
        assert mirrored_here or np.array_equal(after, before)
        count += mirrored_here
    assert 2 <= count <= 14


def test_shift_against_numpy(batch):
    down, right = torch.tensor([0, 3, -2, 1] * 4), torch.tensor([2, 0, -5, 11] * 4)
    moved = shifted(batch, down, right).numpy()
    for i, content in enumerate(batch.numpy()):
        padded = np.pad(content, ((0, 0), (12, 12), (12, 12)), mode="edge")
        top, left = 12 - int(down[i]), 12 - int(right[i])
        np.testing.assert_array_equal(moved[i], padded[:, top : top + 12, left : left + 12])


def test_shift_takes_every_step_within_its_reach_and_no_other():
    spot = torch.zeros(400, 1, 9, 9)
    spot[:, 0, 4, 4] = 1
    places = augmented(spot, Augmentation(shift=0.25), 0, 0).flatten(1).argmax(1).tolist()
    steps = {(place // 9 - 4, place % 9 - 4) for place in places}
    assert steps == {(row, column) for row in range(-2, 3) for column in range(-2, 3)}


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_right_angles_against_numpy(batch, turns):
    turned = rotated(batch, torch.full((16,), 90.0 * turns))
    expected = np.rot90(batch.numpy(), turns, axes=(2, 3)).copy()
    torch.testing.assert_close(turned, torch.from_numpy(expected), atol=1e-4, rtol=0)


def test_rotation_against_pil():
    from PIL import Image

    y, x = np.mgrid[:33, :33]
    smooth = (np.sin(x / 4) + np.cos(y / 5)).astype(np.float32) / 2
    ours = rotated(torch.from_numpy(smooth)[None, None], torch.tensor([25.0]))[0, 0].numpy()
    theirs = np.asarray(Image.fromarray(smooth).rotate(25, Image.Resampling.BILINEAR))
    inside = (x - 16) ** 2 + (y - 16) ** 2 < 14**2
    assert np.abs(ours - theirs)[inside].max() < 1e-3


def test_colour_against_numpy(batch):
    brightness, saturation, contrast = torch.linspace(-1, 1, 16), torch.linspace(1, -1, 16), torch.linspace(-0.5, 1, 16)
    ours = recoloured(batch, brightness, saturation, contrast).numpy()
    for i, content in enumerate(batch.double().numpy()):
        bright = content + 0.5 * brightness[i].item()
        grey = bright.mean(0, keepdims=True)
        vivid = grey + (bright - grey) * (1 + saturation[i].item())
        expected = vivid.mean() + (vivid - vivid.mean()) * (1 + 0.5 * contrast[i].item())
        np.testing.assert_allclose(ours[i], expected, atol=1e-5)


def test_test_images_come_unchanged():
    split = some_split(32)
    images, _, indices = Batches(split, 32, 0)[0]
    assert torch.equal(((images + 1) * 127.5).round().to(torch.uint8), split.images[indices])
