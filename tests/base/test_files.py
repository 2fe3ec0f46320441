"""What is written is whole, and damage is told."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, save

from paribus.base.cache import clean_cache
from paribus.base.errors import Damaged, NotWritten, ParibusError, TrainingDiverged, machine_fault
from paribus.base.files import append, read_json, read_yaml, sweep, write_json, write_yaml
from paribus.base.locks import locked_folder
from paribus.base.outputs import MANIFEST, output_folder, refuse_foreign
from paribus.base.processes import stop_on_signal
from paribus.base.seals import check, tensors_content
from paribus.commands.train import train
from paribus.metrics.reference import cached_weights
from paribus.models import load_model
from paribus.results.folder import RunFolder, log_line
from paribus.runs.run import complete_run
from tests.conftest import made_data, tiny_config

STEPS = ("training.checkpoint_steps=2", "training.budget=8updates")


def flipped(path: Path, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)


@pytest.mark.parametrize("name", ["a.json", "list.json", "a.yaml"])
def test_every_flipped_bit_of_a_record_is_found(name: str, tmp_path: Path) -> None:
    path, value = tmp_path / name, {"status": "done", "numbers": [1, 2.5], "text": "ü"}
    given = [value, value] if name.startswith("list") else value
    write, read = (write_yaml, read_yaml) if name.endswith("yaml") else (write_json, read_json)
    write(path, given)
    assert read(path) == given
    whole = path.read_bytes()
    for bit in range(8 * len(whole)):
        path.write_bytes(whole)
        flipped(path, bit)
        try:
            found = read(path)
        except Damaged:
            continue
        assert found == given, (bit, found)  # the place of the digest is damaged, and nothing else


def test_tensors_carry_their_digest() -> None:
    content = tensors_content(save({"a": torch.arange(5.0)}), {"key": "k"})
    assert torch.equal(load(check(content, Path("x"), ""))["a"], torch.arange(5.0))
    for bit in range(8 * 9, 8 * len(content), 7):
        broken = bytearray(content)
        broken[bit // 8] ^= 1 << bit % 8
        try:
            load(check(bytes(broken), Path("x"), ""))
        except Exception:
            continue
        raise AssertionError(bit)


def test_partials_are_swept_and_no_snapshots(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    (tmp_path / "snapshots").mkdir()
    dead = tmp_path / "snapshots" / ".4194304999.5120.safetensors"
    dead.touch()
    assert run.snapshots() == []
    with run.locked():
        assert not dead.exists()
    alive = tmp_path / f".{os.getppid()}.x.partial"
    alive.touch()
    sweep(tmp_path)
    assert alive.exists()


@pytest.mark.parametrize("damage", ["flip", "cut"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(damage: str, tmp_path: Path) -> None:
    config, data, said = tiny_config("gan", *STEPS), made_data(), list[str]()
    complete_run(config, data, RunFolder(tmp_path / "whole"), score=False)
    run = RunFolder(tmp_path / "broken")
    asked = iter([False] * 4 + [True] * 9)
    with pytest.raises(Exception, match="broken"):
        complete_run(config, data, run, score=False, stop_requested=lambda: next(asked))
    assert run.checkpoint_before.is_file()
    if damage == "flip":
        flipped(run.checkpoint, 8 * 5000)
    else:
        run.checkpoint.write_bytes(run.checkpoint.read_bytes()[:5000])
    with run.metrics.open("ab") as file:
        file.write(b"\xff\xfe bad\n")
    complete_run(config, data, run, score=False, notice=lambda stage, *_: said.append(stage))
    assert any("is damaged" in text and "the checkpoint before it" in text for text in said)
    assert run.model.read_bytes() == (tmp_path / "whole" / "model.safetensors").read_bytes()
    assert not run.checkpoint_before.exists()


def test_without_a_whole_checkpoint_the_way_on_is_said(tmp_path: Path) -> None:
    run, asked = RunFolder(tmp_path / "run"), iter([False, True])
    with pytest.raises(Exception, match="run"):
        complete_run(tiny_config("gan"), made_data(), run, score=False, stop_requested=lambda: next(asked))
    flipped(run.checkpoint, 4000)
    with pytest.raises(Damaged, match=r"state\.pt[\s\S]*start again with 'paribus train gan"):
        complete_run(tiny_config("gan"), made_data(), RunFolder(run.path), score=False)


def test_a_damaged_model_is_told_and_written_again(tmp_path: Path) -> None:
    run, config = RunFolder(tmp_path / "run"), tiny_config("gan")
    complete_run(config, made_data(), run, score=False)
    whole = run.model.read_bytes()
    flipped(run.model, 8 * len(whole) - 3)
    with pytest.raises(Damaged, match=r"model\.safetensors[\s\S]*--resume"):
        load_model(run.path)
    complete_run(config, made_data(), RunFolder(run.path), score=False)
    assert run.model.read_bytes() == whole


def test_a_dead_attempt_leaves_no_snapshots(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run")
    complete_run(tiny_config("gan", "training.snapshots=['1/2']"), made_data(), run, score=False)
    kept = run.snapshots()
    (run.path / "done.json").unlink()
    run.checkpoint.unlink()
    run.snapshot(999).write_bytes(run.snapshot(kept[0]).read_bytes())
    complete_run(tiny_config("gan", "training.snapshots=['1/2']"), made_data(), RunFolder(run.path), score=False)
    assert run.snapshots() == kept


def test_moved_data_are_told_by_their_fingerprint(tmp_path: Path) -> None:
    run, data = RunFolder(tmp_path / "run"), made_data()
    complete_run(tiny_config("gan", data={"name": "there"}), data, run, score=False)
    moved = tiny_config("gan", "training.budget=9updates", data={"name": "elsewhere"})
    complete_run(moved, data, RunFolder(run.path), score=False)
    assert RunFolder(run.path).record["config"]["data"]["name"] == "elsewhere"


def test_a_damaged_cache_is_replaced(tmp_path: Path) -> None:
    made = {"a": torch.ones(3)}
    cached_weights(lambda: made, ("k",), tmp_path)
    [path] = (tmp_path / "encoders").glob("*.safetensors")
    flipped(path, 8 * path.stat().st_size - 5)
    assert torch.equal(cached_weights(lambda: made, ("k",), tmp_path)["a"], torch.ones(3))
    assert torch.equal(cached_weights(dict, ("k",), tmp_path)["a"], torch.ones(3))


def test_only_what_paribus_wrote_in_the_cache_goes(tmp_path: Path) -> None:
    cached_weights(lambda: {"a": torch.ones(3)}, ("k",), tmp_path)
    mine = [tmp_path / "thesis.txt", tmp_path / "data" / "photo.png", tmp_path / "encoders" / "mine.safetensors"]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    assert clean_cache(tmp_path) > 0
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(mine)


def test_a_folder_with_files_of_the_users_is_not_written_to(tmp_path: Path) -> None:
    out = tmp_path / "pics"
    for content in ("first", "second"):
        with output_folder(out) as folder:
            (folder / "00.png").write_text(content)
    assert sorted(path.name for path in out.iterdir()) == [MANIFEST, "00.png"]
    (out / "00.png").write_text("mine")
    with pytest.raises(ParibusError, match=r"Only what Paribus wrote[\s\S]*00\.png"), output_folder(out):
        raise AssertionError
    assert (out / "00.png").read_text() == "mine"
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_gives_way_to_a_whole_one_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At each rename the old folder or the new one is whole, and what is left in between is swept."""
    out, before = tmp_path / "pics", Path.rename
    with output_folder(out) as folder:
        (folder / "00.png").write_text("first")

    def killed(self: Path, target: Path) -> Path:
        if self.name.endswith(".pics.partial") and target == out:
            monkeypatch.setattr("shutil.rmtree", lambda *arguments, **options: None)
            raise KeyboardInterrupt
        return before(self, target)

    monkeypatch.setattr(Path, "rename", killed)
    with pytest.raises(KeyboardInterrupt), output_folder(out) as folder:
        (folder / "00.png").write_text("second")
    monkeypatch.undo()
    [former] = tmp_path.glob(".*.former.pics.partial")
    assert sorted(path.name for path in former.iterdir()) == [MANIFEST, "00.png"]
    with output_folder(out) as folder:
        (folder / "00.png").write_text("third")
    assert list(tmp_path.iterdir()) == [out]


def test_a_folder_that_vanished_is_not_made_anew(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with locked_folder(run):
        shutil.rmtree(run)
        for write in (lambda: write_json(run / "done.json", {"a": 1}), lambda: append(run / "metrics.jsonl", b"line")):
            with pytest.raises(NotWritten, match=r"vanished|No such file"):
                write()
        assert not run.exists()
    write_json(run / "done.json", {"a": 1})


@pytest.mark.parametrize("of", ["file", "folder"])
def test_renames_are_durable(of: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is renamed is on the disk before, and the folder that names it afterwards."""
    events = []
    for module in ("files", "outputs"):
        monkeypatch.setattr(f"paribus.base.{module}.sync", lambda path: events.append(f"sync {path.name}"))
    for move in ("rename", "replace"):
        before = getattr(Path, move)

        def moved(self: Path, target: Path, before: Callable[[Path, Path], Path] = before) -> Path:
            events.append(f"moved {target.name}")
            return before(self, target)

        monkeypatch.setattr(Path, move, moved)
    if of == "file":
        write_json(tmp_path / "a.json", {"a": 1})
        partial = f".{os.getpid()}.a.json.partial"
        assert events == [f"sync {partial}", "moved a.json", f"sync {tmp_path.name}"]
    else:
        with output_folder(tmp_path / "pics") as folder:
            (folder / "00.png").write_text("picture")
        end = [f"sync .{os.getpid()}.pics.partial", "moved pics", f"sync {tmp_path.name}"]
        assert "sync 00.png" in events
        assert events[-3:] == end


def test_every_flipped_bit_of_a_line_of_the_log_is_found(tmp_path: Path) -> None:
    run, lines = RunFolder(tmp_path), [{"step": n, "images": 8 * n, "seconds": 0.5, "D/loss": n / 3} for n in (1, 2)]
    whole = b"".join(map(log_line, lines))
    run.metrics.write_bytes(whole)
    assert run.metrics_lines() == lines
    assert run.last_line() == lines[1]
    for bit in range(8 * len(whole)):
        run.metrics.write_bytes(whole)
        flipped(run.metrics, bit)
        assert all(line in lines for line in run.metrics_lines()), bit
    run.metrics.write_text('{"step": 1, "images": 8, "seconds": 0.5}\n')  # of an earlier version
    assert run.last_line() == {"step": 1, "images": 8, "seconds": 0.5}


@pytest.mark.parametrize(
    ("error", "got"),
    [
        (OSError(errno.ESTALE, "Stale file handle", "/mnt/run"), "Stale file handle"),
        (MemoryError(), "MemoryError"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "CUDA out of memory"),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:116] DefaultCPUAllocator: can't allocate memory"), "alloc_cpu"),
        (RuntimeError("CUDA error: unspecified launch failure"), "unspecified launch failure"),
    ],
)
def test_what_the_machine_does_is_told_from_what_was_asked(error: Exception, got: str) -> None:
    fault = machine_fault(error)
    assert fault is not None
    assert fault.exit_code == 1
    assert got in str(fault.got)
    assert "the same command again" in str(fault.fix)


def test_what_was_asked_is_not_the_machines_fault(tmp_path: Path) -> None:
    for error in (ParibusError("Wrong."), TrainingDiverged("Diverged."), KeyError("a"), RuntimeError("shapes differ")):
        assert machine_fault(error) is None
    damaged = Damaged(tmp_path, "nothing", "nothing")
    assert machine_fault(damaged) is damaged


def test_a_clock_that_jumps_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config, data = tiny_config("gan", *STEPS), made_data()
    complete_run(config, data, RunFolder(tmp_path / "still"), score=False)
    seconds = itertools.cycle([2e9, 0.0, 1e12, -5.0])
    monkeypatch.setattr("time.time", lambda: next(seconds))
    run = RunFolder(tmp_path / "jumping")
    complete_run(config, data, run, score=False)
    assert run.model.read_bytes() == (tmp_path / "still" / "model.safetensors").read_bytes()
    assert 0 < (run.done or {})["seconds"] < 3600


def test_a_run_needs_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("mine")
    with pytest.raises(ParibusError, match=r"A run needs a folder of its own[\s\S]*study\.yaml"):
        train("gan", made_data(), out=tmp_path, config={"training": {"budget": "2updates"}})
    with pytest.raises(ParibusError, match="A study needs"):
        refuse_foreign(tmp_path, "study", ("other.yaml",))
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]
    (tmp_path / "begun" / "trials").mkdir(parents=True)  # by a process that was killed then
    refuse_foreign(tmp_path / "begun", "tuning", ("tune.json",))
    (tmp_path / "other" / "config.json").mkdir(parents=True)  # a name of a run's, and no file
    with pytest.raises(ParibusError, match=r"A run needs a folder of its own[\s\S]*config\.json"):
        refuse_foreign(tmp_path / "other", "run", ("run.yaml",), ("config.json",))


def test_a_cache_that_cannot_be_written_to_is_known_before_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.delenv("PARIBUS_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "file"))
    with pytest.raises(ParibusError, match=r"The cache cannot be written to[\s\S]*PARIBUS_CACHE"):
        complete_run(tiny_config("gan"), made_data(), RunFolder(tmp_path / "run"))
    assert not (tmp_path / "run" / "run.yaml").exists()


def test_a_hangup_asks_to_stop_as_often_as_it_comes(request: pytest.FixtureRequest) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)  # nohup ignores it
    request.addfinalizer(lambda: signal.signal(signal.SIGHUP, before))
    with stop_on_signal() as requested:
        assert not requested()
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGHUP)
        assert requested()
