"""Names from files that anybody may have made: what may become a part of a path, and what may be shown."""

from __future__ import annotations

import re

_CONTROL = "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and new line, DEL, C1
_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_LINES = "\u2028\u2029"
_SURROGATES = "\ud800-\udfff"  # of names that are no UTF-8; they cannot be printed
_UNSHOWN = re.compile(f"[{_CONTROL}{_BIDIRECTIONAL}{_LINES}{_SURROGATES}]")
_UNSHOWN_IN_A_LINE = re.compile(f"[\t\n{_CONTROL}{_BIDIRECTIONAL}{_LINES}{_SURROGATES}]")
# separators, and what Windows has no names with
_UNFIT = re.compile(rf'[/\\<>:"|?*\t\n{_CONTROL}{_BIDIRECTIONAL}{_LINES}{_SURROGATES}]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\..*)?", re.IGNORECASE | re.DOTALL)
LONGEST = 120
"""Bytes of a name that becomes a part of a path: there is room for what is put to it in the 255 that systems allow."""
PLAIN = (
    f'one plain name of a folder: at most {LONGEST} bytes, no / \\ < > : " | ? * or control character, no dot or space '
    "at either end, and none that Windows keeps for itself"
)


def printable(text: str, *, line: bool = False) -> str:
    r"""The text with what would act on a terminal, or turn its order about, written as escapes such as \x1b.

    Args:
        text: Whatever it is from.
        line: Whether new lines and tabs are written so, too.
    """
    unshown = _UNSHOWN_IN_A_LINE if line else _UNSHOWN
    return unshown.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def is_utf8(text: str) -> bool:
    """Whether a text can be written down: names of files that are no UTF-8 come as what cannot."""
    return re.search(f"[{_SURROGATES}]", text) is None


def plain_name(text: str) -> str:
    """A name, if it is one plain component of a path on every system.

    Raises:
        ValueError: It is not.
    """
    if text != fitted_name(text):
        raise ValueError(PLAIN)
    return text


def fitted_name(text: str, room: int = 0) -> str:
    """The name with "-" in the place of all that `plain_name` refuses; a name that it takes stays as it is.

    Args:
        text: Whatever it is from.
        room: Bytes that are left for what is put to it.
    """

    def cut(name: str) -> str:
        return name.encode()[: LONGEST - room].decode(errors="ignore").strip(". ")

    fitted = cut(_UNFIT.sub("-", text))
    return cut(f"name-{fitted}") if _RESERVED.fullmatch(fitted) else fitted or "unnamed"
