from __future__ import annotations

import random
import unicodedata
from pathlib import Path

import pytest
import yaml

from paribus.base.errors import ParibusError
from paribus.base.names import LONGEST, fitted_name, plain_name, printable
from paribus.base.places import last_part
from paribus.cli import console
from paribus.config import validated
from paribus.studies.files import StudyFile
from paribus.studies.plan import StudyPlan, study_runs
from paribus.studies.study import stored_plan
from paribus.tuning.plan import TuningPlan

UNFIT = [
    "", ".", "..", "../escaped/here", "/absolute", "a/b", "a\\b", "C:\\a", "C:a", "a\nb", "a\tb", "a\x00b",
    "a\x1b[31mb", "a\x9bb", "a\u202eb", "a\u2066b", "a\u200fb", "a\u2028b", "a\udcffb", ".hidden",
    "ends.", "ends ", " begins", "CON",
    "nul.txt", "com1", "LPT9.a.b", "a:b", "a*b", "a?b", 'a"b', "a<b", "x" * (LONGEST + 1),
    "\u4e00" * (LONGEST // 3 + 1),
]  # fmt: skip
FIT = ["study", "a name", "Größe 8..64", "\u4e00\u4e8c", "نام", "con-1", "console", "a.b", "-x", "x" * LONGEST]


@pytest.mark.parametrize("name", UNFIT, ids=ascii)
def test_a_name_is_one_plain_component(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="one plain name of a folder"):
        plain_name(name)
    for kind in (StudyPlan, TuningPlan):
        with pytest.raises(ParibusError, match=r"Setting 'name' has a wrong value[\s\S]*one plain name of a folder"):
            validated(kind, {"name": name, "model": "vae"})
    file = tmp_path / "study.yaml"
    file.write_bytes(yaml.safe_dump({"name": name, "model": "vae"}).encode(errors="surrogatepass"))
    with pytest.raises(ParibusError, match=r"line \d: name|cannot be read") as caught:
        StudyFile(file).plan()
    assert printable(str(caught.value)) == str(caught.value)
    fitted = fitted_name(name)
    assert plain_name(fitted) == fitted


@pytest.mark.parametrize("name", FIT, ids=ascii)
def test_a_plain_name_stays_as_it_is(name: str) -> None:
    assert plain_name(name) == fitted_name(name) == name
    assert validated(StudyPlan, {"name": name}).name == name


def test_any_text_becomes_a_plain_name() -> None:
    draw = random.Random(5)
    for _ in range(2000):
        text = "".join(
            chr(draw.choice((draw.randrange(256), draw.randrange(0x3000)))) for _ in range(draw.randrange(9))
        )
        fitted = fitted_name(text)
        assert plain_name(fitted) == fitted, (5, text)
        assert Path(fitted).parts == (fitted,), (5, text)
        assert len(fitted.encode()) <= LONGEST


def test_names_that_follow_from_data_and_files_are_fitted(tmp_path: Path) -> None:
    assert last_part("photos of\nme") == "photos of-me"
    file = tmp_path / ".study:1.yaml"
    file.write_text("model: vae\nbudget: 1img")
    assert StudyFile(file).plan().name == "study-1"


def test_a_stored_study_keeps_its_plan_whatever_an_earlier_version_called_it(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("plan: {name: 'widths: all', model: vae, budget: 1img}")
    assert stored_plan(tmp_path).name == "widths- all"


@pytest.mark.parametrize("name", ["../../x", "/x", "a\\b", "CON", "nul", "x" * 5000, "\u4e00" * 300, ".", "..", ""])
def test_a_runs_folder_is_one_plain_component_whatever_its_settings_are_called(name: str, tmp_path: Path) -> None:
    plan = StudyPlan(model="vae", budget="64img", seeds=[2**53], settings={name: {}, "other": {"seed": 1}})
    plan = plan.model_copy(update={"settings": {name: {}, "other": {"objective.latent_dim": 3}}})
    for run in study_runs(plan, tmp_path):
        assert run.folder.path.parent == tmp_path / "runs"
        assert fitted_name(run.folder.path.name[:40]) == run.folder.path.name[:40]
        assert len(run.folder.path.name.encode()) <= 255


@pytest.mark.parametrize("name", ["a\x1b[2J", "a\nb", "a\u202eb"], ids=ascii)
def test_settings_are_not_called_by_what_a_terminal_acts_on(name: str) -> None:
    with pytest.raises(ParibusError, match="a name without control characters"):
        validated(StudyPlan, {"model": "vae", "settings": {name: {}}})


def test_nothing_that_is_shown_acts_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    text = "a\x1b]0;title\x07\x1b[2Jb\rc\u202ed\udcffe\x9bf\u2066"
    console.say(text)
    console.tell(text)
    console.print_table([{"name": text + "\n[bold]x[/bold]", "other": 1}, {"name": "y", "other": 2}])
    print(ParibusError(text, where=text + "\nfix: do this", got=text + "\n  fix: do that"))
    said = "".join(capsys.readouterr())
    assert not [c for c in said if (c != "\n" and unicodedata.category(c) in ("Cc", "Cs")) or c in "\u202e\u2066"]
    assert said.count(r"a\x1b]0;title\x07\x1b[2Jb\rc\u202ed\udcffe\x9bf\u2066") >= 4
    assert r"\n[bold]x[/bold]" in said and r"\nfix: do this" in said
    assert not [line for line in said.splitlines() if line.startswith("  fix:")]
