"""What can be said of images without labels: how bright they are, and to which side they lean."""

from __future__ import annotations

from torch import Tensor


def brightness(images: Tensor) -> Tensor:
    """Mean pixel (n,) of images uint8 (n, C, H, W): 0 for black, 1 for white."""
    return images.float().mean((1, 2, 3)) / 255


def asymmetry(images: Tensor) -> Tensor:
    """Mean pixel of the right half minus that of the left (n,), from -1 to 1; a middle column counts to neither."""
    half = images.shape[3] // 2
    return brightness(images[..., -half:]) - brightness(images[..., :half])


APPEARANCES = {"brightness": brightness, "asymmetry": asymmetry}
"""By name."""
