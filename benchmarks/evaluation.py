"""Speed and memory of what evaluation spends its time on, beside the ordinary way to compute the same.

python benchmarks/evaluation.py                             all parts
python benchmarks/evaluation.py --parts frechet --threads 1 one of them, on one core
python benchmarks/evaluation.py --bf16                      also Inception in bf16, which pays only where it is native
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch
from features import frechet_results, neighbour_results
from harness import Result, alternate, command, convolution_peak, gemm_peak, show
from plain_inception import PlainInception
from torch import Tensor

from paribus.metrics.inception import InceptionNetwork
from paribus.metrics.inception_weights import read_weights
from paribus.training.hardware import choose_device, has_native_bf16, usable_cores

OPERATIONS = {768: 9.42e9, 2048: 11.43e9}  # an image, two for each multiplication


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="what to measure")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds a case")
    parser.add_argument("--images", type=int, default=50, help="images a round, for Inception")
    parser.add_argument("--rows", type=int, default=10_000, help="features a set, for distances")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="CPU threads")
    parser.add_argument("--bf16", action="store_true", help="also Inception in bf16")
    arguments = parser.parse_args()

    torch.set_num_threads(arguments.threads)
    print(f"{arguments.threads} threads; medians of {arguments.rounds} rounds")
    print(f"{'':<44}{'ours':>12}{'ordinary':>12}")
    show([result for part in arguments.parts for result in PARTS[part](arguments)], arguments.json)


def _inception(arguments: argparse.Namespace) -> list[Result]:
    """Ours beside a plain eager pass (NCHW, fp32, batch norm apart, gathering resize), same random weights.

    The plain pass gains from small batches too: it runs in batches as large as ours, and of pytorch-fid's 50.
    """
    images = torch.randint(0, 256, (arguments.images, 3, 32, 32), dtype=torch.uint8)
    plain = PlainInception()
    plain(images[:1])
    if arguments.bf16 and not _bf16_is_native():
        print("this processor has no native bf16: it is emulated, and slower")
    results = []
    with tempfile.TemporaryDirectory() as folder, torch.inference_mode():
        path = Path(folder) / "random.pth"
        torch.save(plain.state, path)
        precisions = ("fp32", "bf16") if arguments.bf16 else ("fp32",)
        peaks = {precision: _peak(precision) for precision in precisions}
        for dimensions, precision in itertools.product((768, 2048), precisions):
            (ours,) = InceptionNetwork(read_weights(path, dimensions), [dimensions], precision=precision).encoders
            for batch in (ours.network.batch_size, 50):
                fast, slow, ratio = alternate(
                    lambda encode=ours.features: _rate(encode, images, arguments.images),
                    lambda last=dimensions, batch=batch: _rate(lambda part: plain(part, last), images, batch),
                    arguments.rounds,
                )
                peak = peaks[precision]
                share = peak and fast * OPERATIONS[dimensions] / peak
                name = f"{ours.name}, beside batches of {batch}"
                results.append(Result(name, fast, slow, ratio, share, "images/s", command()))
    return results


def _bf16_is_native() -> bool:
    return has_native_bf16(choose_device("cpu"))


def _peak(precision: str) -> float | None:
    """Measured FLOP/s; None where the hardware has no such arithmetic."""
    if precision == "bf16" and not _bf16_is_native():
        return None
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    return max(gemm_peak(dtype, seconds=3.0), convolution_peak(dtype))


def _rate(encode: Callable[[Tensor], object], images: Tensor, batch: int) -> float:
    start = time.perf_counter()
    for part in images.split(batch):
        encode(part)
    return len(images) / (time.perf_counter() - start)


def _frechet(arguments: argparse.Namespace) -> list[Result]:
    return frechet_results(arguments.rows, 2048, arguments.rounds, arguments.threads)


def _neighbours(arguments: argparse.Namespace) -> list[Result]:
    """With as many features as the data's own classifier has, and as many as Inception."""
    results = (neighbour_results(arguments.rows, d, arguments.rounds, arguments.threads) for d in (128, 2048))
    return list(itertools.chain.from_iterable(results))


PARTS: dict[str, Callable[[argparse.Namespace], list[Result]]] = {
    "inception": _inception,
    "frechet": _frechet,
    "neighbours": _neighbours,
}
"""What can be measured, by name; each gives its results."""


if __name__ == "__main__":
    main()
