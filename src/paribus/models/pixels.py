"""Images as bytes, as they are stored and scored, and as the numbers that networks see."""

from __future__ import annotations

import torch
from torch import Tensor


def to_float(images: Tensor) -> Tensor:
    """Bytes to [-1, 1]."""
    return images.float() / 127.5 - 1


def to_bytes(images: Tensor) -> Tensor:
    """[-1, 1] to bytes, rounded."""
    return ((images.float() + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)
