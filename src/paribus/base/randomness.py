"""Counter-based randomness: every random number is a function of what it is for, not of what was drawn before."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def keyed_seed(*parts: int | str) -> int:
    """A 63-bit seed that depends on all of `parts`, the same in every process and on every machine."""
    digest = hashlib.blake2b(repr(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def generator(*parts: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A torch generator seeded with `keyed_seed(*parts)`."""
    import torch

    return torch.Generator(device=device).manual_seed(keyed_seed(*parts))
