"""YAML and JSON of anybody: whatever is wrong with it is one kind of error, in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from paribus.base.parsing import LONGEST, MOST_VALUES, from_json, from_yaml, text_of

BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{after}: &{after} [{','.join([f'*{name}'] * 10)}]\n" for name, after in zip("abcdef", "bcdefg", strict=True)
)


@pytest.mark.parametrize(("text", "reason"), [
    ("!!bool x", "KeyError"), ("!!timestamp x", "AttributeError"), ("!!int ''", "IndexError"),
    ("2001-99-99", "month must be"),
    ("9" * 5000, "4300 digits"), ("0x" + "f" * 2000, "more than 512 bits"), ("&a [*a]", "levels"),
    ("[" * 200 + "]" * 200, "levels"),
    (BOMB, f"{MOST_VALUES:,} values"), ("{[1]: 2}", "unhashable"),
    ("!!python/object:os.system x", "could not determine"), ("'", "end of stream"),
])  # fmt: skip
def test_what_yaml_fails_at_is_said(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as caught:
        from_yaml(text)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100_000, b"9" * 5000, b"[" * 60 + b"]" * 60])
def test_what_json_fails_at_is_said(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        from_json(content)
    assert type(caught.value) is ValueError


def test_a_file_by_hand_is_short_and_in_utf_8(tmp_path: Path) -> None:
    file = tmp_path / "study.yaml"
    for content, reason in ((b"\xff", "decode"), (b" " * (LONGEST + 1), "bytes")):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=reason):
            text_of(file)
    for place, reason in ((tmp_path, "directory"), (Path("/dev/zero"), "bytes"), (tmp_path / ("x" * 300), "too long")):
        with pytest.raises(ValueError, match=reason):
            text_of(place)
