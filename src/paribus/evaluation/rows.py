"""What is kept of each image while images pass by, in one tensor for all of them."""

from __future__ import annotations

import torch
from torch import Tensor


class Rows:
    """Rows that come in batches, joined.

    Their place is taken once, with the first batch. Small tensors kept between large ones that are freed would leave
    holes in which the C library finds no room for aligned memory, so that a process grew with the number of images.

    Args:
        n: How many rows there will be at most.
    """

    def __init__(self, n: int) -> None:
        self.n, self.count = n, 0
        self._kept = torch.empty(0)

    def add(self, rows: Tensor) -> None:
        """Adds rows (m, ...) of the same form and type as those before."""
        if not self.count:
            self._kept = rows.new_empty(self.n, *rows.shape[1:])
        self._kept[self.count : self.count + len(rows)] = rows
        self.count += len(rows)

    @property
    def joined(self) -> Tensor:
        """All rows so far."""
        return self._kept[: self.count]
