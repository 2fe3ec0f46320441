"""Which settings are tried: exactly so many, the same ones however often the search is interrupted."""

from __future__ import annotations

import importlib
import itertools
import math
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from optuna.pruners import NopPruner
from optuna.trial import TrialState
from sqlalchemy.sql.ddl import SchemaGenerator

import paribus.tuning
from paribus.base.errors import Interrupted, MachineFault, ParibusError
from paribus.tuning.trials import Trials, Turn, _make_database, sampler_for

GRID = {"x": [0.0, 0.5, 1.0], "kind": ['"a"', '"b"']}


class Search:
    """A search of a function's least value, in a database that outlives it."""

    def __init__(self, file: Path, kind: str, count: int, seed: int = 3) -> None:
        self.trials = Trials(
            f"sqlite:///{file}", "search", count, "here", lambda: sampler_for(kind, seed, GRID), NopPruner()
        )
        self.settings: list[tuple[int, dict[str, Any]]] = []
        self.lock = threading.Lock()

    def run(self, workers: int = 1, stop_at: Callable[[Turn], bool] = lambda turn: False) -> bool:
        stop = threading.Event()

        def attempt(turn: Turn) -> float:
            x = turn.trial.suggest_float("x", 0, 1)
            kind = turn.trial.suggest_categorical("kind", ['"a"', '"b"'])
            if stop_at(turn):
                stop.set()
            if turn.stopping():
                raise Interrupted(Path())
            with self.lock:
                self.settings.append((turn.place, dict(turn.trial.params)))
            return (x - 0.3) ** 2 + (kind == '"b"')

        finished = self.trials.run(attempt, workers, stop.is_set)
        self.trials.close()
        return finished


@pytest.fixture(params=["tpe", "random", "grid"])
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


COUNTS = {"tpe": 12, "random": 4, "grid": 6}
"""TPE begins at its eleventh trial to learn from the others."""


def test_a_database_is_made_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between a table and its index nothing would refuse a second search of the same name."""

    def killed(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(sqlalchemy.Index, "create", killed)
        patched.setattr(SchemaGenerator, "visit_index", killed)
        with pytest.raises(KeyboardInterrupt):
            Search(tmp_path / "search.db", "grid", 2).run()
    assert not list(tmp_path.iterdir())
    assert Search(tmp_path / "search.db", "grid", 2).run()
    assert [path.name for path in tmp_path.iterdir()] == ["search.db"]


def test_a_database_that_another_process_made_first_stays(tmp_path: Path) -> None:
    assert Search(tmp_path / "search.db", "grid", 2).run()
    before = (tmp_path / "search.db").read_bytes()
    _make_database(tmp_path / "search.db")
    assert (tmp_path / "search.db").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["search.db"]


def test_the_same_seed_tries_the_same_settings_whatever_interrupts_it(kind: str, tmp_path: Path) -> None:
    count = COUNTS[kind]
    whole = Search(tmp_path / "whole.db", kind, count)
    assert whole.run()
    assert [place for place, _ in whole.settings] == list(range(count))

    tried, calls = [], itertools.count()
    for interruption in (1, 3, count, math.inf):  # a search that is interrupted three times, and begun again
        part = Search(tmp_path / "broken.db", kind, count)
        finished = part.run(stop_at=lambda turn, at=interruption: next(calls) == at)
        tried += part.settings
        assert finished == (interruption == math.inf)
    assert next(calls) == count + 3
    assert tried == whole.settings


def test_a_grid_is_tried_as_a_whole_by_any_number_of_workers(tmp_path: Path) -> None:
    search = Search(tmp_path / "trials.db", "grid", 6)
    assert search.run(workers=4)
    tried = [tuple(settings.values()) for _, settings in search.settings]
    assert sorted(tried) == sorted(itertools.product(*GRID.values()))


STRANGE_FILTERS = """
import sys, threading, time, warnings
from pathlib import Path
import optuna.exceptions
warnings.simplefilter("error", optuna.exceptions.ExperimentalWarning)
from test_trials import Search

over = threading.Event()

def stranger():
    while not over.is_set():
        with warnings.catch_warnings():
            time.sleep(0.001)

thread = threading.Thread(target=stranger)
thread.start()
try:
    assert Search(Path(sys.argv[1]) / "trials.db", "grid", 6).run(workers=4)
finally:
    over.set()
"""
"""Sets and restores the process's filters of warnings while a search runs, as Optuna's own threads do."""


def test_no_filters_of_other_threads_turn_optunas_warnings_into_errors(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-c", STRANGE_FILTERS, str(tmp_path)], check=True, cwd=Path(__file__).parent, timeout=300
    )


def test_several_workers_try_what_one_tries_and_another_seed_something_else(tmp_path: Path) -> None:
    tried = []
    for name, workers, seed in (("together", 4, 3), ("alone", 1, 3), ("otherwise", 1, 4)):
        search = Search(tmp_path / f"{name}.db", "random", 8, seed)
        assert search.run(workers)
        tried.append(sorted(search.settings, key=lambda pair: pair[0]))
    assert [place for place, _ in tried[0]] == list(range(8))
    assert len({settings["x"] for _, settings in tried[0]}) == 8
    assert tried[0] == tried[1]
    assert not {settings["x"] for _, settings in tried[0]} & {settings["x"] for _, settings in tried[2]}


def test_an_error_ends_the_search_and_its_trial_goes_on_later(tmp_path: Path) -> None:
    search = Search(tmp_path / "trials.db", "random", 3)

    def fails(turn: Turn) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        search.run(stop_at=fails)
    again = Search(tmp_path / "trials.db", "random", 3)
    assert again.run()
    assert [place for place, _ in again.settings] == [0, 1, 2]
    newest = again.trials.newest()
    assert [trial.state for trial in newest] == [TrialState.COMPLETE] * 3
    again.trials.close()


def test_a_database_that_vanishes_is_the_machines_fault(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    search = Search(tmp_path / "gone" / "trials.db", "random", 3)

    def vanishes(turn: Turn) -> bool:
        shutil.rmtree(tmp_path / "gone", ignore_errors=True)
        return False

    with pytest.raises(MachineFault, match=r"The database of the trials cannot be used[\s\S]*no such file"):
        search.run(stop_at=vanishes)


def test_an_assertion_that_hides_nothing_of_the_database_stays(tmp_path: Path) -> None:
    def asserts(turn: Turn) -> bool:
        raise AssertionError("of the trial")

    with pytest.raises(AssertionError, match="of the trial"):
        Search(tmp_path / "trials.db", "random", 3).run(stop_at=asserts)


def test_a_database_that_cannot_be_used_is_named_without_its_password() -> None:
    for url, words in (
        ("postgresql+psycopg2://me:secret@127.0.0.1:1/none", "Connection refused"),
        ("nonsense+driver://me:secret@host/none", "plugin"),
        ("nonsense+driver://me@host/none?password=secret&port=1", "password=***&port=1"),
        ("nonsense+driver://host:1/none?user=me&PASSWORD=secret@secret", "host:1/none?user=me&PASSWORD=***"),
        ("nonsense", "parse"),
    ):
        trials = Trials(url, "search", 1, "here", lambda: sampler_for("random", 0, {}), NopPruner())
        with pytest.raises(ParibusError, match="The database of the trials cannot be used") as caught:
            trials.newest()
        assert words in str(caught.value)
        assert "secret" not in str(caught.value)


def test_without_optuna_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(ParibusError, match=r"pip install 'paribus\[tune\]'"):
        importlib.reload(paribus.tuning)
