"""Three models on digits, and the explorer of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.explorer.serving import Site, serving

SHOWN = (
    ("gan", "training.snapshots=[1/2,1/1]"),
    ("vae", "objective.latent_dim=2", "training.snapshots=[1/4,1/2]", "evaluation.encoder=pixels"),
    ("conv-vae", "objective.conditional=true"),
)


@pytest.fixture(scope="session")
def folders(runs: Callable[..., Path]) -> list[Path]:
    """A GAN, a VAE of two dimensions and a conditional VAE: the explorer's models 0, 1 and 2."""
    return [runs(*model) for model in SHOWN]


@pytest.fixture(scope="session")
def site(folders: list[Path]) -> Iterator[Site]:
    """The explorer of these models."""
    with serving(*folders) as found:
        yield found
