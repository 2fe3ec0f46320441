"""What the user means by a name: something that lies here, or something on the Hugging Face Hub; and what a file may be
called on every system.
"""

from __future__ import annotations

import re
from pathlib import Path

_HUB_ID = re.compile(r"^[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*$")
_EXTENSION = re.compile(
    r"\.(zip|tar|t?gz|parquet|np[yz]|pth?|safetensors|png|jpe?g|webp|bmp|gif|tiff?)$", re.IGNORECASE
)


def is_hub_id(name: str) -> bool:
    """Whether a name may be the id of a repository on the Hub, and reads like nothing else."""
    return bool(_HUB_ID.match(name)) and not looks_like_path(name)


def looks_like_path(name: str) -> bool:
    r"""Whether a name can only be meant as a place here, even if nothing is there.

    It begins with ., / or ~, has more than one / or any \, or ends as a folder or a file of images does.
    """
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith("/") or "\\" in name:
        return True
    return bool(_EXTENSION.search(name))


def last_part(name: str) -> str:
    """What a place or an id is called by itself, as the name of a folder: its last part; of `.` and `..` that of the
    folder they stand for.
    """
    path = Path(name).expanduser()
    return portable_name((path if path.name not in ("", "..") else path.resolve()).name) or "data"


_REFUSED = re.compile(r'[<>:"/\\|?*\x00-\x1f]+')
_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(?=\.|$)", re.IGNORECASE)


def portable_name(text: str) -> str:
    """A text as the name of a file or folder that Linux, macOS and Windows take; empty where nothing is left.

    Signs that one of them refuses become a dash, dots and spaces at the end go, and names of Windows' devices (CON,
    NUL) get a dash. Names that differ in nothing but case are one name to Windows and macOS: whoever needs two of them
    adds a hash or a number.
    """
    name = _REFUSED.sub("-", text).rstrip(". ")
    return name[: found.end()] + "-" + name[found.end() :] if (found := _RESERVED.match(name)) else name
