"""`paribus tune`: killed and resumed, shared by two processes through PostgreSQL, and what its results rest on."""

from __future__ import annotations

import json
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from paribus.base.errors import ParibusError
from paribus.commands.tune import tune
from tests.cli.conftest import QUICK, Paribus
from tests.cli.test_kills import digest, workers_of


def content(tuning: Path) -> dict[str, Any]:
    return json.loads((tuning / "tune.json").read_text())


def finished(tuning: Path) -> list[Path]:
    return sorted(path.parent for path in (tuning / "trials").glob("*/done.json"))


@pytest.mark.slow
@pytest.mark.processes
def test_a_grid_that_was_killed_is_resumed_and_its_winner_meets_the_defaults(paribus: Paribus) -> None:
    command = ["tune", "vae", "--search", "objective.latent_dim=2..6 step 2", "--sampler", "grid", "--out", "tuning"]
    command += ["--budget", "600img", "--top", "1", "--seeds", "1", "--final-budget", "1kimg"]
    command += [*QUICK, "-o", "training.checkpoint_steps=2"]
    tuning = paribus.folder / "tuning"
    process = paribus.start(*command, "--workers", "1")
    while len(finished(tuning)) < 1:
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    before = {run: (run / "done.json").stat().st_mtime_ns for run in finished(tuning)}
    assert len(before) < 3, "the search was over before it was killed: the test shows nothing"
    assert paribus(*command).stdout == "tuning/report.html\n"
    assert {run: (run / "done.json").stat().st_mtime_ns for run in before} == before

    said = content(tuning)
    assert [trial["state"] for trial in said["trials"]] == ["done"] * 3
    assert [trial["settings"] for trial in said["trials"]] == [{"objective.latent_dim": dim} for dim in (2, 4, 6)]
    records = [yaml.safe_load((run / "run.yaml").read_text())["config"] for run in finished(tuning)]
    assert [record["objective"]["latent_dim"] for record in records] == [2, 4, 6]
    assert {(trial["score"]["metric"], trial["score"]["split"]) for trial in said["trials"]} == {
        ("frechet", "validation")
    }

    best = min(said["trials"], key=lambda trial: trial["score"]["value"])
    results = json.loads((tuning / "results.json").read_text())
    assert list(results["models"]) == ["vae defaults", f"vae trial {best['trial']}"]
    for row in results["runs"]:
        config = yaml.safe_load((tuning / row["folder"] / "run.yaml").read_text())["config"]
        assert (config["seed"], config["training"]["budget"], row["images"]) == (1, "1kimg", 1024)
        assert config["tuning"]["trials"] == (0 if row["model"] == "vae defaults" else 3)
        assert {score["split"] for score in row["scores"].values()} <= {"test", "train", None}
    varied = [fact["figures"] for fact in results["varied"] if fact["figures"].get("path") == "tuning.trials"]
    assert [figures["values"] for figures in varied] == [["0", "3"]]
    assert [figures["models"] for figures in varied] == [[["vae defaults"], [f"vae trial {best['trial']}"]]]
    assert {record["seed"] for record in records} == {0}
    assert "Settings tried before these were chosen" in (tuning / "report.html").read_text()

    files = {path: path.stat().st_mtime_ns for path in tuning.rglob("*/done.json")}
    search, budgets = {"objective.latent_dim": "2..6 step 2"}, {"budget": "600img", "final_budget": "1kimg"}
    overrides = [*QUICK[1::2], "training.checkpoint_steps=2"]
    again = tune("vae", search=search, sampler="grid", top=1, seeds=1, **budgets, overrides=overrides, out=tuning)
    assert [trial.model_dump() for trial in again.trials] == said["trials"]
    assert {path: path.stat().st_mtime_ns for path in tuning.rglob("*/done.json")} == files
    with pytest.raises(ParibusError, match="This folder holds another tuning") as caught:
        tune("vae", search={"objective.latent_dim": [2, 4]}, overrides=overrides, out=tuning)
    assert f"search in {tuning}/tune.json" in str(caught.value)


@pytest.mark.slow
def test_ctrl_c_leaves_checkpoints_and_the_trial_ends_with_the_same_bytes(paribus: Paribus) -> None:
    file = {"model": "gan", "search": {"objective.latent_dim": "2..16"}, "trials": 1, "top": 0, "budget": "40kimg"}
    overrides = {"backbone": {"width": 8}, "training": {"threads": 1, "batch_size": 32, "checkpoint_steps": 50}}
    (paribus.folder / "tune.yaml").write_text(yaml.safe_dump(file | {"overrides": overrides}))
    paribus("tune", "tune.yaml", "--out", "whole")
    process = paribus.start("tune", "tune.yaml", "--out", "broken")
    run = paribus.folder / "broken" / "trials" / "000"
    while not (run / "checkpoint" / "state.pt").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted: the same command resumes from the checkpoints" in err
    assert not workers_of(paribus.folder)
    assert not (run / "done.json").exists()
    [trial] = content(paribus.folder / "broken")["trials"]
    assert trial["state"] == "waiting"
    paribus("tune", "tune.yaml", "--out", "broken")
    assert content(paribus.folder / "broken")["trials"] == content(paribus.folder / "whole")["trials"]
    assert digest(run) == digest(paribus.folder / "whole" / "trials" / "000")
    assert not (paribus.folder / "broken" / "study.yaml").exists()


PIXELS = ["-o", "evaluation.encoder=pixels"]
"""An encoder that is fitted in no time."""
MISTAKES = [
    (["--search", "objective.latent_dmi=2..8"], "Did you mean 'latent_dim'?", "search.objective.latent_dmi"),
    (["--search", "objective.latent_dim=0..8"], "greater than or equal to 1", "search.objective.latent_dim"),
    (["--search", "objective.latent_dim=2.5..8"], "valid integer", "search.objective.latent_dim"),
    (["--search", "training.optimizer.E.learning_rate=[1e-3, 1e-4]"], "one for each of D, G",
     "search.training.optimizer.E.learning_rate"),
    (["--search", "objective.latent_dim=2..8", "--sampler", "grid"], "needs a step", "search.objective.latent_dim"),
    (["--search", "objective.latent_dim=[2, 8]", "--sampler", "grid", "--trials", "3"], "tried as a whole", "trials"),
    (["--search", "objective.latent_dim=2..8", "--metric", "fid"], "Did you mean", "metric"),
    (["--search", "objective.latent_dim=2..8", "--metric", "elbo"], "the model has no likelihood", "metric"),
    (["--search", "objective.latent_dim=2..8", "-o", "data.validation=0"], "no validation images", "evaluation.split"),
    (["--search", "objective.latent_dim=2..8", "--pruner", "median", "--budget", "9s"], "takes time away", "pruner"),
    (["--search", "objective.latent_dim"], "must have the form", "--search"),
    ([], "nothing to search", "--search"),
]  # fmt: skip


def test_mistakes_are_found_before_anything_starts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from paribus.cli.app import app

    monkeypatch.chdir(tmp_path)
    for arguments, words, where in MISTAKES:
        result = CliRunner().invoke(app, ["tune", "gan", "--budget", "1kimg", *arguments, *QUICK, *PIXELS])
        assert isinstance(result.exception, ParibusError), (arguments, result)
        assert words in str(result.exception), arguments
        assert f"where:    {where}\n" in str(result.exception), arguments
    (tmp_path / "tune.yaml").write_text(
        "model: gan\nsearch:\n  backbone.width: [8, 16]\n  objective.latent_dim: 0..8\n"
    )
    result = CliRunner().invoke(app, ["tune", "tune.yaml"])
    assert "where:    tune.yaml, line 4: search.objective.latent_dim" in str(result.exception)
    assert {path.name for path in tmp_path.iterdir()} == {"tune.yaml"}


@pytest.mark.slow
def test_hopeless_trials_are_given_up(paribus: Paribus) -> None:
    # at the last rate nothing is learnt: that trial is worse on the way than the five before it
    rates = "[2e-3, 2.1e-3, 2.2e-3, 2.3e-3, 2.4e-3, 1e-9]"
    command = ["tune", "vae", "--search", f"training.optimizer.G.learning_rate={rates}", "--sampler", "grid"]
    command += ["--pruner", "median", "--budget", "4kimg", "--workers", "1", "--top", "0", "--out", "tuning", *QUICK]
    paribus(*command)
    trials = content(paribus.folder / "tuning")["trials"]
    assert [trial["state"] for trial in trials] == ["done"] * 5 + ["pruned"]
    assert trials[5]["score"] is None
    snapshots = sorted((paribus.folder / "tuning" / "trials" / "005" / "snapshots").iterdir())
    assert 1 <= len(snapshots) <= 3


@pytest.mark.slow
def test_trials_that_fail_are_told_and_not_repeated(paribus: Paribus) -> None:
    command = ["tune", "gan", "--search", "objective.latent_dim=[4, 8]", "--sampler", "grid", "--budget", "3kimg"]
    command += [
        "--out",
        "tuning",
        *QUICK,
        "-o",
        "training.checkpoint_steps=1",
        "-o",
        "training.divergence_factor=1.0001",
    ]
    for _ in range(2):
        assert "No trial came to an end" in paribus(*command, code=1).stderr
        trials = content(paribus.folder / "tuning")["trials"]
        assert [trial["state"] for trial in trials] == ["failed"] * 2
        assert all("Training diverged" in trial["reason"] for trial in trials)
    log = (paribus.folder / "tuning" / "trials" / "000" / "log.txt").read_text()
    assert log.count("--- started ") == 1
    assert not (paribus.folder / "tuning" / "results.json").exists()


@pytest.fixture(scope="module")
def postgresql() -> Iterator[str]:
    """The URL of a real PostgreSQL server, reached through a socket in a folder of its own."""
    pytest.importorskip("psycopg2", reason="psycopg2 is not installed")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb")) or [Path(shutil.which("initdb") or "none")]
    if not found[-1].is_file():
        pytest.skip("there is no PostgreSQL server on this machine")
    programs, folder = found[-1].parent, Path(tempfile.mkdtemp(prefix="paribus-postgres-", dir="/tmp"))
    user = None  # PostgreSQL refuses to run as root
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        user = account.pw_uid
        os.chown(folder, account.pw_uid, account.pw_gid)

    def run(program: str, *arguments: str) -> None:
        subprocess.run(
            [programs / program, *arguments], user=user, cwd=folder, check=True, timeout=60,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    run("initdb", "--pgdata", "data", "--auth", "trust", "--username", "tuner", "--no-sync", "--no-locale")
    options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "start", "--pgdata", "data", "--wait", "--log", "log.txt", "-o", options)
    try:
        yield f"postgresql+psycopg2://tuner:unused@/postgres?host={folder}"
    finally:
        run("pg_ctl", "stop", "--pgdata", "data", "--mode", "immediate")
        shutil.rmtree(folder)


SHARED = [
    "tune",
    "gan",
    "--search",
    "objective.latent_dim=2..64",
    "--sampler",
    "random",
    "--top",
    "0",
    "--workers",
    "1",
]


@pytest.mark.slow
@pytest.mark.processes
def test_two_processes_share_the_trials_in_postgresql(paribus: Paribus, postgresql: str) -> None:
    command = [*SHARED, "--trials", "3", "--budget", "500img", "--storage", postgresql, *QUICK]
    processes = [paribus.start(*command, "--out", name) for name in ("one", "other")]
    for process in processes:
        out, err = process.communicate(timeout=300)
        assert process.returncode == 0, out + err
    told = [content(paribus.folder / name) for name in ("one", "other")]
    assert told[0]["trials"] == told[1]["trials"]
    assert [trial["state"] for trial in told[0]["trials"]] == ["done"] * 3
    here, there = ({run.name for run in finished(paribus.folder / name)} for name in ("one", "other"))
    assert here | there == {f"00{place}" for place in range(3)}
    assert not here & there
    assert here and there, "one of the two processes did everything: the test shows nothing"
    assert told[0]["optuna"]["storage"].startswith("postgresql+psycopg2://tuner:***@/")


@pytest.mark.slow
def test_a_killed_machines_trial_is_taken_over(paribus: Paribus, postgresql: str) -> None:
    command = [*SHARED, "--trials", "3", "--budget", "60kimg", "--storage", postgresql, *QUICK]
    dying = paribus.start(*command, "--out", "dying")
    while not list((paribus.folder / "dying" / "trials").glob("*/metrics.jsonl")):
        assert dying.poll() is None, dying.communicate()
        time.sleep(0.01)
    dying.kill()
    dying.communicate()
    [begun] = (paribus.folder / "dying" / "trials").glob("0*")
    config = yaml.safe_load((begun / "run.yaml").read_text())["config"]
    paribus(*command, "--out", "living")
    trials = content(paribus.folder / "living")["trials"]
    assert [trial["state"] for trial in trials] == ["done"] * 3
    assert trials[int(begun.name)]["settings"] == {"objective.latent_dim": config["objective"]["latent_dim"]}
    assert [run.name for run in finished(paribus.folder / "living")] == ["000", "001", "002"]


@pytest.mark.slow
def test_a_worker_that_is_killed_goes_on(paribus: Paribus) -> None:
    command = ["tune", "gan", "--search", "objective.latent_dim=[4, 8]", "--sampler", "grid", "--budget", "60kimg"]
    command += ["--workers", "1", "--top", "0", "--out", "tuning", *QUICK, "-o", "training.checkpoint_steps=20"]
    process = paribus.start(*command)
    while not (paribus.folder / "tuning" / "trials" / "000" / "checkpoint" / "state.pt").is_file():
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    for worker in workers_of(paribus.folder):
        os.kill(int(worker), signal.SIGKILL)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert [trial["state"] for trial in content(paribus.folder / "tuning")["trials"]] == ["done"] * 2
    log = (paribus.folder / "tuning" / "trials" / "000" / "log.txt").read_text()
    assert log.count("--- started ") == 2
