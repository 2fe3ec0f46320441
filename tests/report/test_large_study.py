"""A study of 200 runs: its report stays small, shows no picture twice, and its status is read off its files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

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
    images = dict.fromkeys(MODELS, 24_000)
    rows: list[dict[str, Any]] = []
    summaries: dict[str, Any] = {}
    for place, latent_dim in enumerate(LATENT_DIMS):
        found = results(MODELS, SEEDS, images)
        for row in found["runs"]:
            label = f"{row['model']} latent_dim={latent_dim}"
            name = f"{label.replace(' ', '-')}-seed{row['seed']}"
            # other pictures for each run
            seed = 1000 * place + row["seed"]
            write_run(folder / "runs" / name, row["model"], seed, images[row["model"]], row["seconds"])
            if "vae" in row["model"]:
                shown = digits()[8 * seed % 1700 :][:8]
                strip = np.concatenate([shown, shown // (2 + MODELS.index(row["model"]))])
                Image.fromarray(grid(strip)).save(folder / "runs" / name / "samples" / "reconstructions.png")
            axes = {"model": row["model"], "objective.latent_dim": latent_dim}
            rows.append(row | {"label": label, "axes": axes, "folder": f"runs/{name}", "expected_images": 24_000})
            summaries[label] = found["models"][row["model"]]
    save(folder, found | {"runs": rows, "models": summaries})
    study = {"name": "large", "budget": "24kimg", "data": {"name": "digits", "size": 8, "channels": 1}}
    (folder / "study.yaml").write_text(yaml.safe_dump(study | {"models": list(summaries), "seeds": list(SEEDS)}))
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
