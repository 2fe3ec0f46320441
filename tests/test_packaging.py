"""The wheel carries everything the program needs; the documents say only what is there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch

from paribus.__main__ import main
from paribus.cli.listing import rows
from paribus.config import ImageShape
from paribus.models.networks import network_shape
from paribus.recipes import model_names, resolve

ROOT = Path(__file__).parent.parent
GROUPS = {"study": 3, "latent": 4}
"""Commands that have commands of their own, and how many words of a line name one of these."""


@pytest.mark.slow
@pytest.mark.processes
def test_a_wheel_trains_and_reports_away_from_the_tree(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(tmp_path / "dist"), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    (wheel,) = (tmp_path / "dist").glob("paribus-*.whl")
    install = ["-m", "pip", "install", "--quiet", "--no-deps", "--target", str(tmp_path / "site"), str(wheel)]
    subprocess.run([sys.executable, *install], check=True, capture_output=True)
    environment = os.environ | {"PYTHONPATH": str(tmp_path / "site"), "PARIBUS_CACHE": str(tmp_path / "cache")}
    code = (
        "import paribus as pb\n"
        f"assert pb.__file__.startswith({str(tmp_path)!r}), pb.__file__\n"
        "study = pb.compare(['gan', 'vae'], 'digits', seeds=1, budget='2kimg', out='study')\n"
        "print(study.report('page.html'))\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env=environment, timeout=300)
    assert "</html>" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    "document",
    [
        "README.md",
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "docs/export.md",
        "docs/images.md",
        "docs/latent.md",
        "docs/models.md",
        "docs/processes.md",
        "docs/studies.md",
        "docs/tuning.md",
    ],
)
def test_files_that_a_document_names_are_there(document: str) -> None:
    path = ROOT / document
    text = path.read_text()
    for target in re.findall(r"\]\(([^)#]+)\)", text):
        if "://" not in target:
            assert (ROOT / document).parent.joinpath(target).exists(), (
                f"{document} links to {target}, which is not there"
            )


def test_the_readme_names_every_model() -> None:
    text = (ROOT / "README.md").read_text()
    assert all(f"`{name}`" in text for name in model_names())


def test_readme_commands_are_understood(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every `paribus ...` line of the README and the pages on images has a command and options that exist."""
    text = "".join((ROOT / name).read_text() for name in ("README.md", "docs/images.md", "docs/own-images.md"))
    lines = re.findall(r"^(?:PARIBUS_DATA=\S+ )?(paribus [a-z].*?)(?:\s+#.*)?$", text, re.MULTILINE)
    assert len(lines) >= 8
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("TERM", "dumb")
    for line in lines:
        words = line.split()
        monkeypatch.setattr(sys, "argv", [*words[: GROUPS.get(words[1], 2)], "--help"])
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr().out
        assert not ended.value.code, line
        for option in (word.partition("=")[0] for word in words if word.startswith("-")):
            assert option in shown, f"{line}: no option {option}"


def test_the_papers_systems_can_be_built() -> None:
    """Every command of docs/models.md resolves, and its networks can be built for its data's shape."""
    shapes = {"mnist": (1, 28, 10), "cifar10": (3, 32, 10), "lfw": (3, 45, 0), "anime-faces": (3, 64, 0)}
    commands = re.findall(r"`paribus train ([^`]+)`", (ROOT / "docs/models.md").read_text())
    assert len(commands) >= 14
    for command in commands:
        words = shlex.split(command)
        overrides = [after for word, after in pairwise(words) if word == "-o"]
        config = resolve(words[0], overrides=overrides)
        shape = network_shape(config, ImageShape(*shapes[words[words.index("--data") + 1]]))
        with torch.device("meta"):
            nets = config.objective.roles(config.backbone, shape)
        assert set(nets) == set(config.training.optimizer), command


def test_published_parameter_counts() -> None:
    """G and D in millions at 3x32x32 with 10 classes; the sources are named in the presets."""
    published = {"biggan": {"G": 4.30, "D": 4.21}, "biggan-deep": {"G": 7.76, "D": 2.91}}
    counted = {row["name"]: row["parameters"] for row in rows("models")}
    for model, counts in published.items():
        for role, millions in counts.items():
            assert counted[model][role] == pytest.approx(millions * 1e6, rel=0.01)


def test_the_readmes_python_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    narrow = ', overrides=["backbone.width=8"]'
    quick = code.replace('"20epochs"', f'"1epochs"{narrow}').replace('"100kimg"', f'"1kimg"{narrow}')
    quick = quick.replace("seeds=3", "seeds=1")
    # that papers run is for make replicate-smoke; here the call and the study that it makes
    quick = quick.replace('scale="smoke"', 'scale="smoke", start=False')
    assert quick.count(narrow) == 2 and "seeds=1" in quick and "start=False" in quick
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(quick, names)
    assert tuple(names["images"].shape) == (16, 1, 8, 8)
    assert {"frechet", "precision"} <= {score.metric for score in names["scores"]}
    assert "</html>" in (tmp_path / "report.html").read_text()


def test_the_python_on_images_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/images.md").read_text(), re.DOTALL)
    scored = ', overrides=["evaluation.encoder=pixels"]'  # the one of photographs takes a minute
    quick = code.replace('budget="200img"', f'budget="200img"{scored}')
    assert quick.count(scored) == 2
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(quick, names)
    assert names["data"].class_names == ("left", "right")
    assert [run.name for run in names["study"].runs] == ["vae seed 3", "gan seed 3"]
    assert [score.metric for score in names["scores"]] == ["kid"]
