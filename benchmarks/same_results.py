"""Whether two folders of one study hold the same results by value, of this or an older schema of results.json.

    python benchmarks/same_results.py BEFORE AFTER

Compares the tensors of every model.safetensors, every score's value and error, summaries, steadiness and comparisons.
Measures of time and memory differ from run to run: they are listed and not compared. Exits 1 on any difference.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

TIMED = {"train_seconds", "samples_per_second", "sampler_seconds", "peak_memory_bytes"}
NUMBERS = ("mean", "std", "low", "high", "count", "value", "error", "n")
Facts = dict[str, Any]


def weights(folder: Path) -> Facts:
    """By run, the sha256 of its model's tensors: names, types, shapes and values, however the file holds them."""
    paths = sorted((folder / "runs").glob("*/model.safetensors"))
    return {f"weights/{path.parent.name}": _tensors_hash(path) for path in paths}


def _tensors_hash(path: Path) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(load_file(path).items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()


def evaluations(folder: Path) -> Facts:
    """Every score of every run's evaluation.json and snapshots.json."""
    found: Facts = {}
    for path in sorted([*folder.glob("runs/*/evaluation.json"), *folder.glob("runs/*/snapshots.json")]):
        for entry in json.loads(path.read_text()):
            place = [path.parent.name, path.stem, entry.get("weights"), entry.get("snapshot"), _encoder(entry)]
            found |= _numbers("/".join(map(str, ["scores", *place, entry["metric"]])), entry)
    return found


def results(folder: Path) -> Facts:
    """Rows, summaries, steadiness and comparisons of results.json."""
    content, found = json.loads((folder / "results.json").read_text()), Facts()
    for row in content["runs"]:
        name = Path(row["folder"]).name
        found[f"rows/{name}/status"] = row["status"]
        tables = {"scores": row["scores"], "best": row["best"] or {}}
        others = row["others"] if "others" in row else row["other_encoders"]
        tables |= {encoder: of.get("scores", of) for encoder, of in others.items()}
        for table, scores in tables.items():
            for metric, score in scores.items():
                found |= _numbers(f"rows/{name}/{table}/{metric}", score)
    for part in ("models", "steadiness"):
        for model, metrics in content[part].items():
            for metric, numbers in metrics.items():
                found |= _numbers(f"{part}/{model}/{metric}", numbers)
    for encoder, models in content["other_encoders"].items():
        for model, metrics in models.items():
            for metric, numbers in metrics.items():
                found |= _numbers(f"other_encoders/{encoder}/{model}/{metric}", numbers)
    return found | {f"comparisons/{path}": value for path, value in _leaves(content["comparisons"])}


def _encoder(entry: dict[str, Any]) -> str | None:
    encoder = entry.get("encoder")
    return encoder["id"] if isinstance(encoder, dict) else encoder


def _numbers(path: str, entry: dict[str, Any]) -> Facts:
    return {f"{path}/{key}": entry[key] for key in NUMBERS if key in entry}


def _leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Values by path; reasons in words are left out."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else None
    if items is None:
        yield path, tree
        return
    for key, value in items:
        if key in ("why", "not_comparable", "train_seconds"):  # words, or a front that rests on seconds
            continue
        yield from _leaves(value, f"{path}/{key}" if path else str(key))


def main(before: Path, after: Path) -> int:
    """Prints what was compared and every difference."""
    differences = 0
    for read in (weights, evaluations, results):
        first, second = read(before), read(after)
        timed = {path for path in first.keys() | second.keys() if TIMED & set(path.split("/"))}
        compared = sorted((first.keys() | second.keys()) - timed)
        wrong = [path for path in compared if first.get(path, "absent") != second.get(path, "absent")]
        print(
            f"{read.__name__}: {len(compared)} compared, {len(wrong)} differ, {len(timed)} of time or memory left out"
        )
        for path in wrong:
            print(f"  {path}: {first.get(path, 'absent')} before, {second.get(path, 'absent')} after")
        differences += len(wrong)
    return 1 if differences else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
