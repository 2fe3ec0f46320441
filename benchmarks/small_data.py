"""What augmentation does for few images: `PARIBUS_DATA=... python benchmarks/small_data.py FOLDER OUT`.

FOLDER is one that `own_folder.py anime` wrote (600 drawn faces). Each model is trained on it with and without each kind
of augmentation, at 32 pixels, and scored on the validation images of `anime-faces`, of which none is in the folder, by
the encoder `self` trained on that set's training images. No test image is looked at. Runs that OUT holds are kept.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import paribus as pb

FLIP = "data.augment.flip=true"
SHIFT = "objective.diff_augment=translation-cutout"
COLOR = "objective.diff_augment=color-translation-cutout"
WAYS: dict[str, tuple[str, ...]] = {
    "plain": (),
    "flip": (FLIP,),
    "diff": (SHIFT,),
    "flip-diff": (FLIP, SHIFT),
    "flip-diff-color": (FLIP, COLOR),
}
METRICS = ("kid", "precision", "recall", "coverage")


def measured(
    model: str, ways: Sequence[str], seeds: Sequence[int], budget: str, data: pb.DataSettings, out: Path
) -> None:
    """Trains and scores a model in each way, and prints a line a run as JSON."""
    whole = pb.load_data(pb.DataSettings(name="anime-faces", size=32))
    asked = pb.EvaluationSettings(split="validation", encoder="self", samples=2000, metrics=list(METRICS))
    for seed in seeds:
        for way in ways:
            folder = out / f"{model}-{way}-{budget}-{seed}"
            run = pb.train(
                model,
                data,
                budget=budget,
                seed=seed,
                out=folder,
                resume=folder.exists(),
                overrides=(*WAYS[way], "training.threads=1"),
                score=False,
            )
            scores = {score.metric: score.value for score in pb.evaluate(run, whole, asked) if score.metric in METRICS}
            print(json.dumps({"model": model, "way": way, "budget": budget, "seed": seed} | scores), flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--model", default="dcgan")
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--budget", default="100kimg")
    given = parser.parse_args()
    data = pb.DataSettings(name=str(given.folder), size=32)
    measured(given.model, given.ways, given.seeds, given.budget, data, given.out)
