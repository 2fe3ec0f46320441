import pytest
import torch

from paribus.base.errors import ParibusError
from paribus.metrics.classifier import ChannelClassifier, channel_labels, dataset_classifier, single_channels


def spots(n, seed):
    """Grey images with a bright half, top or bottom: two classes."""
    seeded = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (n,), generator=seeded)
    images = torch.randint(0, 100, (n, 1, 8, 8), generator=seeded, dtype=torch.uint8)
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, 4 * label : 4 * label + 4] += 100
    return images, labels


def stacks(n, seed):
    images, labels = spots(3 * n, seed)
    return images.view(n, 3, 8, 8), labels.view(n, 3) @ torch.tensor([4, 2, 1])


class Means:
    """The class probabilities of an image are its pixels' mean and the rest; the mean is its one feature too."""

    name, id, dimensions, accuracy, size = "classifier", "classifier-0123456789ab", 1, 0.9, 8
    fitted_on = 100

    def encode(self, images):
        means = images.float().mean((1, 2, 3))[:, None] / 255
        return means, torch.cat([1 - means, means], 1)


def test_labels_are_the_digits_of_one_number():
    labels = torch.tensor([0, 7, 123, 999])
    assert channel_labels(labels, 10, 3).view(-1, 3).tolist() == [[0, 0, 0], [0, 0, 7], [1, 2, 3], [9, 9, 9]]


def test_probabilities_are_products_and_features_lie_side_by_side():
    encoder = ChannelClassifier(Means(), 3)
    images = spots(9, 0)[0].view(3, 3, 8, 8)
    features, probabilities = encoder.encode(images)
    p = images.float().mean((2, 3)) / 255
    torch.testing.assert_close(features, p)
    for index in range(8):
        bits = torch.tensor([index // 4, index // 2 % 2, index % 2])
        torch.testing.assert_close(probabilities[:, index], torch.where(bits == 1, p, 1 - p).prod(1))
    assert (encoder.id, encoder.dimensions) == ("classifier-0123456789abx3", 3)
    assert encoder.accuracy == pytest.approx(0.729)
    with pytest.raises(ParibusError, match="do not fit the encoder"):
        encoder.encode(images[:, :1])


def test_a_classifier_of_channels_tells_all_combinations():
    train, test = stacks(200, 0), stacks(100, 1)
    splits = [(single_channels(images), channel_labels(labels, 2, 3)) for images, labels in (train, test)]
    encoder = ChannelClassifier(dataset_classifier(*splits[0], *splits[1], 2), 3)
    features, probabilities = encoder.encode(test[0])
    assert features.shape == (100, 192) and probabilities.shape == (100, 8)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(100))
    share = (probabilities.argmax(1) == test[1]).double().mean().item()
    assert share == pytest.approx(encoder.accuracy, abs=0.05) and share > 0.9
