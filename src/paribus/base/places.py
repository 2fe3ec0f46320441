"""What the user means by a name: something that lies here, or something on the Hugging Face Hub; and what a file may be
called on every system.
"""

from __future__ import annotations

import re
from pathlib import Path

from paribus.base.errors import ParibusError, check_kind, shown
from paribus.base.names import fitted_name, is_utf8, printable

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


def checked_path(name: str | Path, where: str) -> Path:
    """A name as a path, ~ replaced, whether or not anything is there.

    Args:
        name: As a user gave it.
        where: The option or setting that it was given as.

    Raises:
        ParibusError: Nothing can have this name (it is too long, a loop of links, or holds what no name may), it is
            not UTF-8, or it may not be looked at.
    """
    check_kind(name, (str, Path), where, "a text or a path")
    if not is_utf8(str(Path(name).absolute())):
        raise ParibusError(
            "This name is no text in UTF-8, which records are written in.",
            where=where,
            got=printable(str(Path(name).absolute())),
            expected="a name in UTF-8",
            fix="rename it, or what it lies in",
        )
    try:
        path = Path(name).expanduser()
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return path
    except (OSError, ValueError, RuntimeError) as error:
        raise ParibusError(
            "This cannot be a file or a folder here.",
            where=where,
            got=f"{shown(str(name))}: {error.strerror if isinstance(error, OSError) else error}",
            expected="the path of something that can be read, or made",
            fix="check the spelling, and the rights of the folders above it",
        ) from None
    return path


def last_part(name: str) -> str:
    """What a place or an id is called by itself: its last part; of `.` and `..` that of the folder they stand for.

    It is a plain name: what no folder may be called is replaced.
    """
    path = Path(name).expanduser()
    return fitted_name((path if path.name not in ("", "..") else path.resolve()).name or "data")
