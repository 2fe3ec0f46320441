"""What the user means by a name."""

from __future__ import annotations

from pathlib import Path

import pytest

from paribus.base.places import last_part


def test_what_is_called_by_its_last_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faces" / "small").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "faces")
    named = {"digits": "digits", "a/b/": "b", "org/name": "name", "faces.zip": "faces.zip", "/": "data"}
    named |= {".": "faces", "./": "faces", "small/..": "faces", "..": tmp_path.name}
    assert {name: last_part(name) for name in named} == named
