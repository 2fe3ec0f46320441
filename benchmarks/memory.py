"""Memory that a whole evaluation of 3x64x64 samples adds, for few and for many of them; Linux only.

python benchmarks/memory.py                                 5,000 and 50,000 samples; half an hour, most of it distances
python benchmarks/memory.py --samples 2000 20000            minutes
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import torch
from alone import alone
from harness import Result, command, show

from paribus.config import EvaluationSettings
from paribus.data import ImageData, Split
from paribus.evaluation import evaluate
from paribus.models import Model
from paribus.recipes import resolve
from paribus.results.folder import RunFolder
from paribus.results.score import Score
from paribus.training.hardware import usable_cores
from paribus.training.loop import fit, prepare

TRAINING = 2000  # images


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--samples", type=int, nargs=2, default=[5000, 50_000], help="few and many")
    parser.add_argument("--threads", type=int, default=usable_cores(), help="CPU threads")
    arguments = parser.parse_args()
    few, many = (alone(partial(_subject, n), _evaluated, arguments.threads) for n in arguments.samples)
    print(f"whole processes: {few.peak_bytes / 1e6:,.0f} and {many.peak_bytes / 1e6:,.0f} MB, test images included")
    print(f"{'':<44}{'many':>12}{'few':>12}")
    extra = many.extra_bytes / 1e6, few.extra_bytes / 1e6
    name = f"evaluation of {arguments.samples[1]:,} and {arguments.samples[0]:,} samples"
    show([Result(name, *extra, extra[0] / extra[1], None, "MB added", command())], arguments.json)


def _subject(samples: int) -> tuple[Model, ImageData, int]:
    """A small model that has hardly been trained, and as many test images as samples."""
    seeded = torch.Generator().manual_seed(0)

    def split(n: int) -> Split:
        return Split(torch.randint(0, 256, (n, 3, 64, 64), generator=seeded, dtype=torch.uint8), None)

    data = ImageData("random", split(TRAINING), split(0), split(samples), None, f"random-{samples}")
    overrides = ["backbone.width=8", "training.budget=1updates", "training.snapshots=[]"]
    with tempfile.TemporaryDirectory() as folder:
        model = fit(prepare(resolve("conv-vae", overrides=overrides), data), RunFolder(Path(folder))).model
    return model, data, samples


def _evaluated(model: Model, data: ImageData, samples: int) -> list[Score]:
    return evaluate(model, data, EvaluationSettings(samples=samples, iwae_samples=2))


if __name__ == "__main__":
    main()
