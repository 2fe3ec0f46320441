"""Runs' and studies' folders whose files are damaged, emptied, edited by hand or gone."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path
from typing import Any

import yaml

from paribus.base.seals import KEY, json_content, yaml_content
from paribus.commands.studies import add_to_study, compare, retry_study, run_study
from paribus.data import load_data
from paribus.runs.run import complete_run
from tests.torture import nonsense
from tests.torture.harness import Ending, Outcome, Surface, command
from tests.torture.settings import TINY, in_memory, trained

RECORDS = (".yaml", ".json", ".jsonl")


def spoiled(draw: random.Random, folder: Path, share: float = 0.8) -> str:
    """Damages a file of a folder, a record in most cases; which one."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    records = [path for path in files if path.suffix in RECORDS]
    path = draw.choice(records if draw.random() < share else files)
    content = path.read_bytes()
    match draw.choice(
        ("values", "values", "values", "values", "damaged", "damaged", "snippet", "gone", "folder", "loop")
    ):
        case "values" if path.suffix in RECORDS:
            path.write_bytes(edited(draw, path.suffix, content))
        case "snippet" if path.suffix in RECORDS:
            path.write_bytes(draw.choice(nonsense.YAML).encode(errors="surrogatepass"))
        case "gone":
            path.unlink()
        case "folder":
            path.unlink()
            path.mkdir()
        case "loop":
            path.unlink()
            path.symlink_to(draw.choice((path.name, "nothing", "/dev/null", "..")))
        case _:
            path.write_bytes(nonsense.damaged(draw, content))
    return str(path.relative_to(folder))


def edited(draw: random.Random, suffix: str, content: bytes) -> bytes:
    """A record with other values, as an editor or another version may leave it: its digest right, or none."""
    try:
        value = (yaml.safe_load if suffix == ".yaml" else json.loads)(
            content.splitlines()[0] if suffix == ".jsonl" else content
        )
    except (ValueError, IndexError, yaml.YAMLError):  # it was damaged before
        return nonsense.damaged(draw, content)
    if suffix == ".jsonl":
        lines = content.splitlines()
        place = draw.randrange(len(lines))
        lines[place] = json.dumps(nonsense.changed(draw, value)).encode(errors="replace")
        return b"\n".join(lines) + b"\n"
    first = value[0] if isinstance(value, list) and value else value
    if isinstance(first, dict):
        first.pop(KEY, None)
    for _ in range(draw.choice((1, 1, 2, 5))):
        value = nonsense.changed(draw, value)
    if suffix == ".json":
        return (
            json_content(value)
            if draw.random() < 0.5 and _is_sealable(value)
            else json.dumps(value).encode(errors="replace")
        )
    if draw.random() < 0.5 and isinstance(value, dict) and value:
        return yaml_content(value)
    return yaml.safe_dump(value, allow_unicode=True).encode(errors="surrogatepass")


def _is_sealable(value: Any) -> bool:
    return isinstance(value, dict) or (isinstance(value, list) and bool(value) and isinstance(value[0], dict))


class Runs(Surface):
    name = "run folders"
    promise = "a run whose files are damaged, edited or gone is refused in words, or used"
    few = 40

    def prepare(self, folder: Path) -> None:
        in_memory()
        # fitted latents, snapshots and scores: everything that a run may leave
        trained("vae", ["evaluation.metrics=[frechet,elbo]", "training.snapshots=[1/2, 1/1]"], folder, random.Random(0))
        made = next(folder.glob("run-*"))
        command("train", "vae", "--out", str(made), "--resume")
        made.rename(folder / "made")
        assert (folder / "made" / "evaluation.json").is_file() and (folder / "made" / "done.json").is_file()

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        run = folder / "run"
        shutil.rmtree(run, ignore_errors=True)
        shutil.copytree(folder / "made", run)
        what = [spoiled(draw, run) for _ in range(draw.choice((1, 1, 1, 2)))]
        shutil.rmtree(folder / "out", ignore_errors=True)
        arguments = draw.choice(
            (
                ("report", "run"),
                ("report", "run"),
                ("report", "run", "made", "--out", "page.html"),
                ("report", "run", "--live"),
                ("sample", "run", "-n", "4", "--out", "x.png"),
                ("sample", "run", "-n", "4", "--sampler", "gmm", "--out", "x.npz"),
                ("export", "run", "--to", "hub-folder", "--out", "out"),
                ("latent", "manifold", "run", "--out", "x.png"),
                ("latent", "clusters", "run", "--out", "x.png"),
                ("train", "vae", "--out", "run", "--resume"),
                ("train", "vae", "--out", "run", "--resume", "--budget", "3updates"),
                ("study", "status", "run"),
                ("evaluate", "run", "-o", "evaluation.metrics=[frechet]"),
                ("train", "vae", "--out", "run", "--resume", "--no-score"),
            )
        )
        for file in ("x.png", "x.npz", "page.html"):
            Path(file).unlink(missing_ok=True)
        outcome = command(*arguments)
        return Outcome(outcome.ending, f"{', '.join(what)}\n{outcome.what}")


class StudyFolders(Surface):
    name = "study folders"
    promise = "a study whose files are damaged, edited or gone is refused in words, or used"
    few = 40

    def prepare(self, folder: Path) -> None:
        in_memory()
        study = compare(
            ["vae", "gan"], "digits", seeds=1, budget="64img", out=folder / "made", overrides=TINY, start=False
        )
        for run in study.runs:
            complete_run(run.config, load_data(run.config.data), run.folder)
        study.run()
        assert (folder / "made" / "results.json").is_file() and not study.waiting()

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        study = folder / "study"
        shutil.rmtree(study, ignore_errors=True)
        shutil.copytree(folder / "made", study)
        (study / "report.html").unlink(missing_ok=True)
        share = draw.choice((0.8, 1.0))
        what = [spoiled_of_study(draw, study, share) for _ in range(draw.choice((1, 1, 1, 2)))]
        Path("page.html").unlink(missing_ok=True)
        # without the estimate of a dry run, which starts processes and takes seconds
        planned = draw.choice(
            (
                None,
                None,
                lambda: run_study(study, start=False),
                lambda: retry_study(study, start=False),
                lambda: add_to_study(study, ["seeds=3"], start=False),
            )
        )
        if planned is not None:
            found = planned()
            found.listing(found.waiting())
            return Outcome(Ending.DONE, ", ".join(what))
        outcome = command(
            *draw.choice(
                (
                    ("report", "study"),
                    ("report", "study"),
                    ("report", "study", "made", "--out", "page.html"),
                    ("study", "status", "study"),
                    ("study", "status", "study", "--json"),
                )
            )
        )
        return Outcome(outcome.ending, f"{', '.join(what)}\n{outcome.what}")


def spoiled_of_study(draw: random.Random, study: Path, share: float) -> str:
    """Damages a file of the study itself in half of the cases, else one of a run of it."""
    if draw.random() < 0.5:
        return spoiled(draw, study, share)
    path = draw.choice([study / "study.yaml", study / "results.json"])
    if path.is_file():
        path.write_bytes(
            draw.choice((edited, edited, edited, lambda d, _, c: nonsense.damaged(d, c)))(
                draw, path.suffix, path.read_bytes()
            )
        )
    return path.name
