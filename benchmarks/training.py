"""Images per second of `fit` beside a textbook loop: same networks, batch, optimiser, images and process.

python benchmarks/training.py                       speed, about 4 minutes
python benchmarks/training.py --quality             also: Frechet distance of both at equal images, three seeds
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import textbook
import torch
from harness import Result, alternate, command, convolution_peak, gemm_peak, show

from paribus.data import ImageData, Split, load_data
from paribus.evaluation import evaluate
from paribus.models import Model
from paribus.recipes import RunConfig, resolve
from paribus.results.folder import RunFolder
from paribus.training.hardware import choose_device, has_native_bf16, usable_cores
from paribus.training.loop import fit, prepare

TEXTBOOK_DCGAN = ["objective.latent_dim=100", "objective.generator_steps=1"]  # as the loop beside ours has it
CASES = {
    "dcgan, width 64, 3x32x32, batch 128": (3, 32, "dcgan", ["backbone.width=64", *TEXTBOOK_DCGAN]),
    "mlp vae, 784-512-16, batch 128": (1, 28, "vae", ["objective.latent_dim=16"]),
    "mlp gan, 64-256-784, batch 128": (1, 28, "gan", []),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds a case")
    parser.add_argument("--seconds", type=float, default=5.0, help="seconds a round")
    parser.add_argument("--workers", type=int, default=0, help="DataLoader workers of the textbook loop")
    parser.add_argument("--precision", choices=["auto", "fp32", "bf16"], default="auto", help="of our loop")
    parser.add_argument("--quality", action="store_true", help="also compare samples at equal images")
    parser.add_argument("--data", default="mnist", help="data set for --quality")
    parser.add_argument("--images", type=int, default=100_000, help="training images for --quality")
    arguments = parser.parse_args()

    torch.set_num_threads(usable_cores())
    bf16 = arguments.precision == "bf16" or (arguments.precision == "auto" and has_native_bf16(choose_device("cpu")))
    dtype = torch.bfloat16 if bf16 else torch.float32
    peak = max(gemm_peak(dtype), convolution_peak(dtype))
    print(
        f"{usable_cores()} cores, {dtype}, measured peak {peak / 1e9:.0f} GFLOP/s; medians of {arguments.rounds} rounds"
    )
    print(f"{'':<44}{'ours':>12}{'textbook':>12}")
    results = [_speed(name, arguments, peak) for name in CASES]
    if arguments.quality:
        results += _quality(arguments)
    show(results, arguments.json)


def _config(model: str, overrides: list[str], *more: str) -> RunConfig:
    fixed = ["training.batch_size=128", "training.snapshots=[]", f"training.threads={usable_cores()}"]
    return resolve(model, overrides=[*overrides, *fixed, *more])


def _random_images(channels: int, size: int, n: int = 10_000) -> ImageData:
    images = torch.randint(0, 256, (n, channels, size, size), dtype=torch.uint8)
    empty = Split(images[:0], None)
    return ImageData("random", Split(images, None), empty, Split(images[:64], None), None, "random")


def _speed(name: str, arguments: argparse.Namespace, peak: float) -> Result:
    channels, size, model, overrides = CASES[name]
    data = _random_images(channels, size)
    config = _config(
        model, overrides, f"training.budget={arguments.seconds}s", f"training.precision={arguments.precision}"
    )
    operations = []

    def ours() -> float:
        with tempfile.TemporaryDirectory() as folder:
            outcome = fit(prepare(config, data), RunFolder(Path(folder)))
        operations.append(outcome.flop_per_image)
        return outcome.state.images / outcome.state.seconds

    def peer() -> float:
        _, seen, seconds = textbook.train(
            config, data.train.images, lambda _, seconds: seconds >= arguments.seconds, arguments.workers
        )
        return seen / seconds

    fast, slow, ratio = alternate(ours, peer, arguments.rounds)
    return Result(name, fast, slow, ratio, fast * operations[0] / peak, "images/s", command())


def _quality(arguments: argparse.Namespace) -> list[Result]:
    """Frechet distances of both loops at equal images; ours without averaging, so that only the loop differs."""
    data = load_data(arguments.data)
    overrides = [
        "backbone.width=32",
        *TEXTBOOK_DCGAN,
        f"training.budget={arguments.images}img",
        "training.ema_half_life_images=0",
    ]
    distances: dict[str, list[float]] = {"ours": [], "peer": []}
    for seed in range(3):
        config = _config("dcgan", overrides, f"seed={seed}", f"training.precision={arguments.precision}")
        with tempfile.TemporaryDirectory() as folder:
            model = fit(prepare(config, data), RunFolder(Path(folder))).model
        nets, _, _ = textbook.train(config, data.train.images, lambda seen, _: seen >= arguments.images)
        peer = Model(config, {"G": nets["G"]}, data.shape, data.class_names)
        for name, subject in (("ours", model), ("peer", peer)):
            scores = {score.metric: score.value for score in evaluate(subject, data, config.evaluation)}
            distances[name].append(scores["frechet"])
            print(f"  seed {seed}, {name}: Frechet distance {scores['frechet']:.2f}")
    ours, peer = statistics.mean(distances["ours"]), statistics.mean(distances["peer"])
    spread = max(statistics.stdev(values) for values in distances.values())
    print(f"  mean {ours:.2f} beside {peer:.2f}, standard deviation over seeds at most {spread:.2f}")
    name = f"Frechet distance, dcgan, {arguments.data}, {arguments.images:,} images"
    return [Result(name, ours, peer, ours / peer, None, "distance", command())]


if __name__ == "__main__":
    main()
