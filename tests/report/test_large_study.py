"""A study of 200 runs: its report stays small, shows no picture twice, and its status is read off its files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from paribus.report import write_report
from paribus.studies.status import status
from tests.report.conftest import MODELS, digits, grid, results, save, write_run

LATENT_DIMS = (2, 4, 6, 8, 12, 16, 24, 32, 48, 64)
SEEDS = (0, 1, 2, 3, 4)
LARGEST_BYTES = 15_000_000


@pytest.fixture(scope="module")
def large_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """4 models x 10 latent dimensions x 5 seeds, as `paribus study run` leaves them behind."""
    folder = tmp_path_factory.mktemp("large")
    paths, labels, axes = [], [], []
    for place, latent_dim in enumerate(LATENT_DIMS):
        for model in MODELS:
            for seed in SEEDS:
                label = f"{model} latent_dim={latent_dim}"
                path = folder / "runs" / f"{label.replace(' ', '-')}-seed{seed}"
                drawn = 1000 * place + seed  # other pictures for each run
                write_run(path, model, drawn, 24_000, 20.0)
                if "vae" in model:
                    shown = digits()[8 * drawn % 1700 :][:8]
                    strip = np.concatenate([shown, shown // (2 + MODELS.index(model))])
                    Image.fromarray(grid(strip)).save(path / "samples" / "reconstructions.png")
                paths.append(path)
                labels.append((label, seed))
                axes.append({"model": model, "objective.latent_dim": latent_dim})
    found = results(folder, paths)
    for row, (label, seed), values in zip(found["runs"], labels, axes, strict=True):
        row |= {"model": label, "seed": seed, "axes": values, "expected_images": 24_000}
    save(folder, found)
    study = {"name": "large", "budget": "24kimg", "data": {"name": "digits", "size": 8, "channels": 1}}
    (folder / "study.yaml").write_text(
        yaml.safe_dump(study | {"models": list(dict.fromkeys(label for label, _ in labels)), "seeds": list(SEEDS)})
    )
    return folder


def test_the_report_of_200_runs_is_small_and_shows_no_picture_twice(large_study: Path) -> None:
    path = write_report(large_study)
    page = path.read_text()
    assert len(json.loads((large_study / "results.json").read_text())["runs"]) == 200
    assert path.stat().st_size < LARGEST_BYTES
    pictures = re.findall(r"data:image/\w+;base64,[\w+/=]+", page)
    assert len(pictures) > 40, "hardly a picture: the test shows nothing"
    assert len(pictures) == len(set(pictures))
    for latent_dim in LATENT_DIMS:
        assert f"vae latent_dim={latent_dim}" in page


def test_status_of_200_runs(large_study: Path) -> None:
    found = status(large_study)
    assert found.counts == {"done": 200}
    assert {run.fraction for run in found.runs} == {1.0}
    assert found.runs[0].label == "vae latent_dim=2"
