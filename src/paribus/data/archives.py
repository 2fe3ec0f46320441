"""A zip file of images: unpacked once into the cache, and then read as a folder."""

from __future__ import annotations

import hashlib
import lzma
import struct
import zipfile
import zlib
from collections import Counter
from pathlib import Path

from paribus.base.cache import UNPACKED, cache_folder
from paribus.base.errors import ParibusError
from paribus.data.storage import entry_being_written

OTHER_ARCHIVES = frozenset({".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"})
"""What is not unpacked here."""
_UNREADABLE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    NotImplementedError,
    RuntimeError,
    ValueError,
    OSError,
    EOFError,
)
"""What zipfile and its decompressors raise for what is damaged, encrypted or packed in another way."""


def unpacked(path: Path) -> Path:
    """The folder under the cache that holds the content of a zip file; unpacked anew where the file changed.

    Raises:
        ParibusError: It is damaged or encrypted, or there is no room for its content.
    """
    status = path.stat()
    key = repr(("zip", str(path.resolve()), status.st_size, status.st_mtime_ns))
    entry = cache_folder() / "data" / hashlib.blake2b(key.encode(), digest_size=16).hexdigest()
    try:
        with (
            zipfile.ZipFile(path) as archive,
            entry_being_written(entry, lambda: _is_whole(archive, entry)) as folder,
        ):
            if folder is not None:
                (folder / UNPACKED).mkdir()
                archive.extractall(folder / UNPACKED)  # it keeps every member inside the folder
    except _UNREADABLE as error:
        raise ParibusError(
            "The zip file cannot be unpacked.",
            where=str(path),
            got=str(error) or type(error).__name__,
            expected=f"a whole, unencrypted zip file, and room for its content under {cache_folder()}",
            fix="unzip it, and give the folder",
        ) from None
    return entry / UNPACKED


def _is_whole(archive: zipfile.ZipFile, entry: Path) -> bool:
    """Whether every file of an archive lies in a folder as it was packed."""
    found: dict[int, int] = Counter()
    for path in (entry / UNPACKED).rglob("*"):
        if path.is_file():
            found[zlib.crc32(path.read_bytes())] += 1
    return found == Counter(member.CRC for member in _last_of_each_name(archive))


def _last_of_each_name(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """The members that are files, as unpacking leaves them: of one name the last."""
    return list({member.filename: member for member in archive.infolist() if not member.is_dir()}.values())
