"""What commands over several studies do where all runs of one failed, and where nothing is named."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from paribus.base.errors import AllFailed, ParibusError
from paribus.cli import studies
from paribus.cli.app import app
from paribus.replication.papers import paper_names


def test_replicate_all_runs_the_other_papers_and_then_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ran = []

    def run_watched(study: SimpleNamespace, **options: object) -> None:
        ran.append(study.name)
        if len(ran) == 2:
            raise AllFailed(f"All runs of {study.name} failed")

    def study_of(name: str, **options: object) -> SimpleNamespace:
        return SimpleNamespace(name=name, results=SimpleNamespace(runs=[]))

    monkeypatch.setattr(studies, "run_watched", run_watched)
    monkeypatch.setattr("paribus.commands.studies.replicate", study_of)
    result = CliRunner().invoke(app, ["replicate", "all"])
    assert ran == list(paper_names())
    assert isinstance(result.exception, AllFailed)
    assert result.exception.exit_code == 1
    assert ran[1] in str(result.exception)


@pytest.mark.parametrize("command", [["compare", "--models", "gan"], ["train", "gan"], ["tune", "gan"], ["inspect"]])
def test_an_empty_name_of_data_is_no_default(command: list[str]) -> None:
    named = ["", "--no-estimate"] if command == ["inspect"] else ["--data", ""]
    result = CliRunner().invoke(app, [*command, *named])
    assert isinstance(result.exception, ParibusError)
    assert result.exception.what == "The data have no name."
