"""What is to work on Windows, too: nothing of POSIX alone is imported, and every name is one that it takes."""

from __future__ import annotations

import ast
import fcntl
import os
import re
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from paribus.base.cache import cache_folder, locked
from paribus.base.errors import ParibusError
from paribus.base.files import partial_path
from paribus.base.locks import is_locked, locked_folder
from paribus.base.names import LONGEST, fitted_name
from paribus.base.places import last_part
from paribus.base.processes import is_alive, signals
from paribus.data import ImageData
from paribus.data.memory import kept
from paribus.studies.plan import StudyPlan, study_runs

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TEXTS = st.text(st.characters(codec="utf-8"), max_size=40)
HOSTILE = (
    "CON",
    "nul.txt",
    "aux. ",
    "a:b*c?",
    "x|y<z>",
    'q"',
    "com1 .png",
    "tail. .",
    "A",
    "a",
    "c:\\nul",
    "LPT³.x",
    "",
)


def is_taken_everywhere(name: str) -> bool:
    """Whether both systems take a name as one part of a path."""
    windows = PureWindowsPath(name)
    refused = set('<>:"/\\|?*') & set(name) or any(sign < " " for sign in name) or name.endswith((".", " "))
    return not refused and not windows.is_reserved() and windows.parts == PurePosixPath(name).parts == (name,)


@example("")
@given(TEXTS | st.sampled_from(HOSTILE))
def test_a_fitted_name_is_taken_everywhere_and_stays_as_it_is(text: str) -> None:
    name = fitted_name(text)
    assert name == fitted_name(name)
    assert is_taken_everywhere(name)
    assert len(name.encode()) <= LONGEST


@pytest.mark.parametrize("name", HOSTILE)
def test_names_from_the_users_words_are_taken_everywhere(name: str, tmp_path: Path) -> None:
    assert is_taken_everywhere(last_part(name))
    plan = StudyPlan(
        model="vae", budget="1epochs", seeds=[0], axes={"data.name": [name or "d", "digits", "Digits", "digits "]}
    )
    names = [run.folder.path.name for run in study_runs(plan, tmp_path)]
    assert all(map(is_taken_everywhere, names))
    assert len({each.casefold() for each in names}) == len(names)
    assert is_taken_everywhere(partial_path(tmp_path / "a.json").name)


def test_images_in_memory_are_kept_under_a_name_that_is_taken_everywhere(tiny_data: ImageData) -> None:
    for name in HOSTILE:
        named = kept(replace(tiny_data, name=name or "memory")).name
        assert is_taken_everywhere(named)


def test_every_text_file_is_opened_with_its_encoding() -> None:
    """Without it, the system's is taken: cp1252 on Windows."""
    touching = re.compile(rb"open\(|read_text|write_text|text=")
    sources = {path: content for path in SOURCES if touching.search(content := path.read_bytes())}
    calls = [(source, call) for source, content in sources.items() for call in ast.walk(ast.parse(content))]
    opened = [(source, call) for source, call in calls if isinstance(call, ast.Call) and is_text(call)]
    assert len(opened) > 5
    lacking = [f"{source.relative_to(ROOT)}:{call.lineno}" for source, call in opened if "encoding" not in named(call)]
    assert not lacking


def is_text(call: ast.Call) -> bool:
    """Whether a call opens a file, or pipes, as text."""
    function = call.func
    called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    of = ast.unparse(function.value) if isinstance(function, ast.Attribute) else ""
    modes = [str(each.value) for each in call.args if isinstance(each, ast.Constant)]
    if called == "NamedTemporaryFile":
        return any("b" not in mode for mode in modes)
    if called == "open" and of not in ("os", "Image", "RunFolder", "webbrowser"):  # these open no text
        return not any("b" in mode for mode in modes)
    return called in ("read_text", "write_text") or (called in ("Popen", "run") and "text" in named(call))


def named(call: ast.Call) -> set[str | None]:
    """The arguments of a call that are given by name."""
    return {keyword.arg for keyword in call.keywords}


def test_a_process_is_known_to_be_alive() -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert is_alive(os.getppid())
    assert is_alive(1)  # somebody else's
    assert not any(map(is_alive, (ended.pid, os.getpid(), 10**30)))
    untold = subprocess.Popen([sys.executable, "-c", ""])
    os.waitid(os.P_PID, untold.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and nobody has asked
    assert not is_alive(untold.pid)
    untold.wait()


def test_signals_that_a_system_lacks_are_left_out() -> None:
    assert signals("SIGINT", "SIGBREAK", "SIGHUP") == (signal.SIGINT, signal.SIGHUP)


def test_who_looks_at_a_lock_neither_takes_it_nor_sees_who_else_looks(tmp_path: Path) -> None:
    assert not is_locked(tmp_path)
    assert not list(tmp_path.iterdir())
    with locked_folder(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(ParibusError, match="Another process"), locked_folder(tmp_path, patience_seconds=0.01):
            raise AssertionError
    with (tmp_path / ".lock").open("rb") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH | fcntl.LOCK_NB)  # as somebody who looks at this moment
        assert not is_locked(tmp_path)


def test_a_lock_ends_with_its_process_and_waits_for_its_turn(tmp_path: Path) -> None:
    code = "import sys, time; from pathlib import Path; from paribus.base.cache import locked\n"
    code += "with locked(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    holder = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path / "x")], stdout=subprocess.PIPE, text=True, encoding="utf-8"
    )
    taken = threading.Event()

    def take() -> None:
        with locked(tmp_path / "x"):
            taken.set()

    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        thread = threading.Thread(target=take)
        thread.start()
        assert not taken.wait(0.3)
        holder.kill()
        assert taken.wait(30)
        thread.join()


def test_a_lock_file_keeps_its_content_and_is_no_link(tmp_path: Path) -> None:
    mine, folder = tmp_path / "mine", tmp_path / "run"
    mine.write_text("mine")
    folder.mkdir()
    (folder / ".lock").symlink_to(mine)
    with pytest.raises(ParibusError, match=r"through a link[\s\S]*\.lock"), locked_folder(folder):
        raise AssertionError
    (tmp_path / "x.lock").symlink_to(mine)
    with pytest.raises(ParibusError, match=r"could not be written[\s\S]*x\.lock"), locked(tmp_path / "x"):
        raise AssertionError
    assert mine.read_text() == "mine"


def test_the_caches_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PARIBUS_CACHE", "~/own")
    assert cache_folder() == tmp_path / "own"
    monkeypatch.delenv("PARIBUS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/shared")
    assert cache_folder() == Path("/shared/paribus")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == tmp_path / ".cache" / "paribus"
    monkeypatch.setenv("PARIBUS_CACHE", "~nobody-of-that-name/x")
    with pytest.raises(ParibusError, match="no folder for the cache"):
        cache_folder()


def like_windows(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What a command says whose Python, and whose children's, is like one on Windows."""
    apart = {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT / "tests" / "windows", ROOT / "src"))),
        "LIKE_WINDOWS": str(folder),
    }
    text = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C", "PYTHONIOENCODING": "cp1252"}
    return subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", *words],
        cwd=folder,
        env=os.environ | apart | text,
        capture_output=True,
        text=True,
        encoding="cp1252",
        timeout=600,
    )


IMPORT_ALL = """
import importlib, pkgutil, sys, paribus
for module in pkgutil.walk_packages(paribus.__path__, "paribus."):
    if module.name != "paribus.__main__":
        importlib.import_module(module.name)
import paribus.base.files, paribus.base.processes as processes
assert paribus.base.files.os.name == "nt" and not hasattr(processes.signal, "SIGHUP"), "this is not like Windows"
print(sum(name.startswith("paribus.") for name in sys.modules))
"""


@pytest.mark.slow
@pytest.mark.processes
def test_all_of_paribus_is_imported_where_posix_is_not(tmp_path: Path) -> None:
    done = like_windows(tmp_path.resolve(), "-c", IMPORT_ALL)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 250
    (tmp_path / "a").touch()
    for statement in (
        "open('a:b', 'w')",
        "open('NUL.txt', 'w')",
        "open('A', 'w')",
        "x = open('a'); __import__('os').remove('a')",
    ):
        assert "Error" in like_windows(tmp_path.resolve(), "-c", statement).stderr, statement  # it can fail


@pytest.mark.slow
@pytest.mark.processes
def test_what_is_trained_and_drawn_as_on_windows_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path.resolve()
    quick = (
        "--budget",
        "20updates",
        "-o",
        "backbone.width=8",
        "-o",
        "training.threads=1",
        "-o",
        "evaluation.samples=200",
    )
    quick += ("-o", "evaluation.encoder=pixels", "-o", "evaluation.metrics=[kid]", "--data", "digits")
    monkeypatch.setenv("PARIBUS_MEMMAP", "1")
    for place in ("here", "there"):
        monkeypatch.setenv("PARIBUS_CACHE", str(folder / f"cache-{place}"))
        (folder / place).mkdir()
        for words in (
            ("train", "vae", *quick, "--out", "run"),
            ("train", "vae", *quick, "--out", "run", "--resume"),
            ("sample", "run", "-n", "9", "--out", "samples.npz"),
            ("sample", "run", "-n", "9", "--out", "samples"),
            ("evaluate", "run"),
            ("compare", "--models", "gan,vae", "--seeds", "1", *quick, "--out", "study"),
            ("study", "status", "study"),
            ("study", "retry", "study"),
            ("report", "study", "--live", "--out", "page.html"),
            ("export", "run", "--to", "hub-folder", "--out", "exported"),
            ("doctor", "--clean-cache"),
        ):
            command = ("-m", "paribus", *words)
            if place == "there":
                done = like_windows(folder / place, *command)
            else:
                done = subprocess.run([sys.executable, *command], cwd=folder / place, capture_output=True, text=True)
            assert done.returncode == 0, (place, words, done.stdout, done.stderr)
    same = (
        "run/model.safetensors",
        "run/samples/final.png",
        "samples.npz",
        "samples/1.png",
        "study/runs/gan-seed0/model.safetensors",
        "exported/model.safetensors",
    )
    for name in same:
        assert (folder / "there" / name).read_bytes() == (folder / "here" / name).read_bytes(), name
