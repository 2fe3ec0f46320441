"""Decoders in the page: sliders that move a latent of every model at once, from the runs' live.json."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from paribus.results.folder import LIVE_BYTES
from paribus.results.run import RunResult
from paribus.results.study import StudyResult
from paribus.results.words import no_room_words


@dataclass(frozen=True)
class Live:
    """The live part of a page.

    Args:
        panels: Run, style, and edge of the picture in pixels, in the order of `data`.
        left_out: Models that cannot be shown, and why, as a clause.
        axes: For each direction how much of the variance it has, in words.
        classes: Names for the chooser; empty where no model is conditional.
        data: What the script reads, as JSON that may stand inside an element.
    """

    panels: tuple[tuple[RunResult, int, int], ...]
    left_out: tuple[tuple[str, str], ...]
    axes: tuple[str, ...]
    classes: tuple[str, ...]
    data: str


def live(study: StudyResult) -> Live | None:
    """The live part of the page, or None where no run has any."""
    panels, left_out, contents, room = [], [], list[dict[str, Any]](), LIVE_BYTES
    for run in study.shown_live:
        assert run.folder is not None
        if not run.folder.live.is_file():
            continue
        content = json.loads(run.folder.live.read_text())
        size = len(content["program"]["weights"]) if "program" in content else 0
        why = content.get("left_out") or (no_room_words(size) if size > room else "")
        if why:
            left_out.append((run.model, why))
            continue
        room -= size
        contents.append(content | {"name": run.model})
        panels.append((run, study.models.index(run.model), content["image"]["size"]))
    if not panels and not left_out:
        return None
    return Live(
        tuple(panels),
        tuple(left_out),
        tuple(_axis_words(contents, k) for k in range(max((len(c["shares"]) for c in contents), default=0))),
        max((tuple(c["classes"]) for c in contents), key=len, default=()),
        json.dumps(contents, separators=(",", ":")).replace("<", "\\u003c"),
    )


def _axis_words(contents: list[dict[str, Any]], axis: int) -> str:
    """How much of the first layer's variance a direction has in each model: "vae 31.0%, gan 9.7%"."""
    shares = ((c["name"], c["shares"][axis]) for c in contents if axis < len(c["shares"]))
    return ", ".join(f"{name} {share}" for name, share in shares)
