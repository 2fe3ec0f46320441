"""Which of a run's processes this is: torchrun starts several and says so in their environment."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """One process among those that share a run.

    Attributes:
        rank: 0 to count - 1, over all hosts; process 0 decides for all, and it alone writes.
        count: Processes of the run.
        local_rank: 0 to local_count - 1.
        local_count: Processes on this host.
    """

    rank: int = 0
    count: int = 1
    local_rank: int = 0
    local_count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is process 0, as it is where there is no other."""
        return self.rank == 0

    def share(self, n: int) -> tuple[int, int]:
        """Where this process's share of n things begins and ends."""
        return self.rank * n // self.count, (self.rank + 1) * n // self.count


_ALONE = Place()


def launcher(count: int) -> list[str]:
    """The words that stand for `paribus` where so many processes of one host are to share a run."""
    return ["paribus"] if count == 1 else ["torchrun", "--nproc_per_node", str(count), "-m", "paribus"]


def place() -> Place:
    """This process's place: alone, unless torchrun started it with others."""
    # not a context that is passed: the environment has it, it never changes, and it is asked deep inside losses
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return _ALONE
    return Place(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")))
