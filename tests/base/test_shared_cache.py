"""One cache for several users: it works, or is refused in words, and what another one wrote is read with its digest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from paribus.base.cache import CACHE_PARTS, check_cache, locked
from paribus.base.errors import NotWritten, ParibusError
from paribus.metrics.estimates import Estimate
from paribus.metrics.reference import cached_scores, cached_weights, weights_path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="becomes other users")
MINE, THEIRS, GROUP = 61_001, 61_002, 61_000
KEY = ("weights", 1)


def as_user(user: int, umask: int, work: Callable[[], object]) -> str:
    """What `work` returns, or the error in words that it raises, in a process of another user."""
    here, there = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(GROUP)
            os.setuid(user)
            os.umask(umask)
            try:
                said = repr(work())
            except ParibusError as error:
                said = f"refused: {error}"
            os.write(there, said.encode())
        except BaseException as error:
            os.write(there, f"FAULT {error!r}".encode())
        finally:
            os._exit(0)
    os.close(there)
    with os.fdopen(here) as answer:
        said = answer.read()
    os.waitpid(child, 0)
    return said


def weights(number: float, cache: Path) -> float:
    return float(cached_weights(lambda: {"a": torch.full((1,), number)}, KEY, cache)["a"])


@pytest.fixture
def open_path(tmp_path: Path) -> Path:
    """A folder that every user reaches."""
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o711)
    return tmp_path


@needs_root
@pytest.mark.parametrize("mode", [0o2770, 0o2775, 0o770, 0o1777, 0o777, 0o3770])
@pytest.mark.parametrize("umask", [0o022, 0o077, 0o002])
def test_what_one_user_wrote_another_reads(mode: int, umask: int, open_path: Path) -> None:
    cache = open_path / "cache"
    cache.mkdir()
    os.chown(cache, MINE, GROUP)
    cache.chmod(mode)
    assert as_user(MINE, umask, lambda: weights(1.0, cache)) == "1.0"
    is_kept_from_others = umask == 0o077
    said = as_user(THEIRS, 0o022, lambda: weights(2.0, cache))
    if is_kept_from_others and mode & 0o1000:  # neither read nor replaced
        assert said.startswith("refused: A file could not be written")
    else:
        assert said == ("2.0" if is_kept_from_others else "1.0")
    other = ("weights", 2)
    assert as_user(THEIRS, 0o022, lambda: sorted(cached_weights(lambda: {"b": torch.ones(1)}, other, cache))) == "['b']"


@needs_root
@pytest.mark.parametrize("mode", [0o755, 0o700])
def test_a_cache_that_only_another_user_writes_to_is_refused_in_words(
    mode: int, open_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_path / "cache"
    cache.mkdir()
    os.chown(cache, MINE, GROUP)
    cache.chmod(mode)
    monkeypatch.setenv("PARIBUS_CACHE", str(cache))
    assert as_user(MINE, 0o022, lambda: weights(1.0, cache)) == "1.0"
    said = as_user(THEIRS, 0o022, check_cache)
    assert said.startswith("refused: The cache cannot be written to.") and "PARIBUS_CACHE" in said
    said = as_user(THEIRS, 0o022, lambda: weights(2.0, cache))
    assert said.startswith("refused:") if mode == 0o700 else said == "1.0"


@needs_root
@pytest.mark.parametrize("part", CACHE_PARTS)
def test_a_part_that_another_user_keeps_is_found_before_any_work(
    part: str, open_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = open_path / "cache"
    (cache / part).mkdir(parents=True)
    cache.chmod(0o777)
    monkeypatch.setenv("PARIBUS_CACHE", str(cache))
    said = as_user(THEIRS, 0o022, check_cache)
    assert said.startswith("refused: The cache cannot be written to.") and str(cache / part) in said


@pytest.mark.parametrize("content", [b"", b"{}", b'{"a": [9.0, 0.0]}', b"\x80\x04."])
def test_what_has_no_digest_is_not_read(content: bytes, tmp_path: Path) -> None:
    """As a pickle, or as the very file that Paribus would write but for the digest."""
    scores, made = tmp_path / "reference" / "key.json", weights_path(KEY, tmp_path)
    for path in (scores, made):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    assert cached_scores(lambda: {"a": Estimate(1.0, 0.0)}, "key", tmp_path) == {"a": Estimate(1.0, 0.0)}
    assert weights(1.0, tmp_path) == 1.0
    told = json.loads(scores.read_text())
    for path in (scores, made):
        path.unlink()
        os.mkfifo(path)  # nobody is at its other end
    assert cached_scores(lambda: {"a": Estimate(1.0, 0.0)}, "key", tmp_path) == {"a": Estimate(1.0, 0.0)}
    assert weights(1.0, tmp_path) == 1.0
    scores.write_text(json.dumps(told | {"a": [9.0, 0.0]}))
    assert cached_scores(lambda: {"a": Estimate(1.0, 0.0)}, "key", tmp_path) == {"a": Estimate(1.0, 0.0)}


def test_a_cache_in_the_place_of_a_file_is_refused_in_words(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("mine")
    with pytest.raises(NotWritten), locked(tmp_path / "cache" / "reference" / "key"):
        pass
