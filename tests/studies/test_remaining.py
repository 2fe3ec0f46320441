"""How long a study will still take: by the runs that finished, by the estimate, by the progress of those at work."""

from __future__ import annotations

from pathlib import Path

import pytest

from paribus.cli.watching import StudyLines, live_table, totals
from paribus.results.folder import RunFolder
from paribus.studies.plan import StudyRun
from paribus.studies.remaining import Remaining
from paribus.studies.status import RunState
from paribus.training import Progress
from tests.conftest import tiny_config


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def waiting(*labels: str) -> list[RunState]:
    runs = [StudyRun(label, {}, tiny_config(), RunFolder(Path("nowhere"))) for label in labels]
    return [RunState(f"{run.label} {place}", run) for place, run in enumerate(runs)]


def test_before_anything_has_finished_the_estimate_says_it() -> None:
    left = Remaining(2, {"vae": 10.0, "gan": 30.0}, Clock())
    # 10 and 10 side by side, then 30 and 30
    assert left(waiting("vae", "vae", "gan", "gan")) == pytest.approx(40.0)
    # the last of three has the machine to itself
    assert left(waiting("vae", "vae", "gan")) == pytest.approx(40.0)


def test_finished_runs_say_what_their_kind_takes_and_how_wrong_the_estimate_was() -> None:
    clock, states = Clock(), waiting("vae", "vae", "gan")
    left = Remaining(1, {"vae": 10.0, "gan": 30.0}, clock)
    states[0].status = "running"
    assert left(states) == pytest.approx(50.0)
    clock.now = 4.0
    assert left(states) == pytest.approx(46.0)
    clock.now, states[0].status, states[1].status = 20.0, "done", "running"  # twice as long as announced
    assert left(states) == pytest.approx(20.0 + 60.0)
    clock.now, states[1].status, states[2].status = 40.0, "done", "done"
    assert left(states) == 0.0


def test_without_an_estimate_progress_says_it_and_nothing_where_nothing_is_known() -> None:
    clock, states = Clock(), waiting("vae")
    left = Remaining(1, None, clock)
    assert left(states) is None
    states[0].status, states[0].progress = "running", Progress(0.25, 100, 10.0, {})
    assert left(states) == pytest.approx(30.0)


def test_a_run_that_takes_longer_than_expected_is_left_what_its_training_is() -> None:
    clock, states = Clock(), waiting("vae")
    left = Remaining(1, {"vae": 10.0}, clock)
    states[0].status = "running"
    left(states)
    clock.now, states[0].progress = 50.0, Progress(0.5, 100, 40.0, {})
    assert left(states) == pytest.approx(40.0)


def test_time_left_is_shown_in_the_table_and_in_plain_lines(capsys: pytest.CaptureFixture[str]) -> None:
    states = waiting("vae", "vae")
    assert totals(states, 90.0).endswith("; about 90\u202fs left")
    assert "left" not in totals(states, None)
    assert "about 90\u202fs left" in str(live_table(states, 5, 90.0).caption)
    lines = StudyLines(Remaining(1, {"vae": 45.0}, Clock()))
    states[0].status = "running"
    lines(states)
    assert "2 runs: 1 running, 1 waiting; about 90\u202fs left" in capsys.readouterr().err
