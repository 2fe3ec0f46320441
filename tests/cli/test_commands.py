"""Each command as the README shows it, on the digits that come with scikit-learn."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmarks.plain_inception import PlainInception
from paribus.metrics.reference import cached_weights
from tests.cli.conftest import COMPARE, QUICK, Paribus


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture)


def test_help_does_not_import_torch() -> None:
    code = (
        "import sys; sys.argv = ['paribus', '--help']\n"
        "from paribus.__main__ import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'sklearn', 'datasets', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_version_and_module(paribus: Paribus) -> None:
    assert paribus("--version").stdout == "paribus 0.1.0\n"


def test_train_sample_evaluate_report(paribus: Paribus) -> None:
    trained = paribus("train", "vae", "--budget", "3epochs", "--seed", "3", "--out", "run", *QUICK)
    assert trained.stdout.splitlines()[-1] == "run"
    assert "elbo" in trained.stdout
    run = paribus.folder / "run"
    assert json.loads((run / "done.json").read_text())["status"] == "done"

    paribus("sample", "run", "-n", "12", "--out", "grid.png")
    assert pixels(paribus.folder / "grid.png").shape == (16, 64)
    paribus("sample", "run", "-n", "12", "--seed", "5", "--out", "samples.npz")
    with np.load(paribus.folder / "samples.npz") as arrays:
        assert arrays["images"].shape == (12, 8, 8, 1)
        assert arrays["images"].dtype == np.uint8
        assert "labels" not in arrays
        first = arrays["images"][0, :, :, 0]
    paribus("sample", "run", "-n", "12", "--seed", "5", "--out", "folder")
    pictures = sorted((paribus.folder / "folder").glob("*.png"))
    assert len(pictures) == 12
    assert np.array_equal(pixels(pictures[0]), first)

    scores = json.loads(paribus("evaluate", "run", "--metrics", "frechet,kid", "--json").stdout)
    assert {score["metric"] for score in scores} == {"frechet", "kid"}
    last = [s for s in json.loads((run / "evaluation.json").read_text()) if s["weights"] == "last"]
    stored = {s["metric"]: s["value"] for s in last}
    assert scores[0]["value"] == pytest.approx(stored["frechet"], rel=1e-9)

    paribus("report", "run")
    assert "<html" in (run / "report.html").read_text()


def test_conditional_samples_by_label(paribus: Paribus) -> None:
    paribus(
        "train", "vae", "--budget", "2epochs", "--out", "run", "--no-score", *QUICK, "-o", "objective.conditional=true"
    )
    paribus("sample", "run", "-n", "25", "--out", "all.npz")
    with np.load(paribus.folder / "all.npz") as arrays:
        assert arrays["labels"].tolist() == [*range(10), *range(10), *range(5)]
        assert arrays["labels"].dtype == np.int64
    paribus("sample", "run", "-n", "3", "--label", "7", "--out", "seven.npz")
    with np.load(paribus.folder / "seven.npz") as arrays:
        assert arrays["labels"].tolist() == [7, 7, 7]
    paribus("sample", "run", "-n", "16", "--label", "3", "--to-label", "8", "--out", "change.png")
    assert pixels(paribus.folder / "change.png").shape == (16, 64)
    assert "add --label" in paribus("sample", "run", "--to-label", "8", code=2).stderr
    error = paribus("sample", "run", "--label", "eleven", code=2).stderr
    assert "Unknown label 'eleven'" in error


def test_folders_of_any_program_are_scored(paribus: Paribus) -> None:
    paribus("train", "vae", "--budget", "2epochs", "--out", "run", "--no-score", *QUICK)
    paribus("sample", "run", "-n", "100", "--out", "a")
    paribus("sample", "run", "-n", "100", "--seed", "1", "--out", "b")
    same = json.loads(paribus("evaluate", "a", "--against", "b", "--metrics", "frechet", "--json").stdout)
    assert {"metric", "value", "error", "n", "encoder", "split", "protocol"} <= set(same[0])
    on_data = json.loads(paribus("evaluate", "a", "--data", "digits", "--metrics", "kid", "--json").stdout)
    assert on_data[0]["encoder"]["name"] == "classifier"
    assert "add --data NAME or --against FOLDER" in paribus("evaluate", "a", code=2).stderr


def test_weights_of_inception_are_an_option(paribus: Paribus) -> None:
    network = PlainInception()
    network(torch.zeros(1, 3, 8, 8, dtype=torch.uint8), last=64)
    save_file(network.state, paribus.folder / "first.safetensors")
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8, 3), dtype=np.uint8)
    for k, image in enumerate(images):
        folder = paribus.folder / "ab"[k % 2]
        folder.mkdir(exist_ok=True)
        Image.fromarray(image).save(folder / f"{k}.png")
    command = ("evaluate", "a", "--against", "b", "--metrics", "frechet", "--json", "--inception-weights")
    scores = json.loads(paribus(*command, "first.safetensors").stdout)
    assert [score["encoder"]["name"] for score in scores] == ["efficientnet", "inception-64"]
    assert "The file of Inception's weights is not there." in paribus(*command, "missing.pth", code=2).stderr


def test_compare_writes_results_and_report_and_carries_on(
    paribus: Paribus, comparison: subprocess.CompletedProcess[str]
) -> None:
    assert comparison.stdout == "study/report.html\n"
    assert "about" in comparison.stderr  # the estimate
    results = json.loads((paribus.folder / "study" / "results.json").read_text())
    assert [(row["model"], row["seed"], row["status"]) for row in results["runs"]] == [
        ("vae", 0, "done"), ("vae", 1, "done"), ("gan", 0, "done"), ("gan", 1, "done"),
    ]  # fmt: skip
    summary = results["models"]["vae"]["elbo"]
    values = [row["scores"]["elbo"]["value"] for row in results["runs"][:2]]
    assert summary["count"] == 2
    assert summary["mean"] == pytest.approx(sum(values) / 2)
    assert summary["low"] < min(values) < max(values) < summary["high"]
    steady = results["steadiness"]["vae"]
    assert steady["failed_seeds"]["value"] == 0 and steady["snapshot_spread"]["n"] == 2
    assert steady["seed_spread"]["value"] == pytest.approx(
        results["models"]["vae"]["frechet"]["std"] / results["models"]["vae"]["frechet"]["mean"]
    )

    weights = paribus.folder / "study" / "runs" / "gan-seed1" / "model.safetensors"
    before = weights.stat().st_mtime_ns
    paribus(*COMPARE)
    assert weights.stat().st_mtime_ns == before, "a finished run was done again"
    other = paribus(*COMPARE[:4], "3", *COMPARE[5:], code=2)
    assert "This folder holds another study" in other.stderr


@pytest.mark.parametrize("what", ["models", "backbones", "objectives", "data", "metrics", "papers"])
def test_list(what: str, paribus: Paribus) -> None:
    entries = json.loads(paribus("list", what, "--json").stdout)
    assert len({entry["name"] for entry in entries}) == len(entries) >= 2
    text = paribus("list", what).stdout
    assert all(entry["name"] in text for entry in entries)


def test_list_models_counts_parameters(paribus: Paribus) -> None:
    entries = {entry["name"]: entry for entry in json.loads(paribus("list", "models", "--json").stdout)}
    assert entries["gan"]["parameters"]["G"] == 64 * 256 + 256 + 256 * 784 + 784
    assert entries["gan"]["objective"] == "gan"
    assert entries["gan"]["backbone"] == "mlp"


def test_doctor_and_its_cache(paribus: Paribus) -> None:
    cache = paribus.folder / "cache"
    cached_weights(lambda: {"weights": torch.zeros(3)}, ("key",), cache)
    paribus.environment["PARIBUS_CACHE"] = str(cache)
    report = paribus("doctor").stdout
    assert "torch:" in report
    assert "PARIBUS_DATA is not set" in report
    assert "removed" in paribus("doctor", "--clean-cache").stdout
    assert not cache.exists()


MISTAKES = [
    (["train", "dcgann"], "Unknown model 'dcgann'. Did you mean 'dcgan'?"),
    (["train", "gan", "--data", "mnits"], "There is no data set 'mnits'. Did you mean 'mnist'?"),
    (["train", "gan", "--budget", "12"], "A budget must be a positive number with a unit."),
    (["train", "gan", "-o", "objective.latent_dmi=3"], "'objective.latent_dmi'. Did you mean 'latent_dim'?"),
    (["train", "gan", "-o", "nonsense"], "An override must have the form key.path=value."),
    (["train", "gan", "--size", "4"], "Option '--size' has a wrong value."),
    (["train", "gan", "--resume"], "Which run is to be resumed?"),
    (["train", "gan", "-o", "training.device=cuda"], "There is no cuda device here."),
    (["sample", "nowhere"], "There is no trained model here."),
    (["report", "nowhere"], "nowhere"),
    (["evaluate", "nowhere"], "There is no trained model here."),
    (["list", "modles"], "There is no list of 'modles'. Did you mean 'models'?"),
    (["replicate", "guo-2032"], "Unknown paper 'guo-2032'. Did you mean 'guo-2023'?"),
    (["compare", "--models", ","], "A study needs a model."),
    (["compare", "--models", ""], "A study needs a model."),
    (["compare", "--models", "vae,gam"], "Unknown model 'gam'. Did you mean 'gan'?"),
    (["compare", "--budget", "3s", "--workers", "2"], "one worker at a time"),
]  # fmt: skip


@pytest.mark.parametrize(("arguments", "message"), MISTAKES, ids=[" ".join(a) for a, _ in MISTAKES])
def test_mistakes_end_with_one_message_and_exit_code_2(arguments: list[str], message: str, paribus: Paribus) -> None:
    result = paribus(*arguments, code=2)
    assert message in result.stderr
    assert result.stdout == ""
    assert sum(line.startswith("paribus: ") for line in result.stderr.splitlines()) == 1


def test_a_golden_error(paribus: Paribus) -> None:
    assert paribus("train", "gan", "-o", "training.precision=fp16", code=2).stderr == (
        "paribus: Setting 'training.precision' has a wrong value.\n"
        "  where:    training.precision\n"
        "  got:      'fp16'\n"
        "  expected: Input should be 'auto', 'fp32' or 'bf16'\n"
        "  fix:      change training.precision with -o training.precision=... or in the YAML file\n"
    )


def test_a_run_is_not_overwritten(paribus: Paribus) -> None:
    command = ["train", "gan", "--budget", "2updates", "--out", "run", "--no-score", *QUICK]
    paribus(*command)
    assert "This folder already holds a run." in paribus(*command, code=2).stderr
    assert "A resumed run must keep its configuration." in paribus(*command, "--resume", "--seed", "9", code=2).stderr


def test_resuming_a_finished_run_does_nothing_unless_the_budget_grew_or_it_has_no_scores(paribus: Paribus) -> None:
    def command(budget: str) -> list[str]:
        return ["train", "gan", "--budget", budget, "--out", "run", "--no-score", *QUICK]

    paribus(*command("4updates"))
    weights = paribus.folder / "run" / "model.safetensors"
    before = weights.read_bytes()
    paribus(*command("4updates"), "--resume")
    assert weights.read_bytes() == before
    paribus(*command("8updates"), "--resume")
    assert weights.read_bytes() != before
    paribus("train", "gan", "--budget", "8updates", "--out", "other", "--no-score", *QUICK)
    assert weights.read_bytes() == (paribus.folder / "other" / "model.safetensors").read_bytes()

    written, scores = weights.stat().st_mtime_ns, paribus.folder / "run" / "evaluation.json"
    assert not scores.exists()
    cheap = ["-o", "evaluation.encoder=pixels", "-o", "evaluation.metrics=[frechet]"]
    assert "frechet" in paribus("train", "gan", "--out", "run", "--resume", *cheap).stdout
    assert scores.is_file() and weights.stat().st_mtime_ns == written


def test_configuration_from_a_file(paribus: Paribus) -> None:
    (paribus.folder / "run.yaml").write_text("objective: {latent_dim: 5}\ntraining: {budget: 2updates}\n")
    paribus("train", "gan", "--config", "run.yaml", "--out", "run", "--no-score", *QUICK)
    assert json.loads((paribus.folder / "run" / "config.json").read_text())["config"]["objective"]["latent_dim"] == 5
