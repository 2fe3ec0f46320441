"""What the user means by a name: something that lies here, or something on the Hugging Face Hub."""

from __future__ import annotations

import re
from pathlib import Path

from paribus.base.names import fitted_name

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
    """What a place or an id is called by itself: its last part; of `.` and `..` that of the folder they stand for.

    It is a plain name: what no folder may be called is replaced.
    """
    path = Path(name).expanduser()
    return fitted_name((path if path.name not in ("", "..") else path.resolve()).name or "data")
