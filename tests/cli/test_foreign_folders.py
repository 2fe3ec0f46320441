"""A study, a comparison, a tuning and a paper's replication each need a folder of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from paribus.base.errors import ParibusError
from paribus.base.files import write_json, write_yaml
from paribus.cli.app import app
from paribus.commands.studies import compare, replicate, run_study
from paribus.commands.tune import tune

COMMANDS = {
    "study run study.yaml": "study",
    "compare --models vae --seeds 1 --budget 64img": "study",
    "tune vae --budget 64img --search objective.latent_dim=2..4": "tuning",
    "replicate chaturvedula-2023 --scale smoke": "study",
}


def photos(out: Path, run: Path) -> None:
    out.mkdir()
    (out / "photo.png").write_bytes(b"mine")


def a_run(out: Path, run: Path) -> None:
    shutil.copytree(run, out)


def own_results(out: Path, run: Path) -> None:
    out.mkdir()
    (out / "results.json").write_text('{"mine": 1}')
    (out / "trials").mkdir()
    (out / "trials" / "patients.csv").write_text("mine")


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("make", [photos, a_run, own_results])
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_somebody_elses_is_refused_and_left(
    command: str, make: Callable[[Path, Path], None], runs: Callable[..., Path], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text("model: vae\nbudget: 64img\nseeds: 1\n")
    make(tmp_path / "out", runs("vae"))
    before = contents(tmp_path)
    said = CliRunner().invoke(app, [*command.split(), "--out", "out"])
    assert isinstance(said.exception, ParibusError), said.output
    assert str(said.exception).startswith(f"A {COMMANDS[command]} needs a folder of its own.\n  where:    --out out")
    assert said.exception.exit_code == 2
    assert contents(tmp_path) == before


MAKERS: dict[str, Callable[[Path, bool], object]] = {
    "compare": lambda out, start: compare(["vae"], "digits", seeds=1, budget="64img", out=out, start=start),
    "tune": lambda out, start: tune("vae", "digits", search={"objective.latent_dim": "2..4"}, trials=1, budget="64img",
                                    out=out, start=start),
    "replicate": lambda out, start: replicate("chaturvedula-2023", scale="smoke", out=out, start=start),
}  # fmt: skip


@pytest.mark.parametrize("kind", MAKERS)
@pytest.mark.parametrize("other", MAKERS)
def test_a_study_of_another_kind_is_refused(kind: str, other: str, tmp_path: Path) -> None:
    """The other one's folder as it is once it has begun: its records alone."""
    out = tmp_path / "out"
    made = MAKERS[other](out, False)
    if other == "tune":
        made.left  # type: ignore[attr-defined]  # noqa: B018  (makes the trials' database)
        made.write()  # type: ignore[attr-defined]
    else:
        out.mkdir()
        made.write_results()  # type: ignore[attr-defined]
        made.write_description()  # type: ignore[attr-defined]
        for name, content in made.beside.items():  # type: ignore[attr-defined]
            write_json(out / name, content)
    before = contents(out)
    if kind == other:
        MAKERS[kind](out, False)
    else:
        with pytest.raises(ParibusError, match=r"needs a folder of its own|holds another study"):
            MAKERS[kind](out, False)
    assert contents(out) == before


def test_what_was_killed_before_its_record_is_resumed(tmp_path: Path) -> None:
    out = tmp_path / "study"
    study = MAKERS["compare"](out, False)
    out.mkdir()
    (out / ".lock").touch()
    study.write_results()  # type: ignore[attr-defined]
    MAKERS["compare"](out, False)
    begun = MAKERS["tune"](tmp_path / "tune", False)
    assert begun.left == 1  # type: ignore[attr-defined]
    MAKERS["tune"](tmp_path / "tune", False)


def test_a_study_keeps_a_page_of_the_users(tmp_path: Path) -> None:
    write_yaml(tmp_path / "study.yaml", {"plan": {}})
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(ParibusError, match=r"Only what Paribus wrote[\s\S]*report\.html"):
        MAKERS["compare"](tmp_path, False)
    with pytest.raises(ParibusError, match=r"Only what Paribus wrote[\s\S]*report\.html"):
        run_study(tmp_path, start=False)
