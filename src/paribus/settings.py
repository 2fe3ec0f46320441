"""What every part of a run's configuration is made of, and the shape of the images it is about.

This module imports nothing heavy: data, backbones, objectives and metrics share it and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """A frozen, validated group of named values; an unknown name is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


@dataclass(frozen=True)
class ImageShape:
    """Shape of every image of a run: square, with an optional number of classes.

    Args:
        channels: 1 (grey) or 3 (RGB).
        size: Height and width in pixels.
        classes: Number of classes the networks are conditioned on; 0 without conditioning.
    """

    channels: int
    size: int
    classes: int = 0

    @property
    def pixels(self) -> int:
        """Numbers in one image: channels x height x width."""
        return self.channels * self.size * self.size
