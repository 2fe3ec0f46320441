"""A synthetic study in the format that `paribus compare` writes, drawn with numpy from scikit-learn's digits."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from paribus.results.folder import RunFolder
from paribus.results.run import read_run
from paribus.results.score import Fact
from paribus.results.statistics import summary
from paribus.results.study import StudyResult, models_of
from paribus.results.study_files import write_results
from tests.results.metrics import METRICS

MODELS = ("vae", "beta-vae", "dcgan", "wgan-gp")
FEW = {"code": "too_few_samples", "figures": {"n": 359, "features": 512, "least": 1024}}
BASE = {"vae": 38.2, "beta-vae": 61.7, "dcgan": 12.4, "wgan-gp": 17.9}
PARAMETERS = {
    "vae": {"E": 412_304, "G": 398_721},
    "beta-vae": {"E": 412_304, "G": 398_721},
    "dcgan": {"G": 398_721, "D": 377_153},
    "wgan-gp": {"G": 398_721, "D": 377_153},
}


def digits() -> np.ndarray:
    from sklearn.datasets import load_digits

    return (load_digits().images * (255 / 16)).astype(np.uint8)


def grid(images: np.ndarray, columns: int = 8) -> np.ndarray:
    rows = [np.concatenate(list(images[k : k + columns]), axis=1) for k in range(0, len(images), columns)]
    return np.concatenate(rows, axis=0)


def degraded(images: np.ndarray, model: str, quality: float, random: np.random.Generator) -> np.ndarray:
    """Images as a model of a kind might draw them: a VAE blurs, a GAN is sharp with broken strokes; quality 0 to 1."""
    x = images.astype(float)
    if "vae" in model:
        for _ in range(round(3 - 2 * quality)):
            x = (x + np.roll(x, 1, 1) + np.roll(x, -1, 1) + np.roll(x, 1, 2) + np.roll(x, -1, 2)) / 5
        x = quality * x + (1 - quality) * images.mean(0)
    else:
        noise = random.random(x.shape) * 255
        x = np.where(random.random(x.shape) < 0.7 * (1 - quality), noise, x)
    return x.clip(0, 255).astype(np.uint8)


def score(metric: str, value: float | None, encoder: str | None = "classifier", **extra: Any) -> dict[str, Any]:
    error = None if value is None else abs(value) * 0.02
    images = {"images": {"origin": "samples", "count": 359}, "reference": {"origin": "test", "count": 359}, "seed": 0}
    seen = {"name": encoder, "id": f"{encoder}-3f9a", "accuracy": None} if encoder else None
    return {
        "metric": metric, "value": value, "error": error, "n": 359, "encoder": seen, "split": "test",
        "weights": "last", "protocol": images if encoder else {"images": images["reference"]}, "warnings": [],
    } | extra  # fmt: skip


def scores(model: str, seed: int) -> list[dict[str, Any]]:
    random = np.random.default_rng(100 * MODELS.index(model) + seed)
    frechet = BASE[model] + random.normal() * 0.8
    quality = 1 / (1 + frechet / 30)
    found = [
        score("frechet", frechet),
        score("kid", frechet / 9000 + random.normal() * 1e-5),
        score("precision", 0.55 + 0.4 * quality),
        score("recall", 0.9 * quality + 0.05),
        score("coverage", quality + 0.08),
        score("classifier_score", 9.6 * quality + 0.3),
        score("samples_per_second", 11_000 + 900 * seed, None),
        score("peak_memory_bytes", 613e6, None),
        score("floor_frechet", 1.84),
        score("floor_kid", 0.00011),
    ]
    if "vae" in model:
        collapsed = [{"code": "posterior_collapse", "figures": {"units": 16}}] if model == "beta-vae" else []
        found += [
            score("elbo", 21.4 + 3 * (model == "beta-vae") + 0.2 * seed, None),
            score("mse", 0.021 + 0.018 * (model == "beta-vae"), None),
            score("active_units", 0.0 if model == "beta-vae" else 9.0, None, warnings=collapsed),
        ]
    return found


def evaluated(model: str, seed: int, images: int) -> list[dict[str, Any]]:
    """The content of evaluation.json; the best snapshot of dcgan is an earlier one."""
    found = scores(model, seed)
    if model == "dcgan":
        best = [entry | {"weights": "best", "snapshot": images // 2} for entry in scores(model, seed)]
        best[0]["value"] -= 1.5
        found += best
    return [entry | {"words": METRICS[entry["metric"]].model_dump(mode="json")} for entry in found]


def write_run(folder: Path, model: str, seed: int, images: int, seconds: float, *, finished: bool = True) -> None:
    random = np.random.default_rng(seed)
    record = {
        "model": model, "seed": seed, "config": {"model": model, "seed": seed, "data": {"name": "digits", "size": None},
        "objective": {"name": model, "latent_dim": 16}, "training": {"budget": "20s"}},
        "data": {"name": "digits", "size": 8, "channels": 1, "fingerprint": "sha256:9d3cc1a7be10455e77"},
        "parameters": PARAMETERS.get(model, {"G": 5}),
        "machine": {"python": "3.11.2", "torch": "2.13.0", "paribus": "0.1.0"}, "threads": 2,
    }  # fmt: skip
    (folder / "samples").mkdir(parents=True)
    (folder / "run.yaml").write_text(yaml.safe_dump(record))
    lines = []
    for step, share in enumerate(np.linspace(0.02, 1.0, 120)):
        line: dict[str, Any] = {"step": 1 + 40 * step, "images": round(share * images), "seconds": share * seconds}
        if "vae" in model:
            nats = 22 + 30 * math.exp(-6 * share) + random.normal() * 0.6
            line |= {"VAE/loss": nats, "VAE/elbo": -nats, "VAE/kl": 6 * share + random.normal() * 0.1}
        else:
            line |= {"D/loss": 1.2 + random.normal() * 0.08, "D/accuracy": 0.66 + random.normal() * 0.03,
                     "G/loss": 0.9 + 0.5 * share + random.normal() * 0.15}  # fmt: skip
        lines.append(json.dumps(line))
    lines = lines if finished else [*lines[:50], '{"step": 20']
    (folder / "metrics.jsonl").write_text("\n".join(lines) + "\n")
    pictures(folder, model, seed, images, finished)
    if finished:
        entries = [
            score("kid", BASE.get(model, 20) / 9000 * (1 + 3 * math.exp(-4 * s)), error=None, split="validation",
                  weights="snapshot", snapshot=round(s * images)) for s in (0.125, 0.25, 0.5, 1)
        ]  # fmt: skip
        (folder / "snapshots.json").write_text(json.dumps(entries))
        table = evaluated(model, seed, images) if model in BASE else []
        (folder / "evaluation.json").write_text(json.dumps(table))
        updates = {"D": 900, "G": 900} if "gan" in model else {"VAE": 1100}
        done = {"status": "done", "images": images, "seconds": seconds, "updates": updates, "flops_per_image": 5.3e6}
        (folder / "done.json").write_text(json.dumps(done))


def pictures(folder: Path, model: str, seed: int, images: int, finished: bool) -> None:
    random, real = np.random.default_rng(seed + 7), digits()
    chosen = real[random.choice(len(real), 64, replace=False)]
    final = 0.88 - BASE.get(model, 20) / 150
    for share in (0.02, 0.125, 0.25, 0.5, 0.75, 1.0)[: None if finished else 3]:
        drawn = degraded(chosen, model, final * share**0.4, random)
        Image.fromarray(grid(drawn)).save(folder / "samples" / f"{round(share * images)}.png")
    if finished:
        Image.fromarray(grid(degraded(chosen, model, final, random))).save(folder / "samples" / "final.png")
        Image.fromarray(grid(real[:64])).save(folder / "samples" / "real.png")
        if "vae" in model:
            pairs = np.concatenate([real[100:108], degraded(real[100:108], model, final, random)])
            Image.fromarray(grid(pairs)).save(folder / "samples" / "reconstructions.png")


EQUAL = (
    Fact(code="data", figures={"name": "digits", "images": 1293, "size": 8, "channels": 1}),
    Fact(code="budget", figures={"budget": "20s"}),
    Fact(code="machine", figures={"threads": 2, "precision": "auto"}),
)
VARIED = (
    Fact(
        code="setting", figures={"path": "objective.name", "values": ("vae", "gan"), "models": (("vae",), ("dcgan",))}
    ),
    Fact(code="seeds", figures={"seeds": (0, 1, 2)}),
)


def results(folder: Path, runs: list[Path]) -> dict[str, Any]:
    """Writes results.json from the runs' folders; returns its content."""
    read = [read_run(RunFolder(path)) for path in runs]
    study = StudyResult("", tuple(read), models_of(read), METRICS, equal=EQUAL, varied=VARIED)
    write_results(folder / "results.json", study)
    return json.loads((folder / "results.json").read_text())


def write_study(folder: Path, seeds: tuple[int, ...] = (0, 1, 2), models: tuple[str, ...] = MODELS) -> dict[str, Any]:
    """Writes a whole study; returns the content of its results.json."""
    images = {model: 24_000 + 7_936 * place for place, model in enumerate(models)}
    study = {
        "name": "Four models on digits", "created": "2025-06-03T09:41:12", "budget": "20s", "budget_unit": "seconds",
        "command": f"paribus compare --data digits --models {','.join(models)} --seeds 3 --budget 20s",
        "data": {"name": "digits", "fingerprint": "sha256:9d3cc1a7be10455e77", "channels": 1, "size": 8,
                 "counts": {"train": 1293, "validation": 144, "test": 360}, "class_names": [str(k) for k in range(10)],
                 "notes": [{"code": "own_split", "figures": {"split": "test"}}],
                 "skipped": [["broken.png", "cannot identify image file"]]},
        "models": list(models), "seeds": list(seeds), "threads": 2,
        "machine": {"cpu": "Intel Xeon", "cores": 2, "python": "3.11.2", "torch": "2.13.0", "paribus": "0.1.0"},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    for model in models:
        for seed in seeds:
            write_run(folder / "runs" / f"{model}-seed{seed}", model, seed, images[model], 20.0 + 0.02 * seed)
    return results(folder, [folder / "runs" / f"{model}-seed{seed}" for model in models for seed in seeds])


def save(folder: Path, found: dict[str, Any]) -> None:
    (folder / "results.json").write_text(json.dumps(found))


def fail(folder: Path, found: dict[str, Any], model: str, seed: int, reason: str) -> None:
    """Turns a run of a study into a failed one, summaries included."""
    row = next(r for r in found["runs"] if (r["model"], r["seed"]) == (model, seed))
    row |= {"status": "failed", "reason": reason, "scores": {}, "best": {}, "snapshots": []}
    values = [r["scores"] for r in found["runs"] if r["model"] == model and r["status"] == "done"]
    found["models"][model] = {n: asdict(summary([t[n]["value"] for t in values])) for n in values[0]} if values else {}
    run = folder / "runs" / f"{model}-seed{seed}"
    for name in ("samples/final.png", "evaluation.json", "snapshots.json"):
        (run / name).unlink(missing_ok=True)
    (run / "done.json").write_text(json.dumps({"status": "failed", "reason": reason}))


def hide_frechet(found: dict[str, Any], model: str) -> None:
    for row in found["runs"]:
        if row["model"] == model and row["scores"]:
            row["scores"]["frechet"] |= {"value": None, "error": None, "warnings": [FEW]}
    found["models"][model].pop("frechet")


def rename(folder: Path, found: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    """Gives a model another name everywhere but in folder names."""
    record = yaml.safe_load((folder / "study.yaml").read_text())
    record["models"] = [new if m == old else m for m in record["models"]]
    (folder / "study.yaml").write_text(yaml.safe_dump(record))
    for row in found["runs"]:
        row["model"] = new if row["model"] == old else row["model"]
    found["models"][new] = found["models"].pop(old)
    return found


@pytest.fixture(scope="session")
def _finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("finished")
    return folder, json.dumps(write_study(folder))


@pytest.fixture
def study(_finished: tuple[Path, str], tmp_path: Path) -> tuple[Path, dict[str, Any]]:
    """A fresh copy of a finished study of 4 models × 3 seeds, and its results."""
    folder = tmp_path / "study"
    shutil.copytree(_finished[0], folder)
    return folder, json.loads(_finished[1])


@pytest.fixture
def flawed(study: tuple[Path, dict[str, Any]]) -> tuple[Path, dict[str, Any]]:
    """The same with one failed run, a posterior collapse, and one model's Fréchet distance hidden."""
    folder, found = study
    fail(folder, found, "wgan-gp", 1, "the loss of D became infinite at step 412")
    hide_frechet(found, "vae")
    save(folder, found)
    return folder, found


@pytest.fixture
def tools() -> dict[str, Callable[..., Any]]:
    """The generator's functions, for tests that need a study of their own."""
    return {"write_study": write_study, "write_run": write_run, "save": save, "fail": fail, "rename": rename}
