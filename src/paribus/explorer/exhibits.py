"""What the explorer shows: trained models with their snapshots and axes, each loaded or found once, when asked for."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.base.places import checked_path
from paribus.models import Model, load_model
from paribus.results.study_files import read_folder
from paribus.views.axes import Axes, activation_axes, leading_axes
from paribus.views.subject import Subject

SLIDERS = 8
"""Leading axes that can be moved along, at most."""
DRAWS = 1000
"""Latents that the middle of a fitted sampler is the mean of."""


class Exhibit:
    """One trained model; whoever computes with it holds `lock`, since finding axes puts hooks on its networks.

    Args:
        name: What it is called among the others.
        source: A run's folder, or a model on the Hub.
    """

    def __init__(self, name: str, source: str) -> None:
        self.name, self.source = name, source
        self.lock = threading.Lock()
        self._snapshots: dict[int, Model] = {}
        self._encoder_axes: Axes | None = None
        self._axes: dict[int | None, Axes] = {}

    @cached_property
    def subject(self) -> Subject:
        """The model, and its images where they are available."""
        return Subject.of(self.source)

    @cached_property
    def snapshots(self) -> list[int]:
        """Training images after which the model was kept on the way, ascending."""
        folder = self.subject.folder
        if folder is None:
            return []
        end = (folder.done or {}).get("images")  # a snapshot of the end is the model itself
        return [images for images in folder.snapshots() if images != end]

    @cached_property
    def middle(self) -> Tensor:
        """Where the middle of the drawn latents lies, (latent,)."""
        model = self.subject.model
        drawn = model.latents(DRAWS)
        return torch.zeros(drawn.shape[1]) if model.sampler is None and model.prior_is_normal else drawn.mean(0)

    @cached_property
    def without_images(self) -> str | None:
        """Why the training images are unavailable; None where they are."""
        try:
            self.subject.data  # noqa: B018  (loads them)
        except ParibusError as error:
            return f"{error.what} {error.got}"
        return None

    def model(self, snapshot: int | None = None) -> Model:
        """The model at the end, or after so many training images.

        Raises:
            ParibusError: It was not kept then.
        """
        if snapshot is None:
            return self.subject.model
        if snapshot not in self.snapshots or self.subject.folder is None:
            raise ParibusError(
                "The model was not kept at this moment.",
                where="snapshot",
                got=snapshot,
                expected=", ".join(str(images) for images in self.snapshots) or "no snapshot: there is none",
            )
        if snapshot not in self._snapshots:
            weights = self.subject.folder.snapshot(snapshot)
            self._snapshots[snapshot] = load_model(self.source, weights=weights)
        return self._snapshots[snapshot]

    def axes(self, label: int | None) -> Axes:
        """The leading axes: the encoder's, the same for every class, or else those of the first layer for one class."""
        found = self.known_axes(label)
        if found is None and self.subject.model.can_encode and not self.without_images:
            found = self._encoder_axes = leading_axes(self.subject, SLIDERS)
        elif found is None:
            found = self._axes[label] = activation_axes(self.subject, SLIDERS, self._class(label))
        return found

    def known_axes(self, label: int | None) -> Axes | None:
        """The same where they were found before: it takes seconds."""
        return self._encoder_axes or self._axes.get(label)

    def labels(self, label: int | None) -> Tensor | None:
        """The class (1,) that a conditional model is asked for, the first by default; None for any other model."""
        return self.subject.class_of(1, self._class(label)) if self.subject.model.image.classes else None

    def _class(self, label: int | None) -> int | str | None:
        """The name of a class, by its place."""
        names = self.subject.class_names
        return names[label] if label is not None and 0 <= label < len(names) else label


def exhibits(sources: Sequence[str]) -> list[Exhibit]:
    """The trained models of runs' and studies' folders, or of the Hub.

    Raises:
        ParibusError: One of them holds none.
    """
    found: dict[str, str] = {}
    for source in sources:
        of_source = (
            _of_study(Path(source)) if (checked_path(source, "RUN|DIR") / "study.yaml").is_file() else _of_run(source)
        )
        for name, folder in of_source.items():
            # runs of several folders may be of the same model and seed
            found[name if name not in found else f"{name} ({folder})"] = folder
    return [Exhibit(name, folder) for name, folder in found.items()]


def _of_run(source: str) -> dict[str, str]:
    config = load_model(source).config  # at once, so that a wrong folder is told before the page opens
    return {f"{config.model}, seed {config.seed}": source}


def _of_study(folder: Path) -> dict[str, str]:
    runs = [run for run in read_folder(folder).runs if run.folder and run.folder.has_weights]
    if not runs:
        raise ParibusError(
            "No run of this study has weights yet.",
            where=str(folder),
            fix="let it go on: 'paribus study status' says how far it is",
        )
    return {run.label: str(run.folder.path) for run in runs if run.folder}
