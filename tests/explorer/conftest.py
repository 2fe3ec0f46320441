"""Three models on digits, and the explorer of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.explorer.browsing import Explorer
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


@pytest.fixture(params=[1280, 390])
def explorer(browser: Any, site: Site, folders: list[Path], request: pytest.FixtureRequest) -> Iterator[Explorer]:
    """The page at desktop's and phone's width; at the end no error and no request to elsewhere may have been seen."""
    page = browser.new_page(viewport={"width": request.param, "height": 844})
    opened = Explorer(page, folders)
    page.on("console", lambda m: opened.wrong.append(m.text) if m.type in {"error", "warning"} else None)
    page.on("pageerror", lambda error: opened.wrong.append(str(error)))
    own = (f"{site.address}/", "data:", f"blob:{site.address}/")
    page.on("request", lambda asked: None if asked.url.startswith(own) else opened.wrong.append(asked.url))
    page.goto(site.first)
    yield opened
    page.close()
    assert opened.wrong == []
