"""Where decoded images lie: in memory, or in a memory map under the cache when they are too many."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from paribus.base.cache import locked
from paribus.config import ImageShape

SHARE_OF_MEMORY = 0.25
_BATCH_BYTES = 16 << 20


def installed_bytes() -> int:
    """Memory of this machine."""
    if os.name == "nt":
        import psutil

        return psutil.virtual_memory().total
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_bytes() -> int:
    """Memory that can be had without swapping, within the control group's limit where there is one."""
    if os.name == "nt":
        import psutil

        return psutil.virtual_memory().available
    amounts = [installed_bytes()]
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        amounts.append(1024 * int(next(line for line in lines if line.startswith("MemAvailable")).split()[1]))
    with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
        group = Path("/sys/fs/cgroup")
        amounts.append(int((group / "memory.max").read_bytes()) - int((group / "memory.current").read_bytes()))
    return max(0, min(amounts))


def belongs_on_disk(image_bytes: int) -> bool:
    """Whether so many bytes of pixels go into a memory map: PARIBUS_MEMMAP=1 or 0 decides, else the memory's size."""
    wish = os.environ.get("PARIBUS_MEMMAP", "")
    if wish in ("0", "1"):
        return wish == "1"
    return image_bytes > SHARE_OF_MEMORY * available_bytes()


class Store:
    """uint8 images (N, C, H, W), appended one chunk after the other, in memory or in an .npy file.

    Args:
        capacity: Most images that may come.
        image: Shape of each.
        path: The .npy file, or None for memory.
    """

    def __init__(self, capacity: int, image: ImageShape, path: Path | None = None) -> None:
        shape = (capacity, image.channels, image.size, image.size)
        self.path = path
        self.filled = 0
        self._array: np.ndarray
        if path is None or capacity == 0:  # an empty file cannot be mapped
            self._array = np.empty(shape, np.uint8)
        else:
            self._array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
            if hasattr(os, "posix_fallocate"):  # the room is taken now: a page without room would end the process
                with path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)

    def append(self, images: np.ndarray) -> None:
        """Adds images (B, C, H, W)."""
        self._array[self.filled : self.filled + len(images)] = images
        self.filled += len(images)

    @property
    def images(self) -> np.ndarray:
        """What was added so far."""
        return self._array[: self.filled]

    def gather_into(self, target: Store, indices: np.ndarray) -> None:
        """Copies images into another store, a bounded number of bytes at a time."""
        step = max(1, _BATCH_BYTES // max(1, self._array[:1].size))
        for start in range(0, len(indices), step):
            target.append(self.images[indices[start : start + step]])


@contextlib.contextmanager
def entry_being_written(entry: Path, is_whole: Callable[[], bool]) -> Iterator[Path | None]:
    """Holds the lock of a cache folder; gives a temporary folder to fill, or None where the entry is already whole.

    The temporary folder takes the entry's name when the block ends without an error, and is removed otherwise.

    Args:
        entry: The folder.
        is_whole: Whether it is as it was written; one that is not is replaced.
    """
    with locked(entry):
        if entry.is_dir():
            if is_whole():
                yield None
                return
            shutil.rmtree(entry)
        partial = entry.with_suffix(".partial")  # one of a killed process is overwritten: we hold the lock
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            yield partial
            partial.rename(entry)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
