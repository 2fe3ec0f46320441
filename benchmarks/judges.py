r"""Which encoder judges few, unlabelled images: whether its KID orders what is plain. The tables of docs/judges.md.

Images are the training splits' alone: 600 to train generators and to fit encoders, and from the rest two sets of N
that are held against each other. Three things are asked of an encoder, and it is chosen by them in this order:

pairs   the better of two sets is nearer: real images beside damaged ones and beside generators, a generator late and
        early in its training, with and without noise or blur, a blurred VAE and a noisy DCGAN of faces. All of them
        were written down, from pictures, before anything was scored.
steps   damage is farther the stronger it is: blur, noise, swapped patches, darkening, a missing part, few different
        images, early samples among real ones; three steps each.
halves  two halves of one folder: how far precision is from recall, on average.

python benchmarks/judges.py --runs runs/judges --write docs/judges.md --images 100 300 \
    --encoders pixels self self-of-others random efficientnet stages efficientnet-128       20 minutes on one core
python benchmarks/judges.py --runs runs/judges --write docs/judges.md --images 600 1000 \
    --encoders pixels self efficientnet                                                     10 minutes
python benchmarks/judges.py --runs runs/judges --write docs/judges.md --images 100 \
    --encoders inception                                                                    20 minutes
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from corruptions import blurred, noisy, placed, with_swaps
from torch import Tensor
from torch.nn import functional as F

from paribus import train
from paribus.data import load_data
from paribus.metrics.distances import kernel_distance
from paribus.metrics.efficientnet import LEAST_SIZE, TAP, EfficientNetEncoder
from paribus.metrics.efficientnet_weights import STAGES, Weights, read_weights
from paribus.metrics.encoders import PixelEncoder
from paribus.metrics.inception import InceptionNetwork
from paribus.metrics.inception_weights import read_weights as read_inception
from paribus.metrics.inception_weights import weights_file
from paribus.metrics.neighbours import precision_recall_density_coverage
from paribus.metrics.self_trained import SelfTrainedEncoder
from paribus.models import load_model

DATA = {"anime-faces": "lfw", "lfw": "anime-faces"}
"""Unlabelled data sets, and the one whose images stand for "other images"."""
FITTED, OTHERS, MOST, SMALL = 600, 5000, 1000, 32
GENERATORS = {"dcgan": (3, 12, 40), "conv-vae": (3, 40)}
"""Trained at 32x32, and the thousands of images after which they are looked at."""
PAIRS = [
    ("dcgan 40", "dcgan 3"),
    ("dcgan 12", "dcgan 3"),
    ("conv-vae 40", "conv-vae 3"),
    ("conv-vae 40", "dcgan 3"),
    ("dcgan 40", "conv-vae 3"),
    ("dcgan 40", "dcgan 40, noise"),
    ("conv-vae 40", "conv-vae 40, noise"),
    ("conv-vae 40", "conv-vae 40, blur"),
    ("real, noise 10", "conv-vae 40"),
    ("real, noise 10", "dcgan 40"),
    ("real, blur", "dcgan 3"),
    ("real, blur", "conv-vae 40, blur"),
    ("real, noise 25", "dcgan 3"),
    ("real, noise 25", "dcgan 40, noise"),
    ("real", "real, noise 10"),
    ("real, noise 10", "real, noise 25"),
    ("real, noise 25", "real, noise 50"),
    ("real", "real, blur"),
]
"""The better set and the worse one, at 32x32."""
OF_FACES = [("conv-vae 40", "dcgan 40"), ("conv-vae 40", "dcgan 12")]
"""Plain on LFW alone."""

Sets = dict[str, Tensor]
Rows = dict[str, dict[str, Tensor]]
"""Features by encoder (a network has several) and by set of images."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoders", nargs="+", choices=ENCODERS, default=list(ENCODERS))
    parser.add_argument("--images", nargs="+", type=int, default=[100, 300], help=f"of either side, at most {MOST}")
    parser.add_argument("--runs", type=Path, required=True, help="folder for generators and features, which it reuses")
    parser.add_argument("--write", type=Path, help="put the table between its marks in this Markdown file")
    arguments = parser.parse_args()
    lines = ["| encoder | features | " + " | ".join(f"n = {n}" for n in arguments.images) + " | images/s |"]
    lines += ["| --- | --- |" + " --- |" * (len(arguments.images) + 1)]
    for name in arguments.encoders:
        by_data = {data: features(name, data, max(arguments.images), arguments.runs) for data in DATA}
        for encoder in next(iter(by_data.values()))[0]:
            cells = [cell({data: rows[encoder] for data, (rows, _) in by_data.items()}, n) for n in arguments.images]
            width = next(iter(by_data.values()))[0][encoder]["real"].shape[1]
            rate = min(rate for _, rate in by_data.values())
            lines.append(f"| {encoder} | {width} | {' | '.join(cells)} | {rate:.0f} |")
            print(lines[-1], flush=True)
    print("\n".join(lines))
    if arguments.write is not None:
        mark = f"judges with {' and '.join(map(str, arguments.images))} images"
        arguments.write.write_text(placed("\n".join(lines), mark, arguments.write.read_text()))


@cache
def shuffled(name: str) -> Tensor:
    """Images uint8 of the training split, in an order of chance."""
    images = load_data(name, validation=0).train.images
    return images[torch.randperm(len(images), generator=torch.Generator().manual_seed(0))]


def reduced(images: Tensor) -> Tensor:
    return F.interpolate(images.float(), (SMALL, SMALL), mode="area").round().to(torch.uint8)


def sets(name: str, n: int, runs: Path) -> Sets:
    """Real images, damaged ones and generators', n of each."""
    images = shuffled(name)
    real, other = images[MOST : MOST + n], images[2 * MOST : 2 * MOST + n]
    made = {"against": real, "other": other}
    made |= {f"blur {step}": blurred(other, sigma) for step, sigma in enumerate((0.5, 1.0, 2.0))}
    made |= {f"noise {step}": noisy(other, sigma) for step, sigma in enumerate((10, 25, 50))}
    made |= {f"swaps {step}": with_swaps(other, pairs) for step, pairs in enumerate((1, 3, 8))}
    made |= {f"dark {step}": (other * share).round().to(torch.uint8) for step, share in enumerate((0.75, 0.5, 0.25))}
    made |= {f"missing {step}": without_bottom(other, share) for step, share in enumerate((0.25, 0.5, 0.75))}
    small = reduced(other)
    made |= {"against, small": reduced(real), "real": small, "real, blur": blurred(small, 1.0)}
    made |= {f"real, noise {sigma}": noisy(small, sigma) for sigma in (10, 25, 50)}
    for model, thousands in GENERATORS.items():
        for reached, samples in zip(thousands, snapshots(model, name, images[:FITTED], n, runs), strict=True):
            made[f"{model} {reached}"] = samples
        made[f"{model} {reached}, noise"] = noisy(samples, 25)
        made[f"{model} {reached}, blur"] = blurred(samples, 1.0)
    return made


def without_bottom(images: Tensor, share: float) -> Tensor:
    """Images whose lower rows are grey."""
    images = images.clone()
    images[:, :, round((1 - share) * images.shape[2]) :] = 128
    return images


def snapshots(model: str, name: str, images: Tensor, n: int, runs: Path) -> Iterator[Tensor]:
    """Samples of a generator at each of its snapshots, trained where it is not yet."""
    run, file = runs / f"{name}, {model}", runs / f"{name}.npz"
    if not (run / "done.json").is_file():
        np.savez(file, images=images.permute(0, 2, 3, 1).numpy())
        reached = GENERATORS[model]
        at = f"training.snapshots=[{','.join(f'{k}kimg' for k in reached)}]"
        settings = (at, f"data.size={SMALL}")
        train(model, file, budget=f"{reached[-1]}kimg", out=run, overrides=settings, score=False, resume=True)
    for weights in sorted((run / "snapshots").glob("*.safetensors"), key=lambda path: int(path.stem)):
        yield load_model(run, weights=weights).sample(MOST, seed=1)[:n]


Encode = Callable[[Tensor], dict[str, Tensor]]
"""Features by encoder of images of any size."""


def fitted(encoder: type[PixelEncoder] | type[SelfTrainedEncoder], others: bool, name: str) -> Encode:
    """An encoder made of the folder's own training images, or of another data set's."""
    images = shuffled(DATA[name])[:OTHERS] if others else shuffled(name)[:FITTED]
    by_size = {images.shape[2]: encoder(images), SMALL: encoder(reduced(images))}
    title = f"`{encoder.name}`" + (" of other images" if others else "")
    return lambda images: {title: by_size[images.shape[2]].features(images)}


def efficientnet(size: int, taps: Sequence[int], random: bool, name: str) -> Encode:
    """EfficientNet-Lite0's stages, seeing images of at least a size."""
    weights = randomised(read_weights()) if random else read_weights()
    words = f"EfficientNet-Lite0{' of random weights' if random else ''}, from {size} pixels, stage "
    encoders = {f"{words}{tap}": EfficientNetEncoder(weights, tap=tap, least_size=size) for tap in taps}
    return lambda images: {title: encoder.features(images) for title, encoder in encoders.items()}


def randomised(weights: Weights) -> Weights:
    """The same network before it learned anything: He's initial weights and no bias."""
    draw = torch.Generator().manual_seed(0)

    def anew(part: object) -> object:
        if isinstance(part, Tensor):
            if part.ndim == 1:
                return torch.zeros_like(part)
            return torch.randn(part.shape, generator=draw) * (2 / part[0].numel()) ** 0.5
        if isinstance(part, tuple):
            items = [anew(item) for item in part]
            return type(part)(*items) if hasattr(part, "_fields") else tuple(items)
        return part

    made = anew(weights)
    assert isinstance(made, Weights)
    return made


def inception(name: str) -> Encode:
    taps = (64, 192, 768)
    network = InceptionNetwork(read_inception(weights_file(None, Path()), max(taps)), taps)
    return lambda images: {f"`inception-{tap}`": rows for tap, rows in network.features(images).items()}


ENCODERS: dict[str, Callable[[str], Encode]] = {
    "pixels": partial(fitted, PixelEncoder, False),
    "self": partial(fitted, SelfTrainedEncoder, False),
    "self-of-others": partial(fitted, SelfTrainedEncoder, True),
    "random": partial(efficientnet, LEAST_SIZE, (TAP,), True),
    "efficientnet": partial(efficientnet, LEAST_SIZE, (TAP,), False),
    "stages": partial(efficientnet, LEAST_SIZE, (3, 5, len(STAGES)), False),
    "efficientnet-128": partial(efficientnet, 128, (TAP,), False),
    "inception": inception,
}


def features(name: str, data: str, n: int, runs: Path) -> tuple[Rows, float]:
    """Features of every set, and how many images of them were encoded a second; kept under `runs`."""
    path = runs / f"{data}, {name}, {n}.pt"
    if not path.is_file():
        encode, rows, count = ENCODERS[name](data), {}, 0
        every = sets(data, n, runs)
        start = time.process_time()
        for title, images in every.items():
            count += len(images)
            for encoder, found in encode(images).items():
                rows.setdefault(encoder, {})[title] = found
        torch.save((rows, count / (time.process_time() - start)), path)
    kept: tuple[Rows, float] = torch.load(path, weights_only=True)
    return kept


def cell(by_data: dict[str, dict[str, Tensor]], n: int) -> str:
    """What an encoder orders rightly with n images of either side; up to three disjoint choices of them."""
    pairs: list[bool] = []
    steps: list[bool] = []
    halves: list[float] = []
    for data, rows in by_data.items():
        for first in range(0, len(rows["real"]) - n + 1, n)[:3]:
            part = {title: own[first : first + n] for title, own in rows.items()}
            distances = {title: distance(part, title) for title in part}
            plain = PAIRS + (OF_FACES if data == "lfw" else [])
            pairs += [distances[better] < distances[worse] for better, worse in plain]
            for damage in ("blur", "noise", "swaps", "dark", "missing"):
                steps += rising([distances["other"], *(distances[f"{damage} {step}"] for step in range(3))])
            few = [part["other"][torch.arange(n) % (n // times)] for times in (2, 5, 20)]
            steps += rising([distances["other"], *(kernel_distance(part["against"], own).value for own in few)])
            mixed = [torch.cat([part["dcgan 3"][: n * k // 10], part["real"][n * k // 10 :]]) for k in (1, 3, 10)]
            steps += rising([distances["real"], *(kernel_distance(part["against, small"], m).value for m in mixed)])
            found = precision_recall_density_coverage(part["against"], part["other"])
            halves.append(abs(found["precision"] - found["recall"]))
    return f"{sum(pairs)} of {len(pairs)}, {sum(steps)} of {len(steps)}, {np.mean(halves):.2f}"


def distance(part: dict[str, Tensor], title: str) -> float:
    """KID from real images of the same resolution."""
    of_small = title.startswith(("real", *GENERATORS))
    return kernel_distance(part["against, small" if of_small else "against"], part[title]).value


def rising(values: list[float]) -> list[bool]:
    return [first < second for first, second in pairwise(values)]


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
