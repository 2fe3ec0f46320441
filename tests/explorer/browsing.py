"""The explorer's page as its tests see it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from paribus.models import load_model
from paribus.views.axes import leading_axes
from paribus.views.subject import Subject

GAN, PLANE, CONDITIONAL = 0, 1, 2


class Explorer:
    """The page, with what its tests look at."""

    def __init__(self, page: Any, folders: list[Path]) -> None:
        self.page, self.folders = page, folders
        self.wrong: list[str] = []

    def show(self, first: int, second: int | None = None) -> None:
        """Chooses the models and waits until their sliders are there."""
        self.page.select_option("#first", str(first))
        self.page.select_option("#second", "none" if second is None else str(second))
        names = [name for name in (first, second) if name is not None]
        self.page.wait_for_function(
            "count => !document.querySelector('.moves').inert && document.querySelectorAll('.side').length === count",
            arg=len(names),
        )
        self.page.wait_for_load_state("networkidle")

    def pixels(self, side: int = 0) -> np.ndarray:
        """What a side's picture shows, uint8 (H, W)."""
        found = (
            self.page.locator(".picture")
            .nth(side)
            .evaluate(
                """one => { const copy = new OffscreenCanvas(one.width, one.height);
                const pen = copy.getContext("2d", {willReadFrequently: true});
                pen.drawImage(one, 0, 0);
                const image = pen.getImageData(0, 0, one.width, one.height);
                return {shape: [one.height, one.width, 4], data: [...image.data]}; }"""
            )
        )
        colours = np.array(found["data"], np.uint8).reshape(found["shape"])
        assert (colours[..., 3] == 255).all() and (colours[..., 0] == colours[..., 1]).all()
        return colours[..., 0]

    def shows(self, expected: np.ndarray, side: int = 0) -> None:
        """Waits until a side's picture is the expected one, pixel by pixel."""
        end = time.monotonic() + 20
        while not np.array_equal(self.pixels(side), expected):
            assert time.monotonic() < end, self.page.locator(".side").nth(side).inner_text()
            self.page.wait_for_timeout(50)

    def decoded(self, number: int, z: Tensor, label: int | None = None) -> np.ndarray:
        labels = None if label is None else torch.tensor([label])
        return load_model(self.folders[number]).decode(z[None], labels)[0, 0].numpy()

    def drawn(self, number: int, seed: int = 0) -> Tensor:
        return load_model(self.folders[number]).latents(1, seed)[0]

    def moved(self, number: int, z: Tensor, axis: int, places: float) -> Tensor:
        axes = leading_axes(Subject.of(self.folders[number]), 8)
        return z + places * axes.deviations[axis] * axes.directions[axis]

    def saved(self, words: str, side: int = 0) -> bytes:
        """What a button saves."""
        with self.page.expect_download() as started:
            self.page.get_by_role("button", name=words).nth(side).click()
        return Path(started.value.path()).read_bytes()

    def held(self, request: str, action: Callable[[], object]) -> Any:
        """A request that an action leads to, below /api/models, held back until it is let go on."""
        waiting: list[Any] = []
        address = f"**/api/models/{request}"
        self.page.route(address, lambda route: waiting.append(route), times=1)
        with self.page.expect_request(address):
            action()
        while not waiting:
            self.page.wait_for_timeout(10)
        return waiting[0]

    def drop(self, name: str, kind: str, content: bytes, zeros: int = 0) -> None:
        """A file that is dragged onto the page and let go; it ends with as many zeros as are asked for."""
        transfer = self.page.evaluate_handle(
            """([name, kind, content, zeros]) => { const transfer = new DataTransfer();
            const parts = [new Uint8Array(content), new Uint8Array(zeros)];
            transfer.items.add(new File(parts, name, {type: kind}));
            return transfer; }""",
            [name, kind, list(content), zeros],
        )
        self.page.dispatch_event("main", "dragover", {"dataTransfer": transfer})
        self.page.dispatch_event("main", "drop", {"dataTransfer": transfer})
