"""`paribus study`: the example of docs/studies.md, and what becomes of failed and foreign runs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from tests.cli.conftest import QUICK, Paribus

DOCUMENT = Path(__file__).parents[2] / "docs" / "studies.md"


def example(seeds: int = 2) -> str:
    """The file of the document, with fewer seeds on request."""
    found = re.search(r"^```yaml\n# latents.yaml.*?\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None and "seeds: 2\n" in found[1]
    return found[1].replace("seeds: 2\n", f"seeds: {seeds}\n")


def written(run: Path) -> dict[str, int]:
    return {str(path): path.stat().st_mtime_ns for path in run.rglob("*") if path.is_file() and path.name != ".lock"}


def starts(run: Path) -> int:
    return (run / "log.txt").read_text().count("--- started ")


def results(study: Path) -> dict[str, Any]:
    return json.loads((study / "results.json").read_text())


def test_the_example_of_the_docs(paribus: Paribus) -> None:
    (paribus.folder / "latents.yaml").write_text(example())
    planned = paribus("study", "run", "latents.yaml", "--dry-run")
    assert len(re.findall(r"^(?:vae|gan) latent_dim=\d+ seed \d +new", planned.stdout, re.MULTILINE)) == 8
    assert "timing a few steps of each of 4 kinds of run, and a few scored images\n" in planned.stderr
    assert "8 runs on digits, 5kimg each" in planned.stderr
    assert "Parameters: 72,776 for every model within 2%" in planned.stderr
    assert not (paribus.folder / "runs").exists()

    (paribus.folder / "latents.yaml").write_text(example(seeds=1))
    assert paribus("study", "run", "latents.yaml").stdout == "runs/latents/report.html\n"
    study = paribus.folder / "runs" / "latents"
    found = results(study)
    assert {row["status"] for row in found["runs"]} == {"done"}
    assert {tuple(row["axes"].values()) for row in found["runs"]} == {("vae", 4), ("vae", 16), ("gan", 4), ("gan", 16)}
    totals = [sum(row["parameters"].values()) for row in found["runs"]]
    assert max(totals) / min(totals) < 1.04
    assert found["models"]["gan latent_dim=16"]["frechet"]["count"] == 1
    assert any(fact["code"] == "parameters" for fact in found["equal"])
    assert "gan latent_dim=16" in (study / "report.html").read_text()

    runs = sorted((study / "runs").iterdir())
    before = {run.name: written(run) for run in runs}
    assert "nothing to do: 4 runs are over" in paribus("study", "run", "latents.yaml").stderr
    assert {run.name: written(run) for run in runs} == before

    more = paribus("study", "add", "runs/latents", "objective.latent_dim=64", "seeds=7", "--dry-run").stdout
    assert len(re.findall(r" seed \d +new ", more)) == 3 * 2 * 2 - 4
    standings = json.loads(paribus("study", "status", "runs/latents", "--json").stdout)
    assert standings["counts"] == {"done": 4}

    (paribus.folder / "latents.yaml").write_text(example(seeds=1).replace("[4, 16]", "[4]"))
    assert "This folder holds another study." in paribus("study", "run", "latents.yaml", code=2).stderr
    assert {run.name: written(run) for run in runs} == before


def test_a_failed_run_is_tried_again_on_request_alone(paribus: Paribus) -> None:
    plan = {
        "axes": {"model": ["gan", "vae"]},
        "seeds": [0],
        "budget": "3kimg",
        "overrides": {"backbone": {"width": 8}, "training": {"divergence_factor": 1.0001, "checkpoint_steps": 1}},
    }
    (paribus.folder / "plan.yaml").write_text(yaml.safe_dump(plan))
    first = paribus("study", "run", "plan.yaml", "--out", "study")
    assert "failed: gan seed 0: Training diverged" in first.stderr
    assert "1 of 2 runs failed" in first.stderr
    assert "gan diverges again by the same settings: 'paribus study retry study gan -o training.optim" in first.stderr
    assert "retries failed runs" not in first.stderr
    run = paribus.folder / "study" / "runs" / "gan-seed0"
    assert starts(run) == 1
    assert starts(paribus.folder / "study" / "runs" / "vae-seed0") == 1, "a failed run stopped the study"
    [reason] = [row["reason"] for row in results(paribus.folder / "study")["runs"] if row["model"] == "gan"]
    assert "diverged" in reason
    assert reason.partition(":")[0] in (paribus.folder / "study" / "report.html").read_text()
    assert "Training diverged" in paribus("study", "run", "study").stderr
    assert starts(run) == 1
    assert re.search(
        r"^gan seed 0 +failed .* Training diverged", paribus("study", "status", "study").stdout, re.MULTILINE
    )
    paribus("study", "retry", "study")
    assert starts(run) == 2

    tree = plan["overrides"] | {"training": plan["overrides"]["training"] | {"batch_size": 64}}  # type: ignore[operator,index]
    (paribus.folder / "plan.yaml").write_text(yaml.safe_dump(plan | {"overrides": tree}))
    before = written(run)
    foreign = paribus("study", "run", "plan.yaml", "--out", "study", code=2).stderr
    assert "This folder holds a run of other settings than the study asks for." in foreign
    assert "training.batch_size in study/runs/gan-seed0" in foreign
    assert written(run) == before


def test_where_every_run_failed_the_command_fails_too(paribus: Paribus) -> None:
    broken = [*QUICK, "-o", "training.divergence_factor=1.0000001", "-o", "training.optimizer.G.learning_rate=1e6"]
    compared = ["compare", "--models", "vae,conv-vae", "--seeds", "3,", "--budget", "3kimg", "--out", "study", *broken]
    for command in (compared, ["study", "run", "study"], ["study", "retry", "study"]):
        ended = paribus(*command, code=1)
        assert "paribus: All 2 runs failed:\n    vae seed 3: Training diverged" in ended.stderr
        assert ended.stdout.strip() == "study/report.html"
    assert (paribus.folder / "study" / "report.html").is_file()


def test_a_comparison_is_a_study(paribus: Paribus, comparison: subprocess.CompletedProcess[str]) -> None:
    runs = paribus.folder / "study" / "runs"
    first = (runs / "vae-seed0" / "done.json").stat().st_mtime_ns
    paribus("study", "add", "study", "model=conv-vae")
    assert (runs / "vae-seed0" / "done.json").stat().st_mtime_ns == first
    command = yaml.safe_load((paribus.folder / "study" / "study.yaml").read_text())["command"]
    assert command.endswith(" && paribus study add study model=conv-vae")
    assert command.startswith("paribus compare --models vae,gan ")
    assert sorted(run.name for run in runs.glob("*vae-seed*")) == [
        "conv-vae-seed0", "conv-vae-seed1", "vae-seed0", "vae-seed1",
    ]  # fmt: skip
    record = yaml.safe_load((runs / "conv-vae-seed1" / "run.yaml").read_text())
    assert record["config"]["backbone"]["width"] == 8
    assert "There is no study here." in paribus("study", "status", "nowhere", code=2).stderr
    assert "There is no study here." in paribus("study", "retry", "nowhere", code=2).stderr
    assert "The study's file cannot be read." in paribus("study", "run", "nowhere.yaml", code=2).stderr
