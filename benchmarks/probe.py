"""What the features of encoders that need no labels are worth: the share of test images that a linear probe gets right.

The self-trained encoder is held against the pixels' principal components, and against a small network trained for a
minute by contrast: two crops of an image are to be nearer to each other than to crops of others (arXiv 2002.05709).

python benchmarks/probe.py --data mnist cifar10         about 5 minutes
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch
from harness import Result, command, show
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor
from torch.nn import functional as F

from paribus.data import ImageData, load_data
from paribus.metrics.classifier import ClassifierNetwork
from paribus.metrics.encoders import PixelEncoder
from paribus.metrics.self_trained import SelfTrainedEncoder

Features = Callable[[Tensor], Tensor]
IMAGES = 5_000  # of each split, from its start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", nargs="+", default=["mnist", "cifar10"], help="labelled data sets")
    parser.add_argument("--seconds", type=float, default=60, help="CPU seconds of the training by contrast; 0: none")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    arguments = parser.parse_args()
    results = []
    for name in arguments.data:
        data = load_data(name)
        start = time.process_time()
        encoder = SelfTrainedEncoder(data.train.images, fingerprint=data.fingerprint)
        made = time.process_time()
        encoder.features(data.test.images[:IMAGES])
        rate = min(IMAGES, len(data.test)) / (time.process_time() - made)
        print(f"{name}: made in {made - start:.1f} CPU seconds, {rate:,.0f} images a CPU second")
        ours = probe(encoder.features, data)
        peers = {"pixels": PixelEncoder(data.train.images, fingerprint=data.fingerprint).features}
        if arguments.seconds:
            peers[f"contrast for {arguments.seconds:g} s"] = contrasted(data.train.images, arguments.seconds)
        for peer, features in peers.items():
            theirs = probe(features, data)
            results.append(Result(f"{name}, beside {peer}", ours, theirs, ours / theirs, None, "right", command()))
    print(f"{'':<44}{'self':>12}{'other':>12}")
    show(results, arguments.json)


def probe(features: Features, data: ImageData) -> float:
    """Share of test images whose class a linear classifier reads off the features."""
    (train, labels), (test, answers) = (
        (features(split.images[:IMAGES]).numpy(), split.labels[:IMAGES].numpy()) for split in (data.train, data.test)
    )
    classifier = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=300))
    return float(classifier.fit(train, labels).score(test, answers))


def contrasted(images: Tensor, seconds: float) -> Features:
    """The hidden layer of a network trained by contrast, in batches of 256 pairs of crops."""
    torch.manual_seed(0)
    network = ClassifierNetwork(images.shape[1], images.shape[2], 64).to(memory_format=torch.channels_last)
    parameters = list(network.parameters())
    optimizer = torch.optim.Adam(parameters, lr=2e-3)
    end = time.process_time() + seconds
    while (left := end - time.process_time()) > 0:
        optimizer.param_groups[0]["lr"] = 2e-3 * min(1.0, 2 * left / seconds)
        batch = images[torch.randint(len(images), (256,))].float()
        rows = F.normalize(network(torch.cat([crops(batch), crops(batch)]))[1], dim=1)
        similar = (rows @ rows.T / 0.2).fill_diagonal_(-1e9)
        loss = F.cross_entropy(similar, torch.arange(512).roll(256))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    network.eval()

    @torch.no_grad()
    def features(images: Tensor) -> Tensor:
        return torch.cat([network(part)[0] for part in images.split(500)])

    return features


def crops(images: Tensor) -> Tensor:
    """A random part of each image, of 30 to 100 % of its area, at full size, with other brightness and contrast."""
    count = len(images)
    side = (0.3 + 0.7 * torch.rand(count)).sqrt()
    shift = (2 * torch.rand(2, count) - 1) * (1 - side)
    zero = torch.zeros(count)
    rows = torch.stack([torch.stack([side, zero, shift[0]], 1), torch.stack([zero, side, shift[1]], 1)], 1)
    grid = F.affine_grid(rows, list(images.shape), align_corners=False)
    parts = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    contrast, brightness = 0.6 + 0.8 * torch.rand(2, count, images.shape[1], 1, 1)
    return (parts * contrast + 127.5 * (brightness - 1)).clamp(0, 255)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
