"""What the laboratory's experiments show with several seeds: the numbers in docs/laboratory.md.

python benchmarks/laboratory.py [--seeds 0 1 2] [--model wgan-gp]
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from paribus.laboratory.models import experiments
from paribus.laboratory.recording import train_on_points


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--model", help="in the place of the experiments' models, with their settings")
    arguments = parser.parse_args()
    for name, experiment in experiments().items():
        print(f"{name}: {experiment['steps']} steps on {experiment['data']}")
        for own, overrides in experiment["sides"]:
            model = arguments.model or own
            for seed in arguments.seeds:
                print(
                    f"  {model} {' '.join(overrides)} seed {seed}: {shown(experiment, model, overrides, seed)}",
                    flush=True,
                )


def shown(experiment: dict, model: str, overrides: list[str], seed: int) -> str:
    started = time.perf_counter()
    recording = train_on_points(
        experiment["data"], model, steps=experiment["steps"], frames=2, seed=seed, overrides=overrides
    )
    seconds = time.perf_counter() - started
    frame = recording.frames[-1]
    told = [f"{frame.modes.sum()} of {len(frame.modes)} modes", f"{frame.quality:.0%} of samples near the data"]
    if frame.restored is not None:
        told.append(f"{frame.restored:.0%} of the data encoded and decoded")
    if frame.push is not None:
        lengths = np.linalg.norm(frame.push, axis=-1)
        told.append(f"a push under 1 % of the longest on {(lengths < 0.01 * lengths.max()).mean():.0%} of the plane")
    return ", ".join([*told, f"{seconds:.0f} s"])


if __name__ == "__main__":
    main()
