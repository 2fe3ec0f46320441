"""What a report's page needs to decode latents by itself: a decoder as a program, directions to move along, draws."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from paribus.base.files import write_json
from paribus.base.outputs import refuse_links
from paribus.exports.networks import DecoderModule
from paribus.exports.program import Program, UnknownOperation, program_of
from paribus.models import Model
from paribus.results.folder import LIVE_BYTES
from paribus.results.study_files import read_folder
from paribus.results.words import no_room_words
from paribus.views.axes import activation_axes
from paribus.views.subject import Subject

AXES = 8
SEEDS = 100
"""Draws that the page holds, of the seeds from 0."""
CHECKED = 8
"""Draws that 16-bit weights are tried on."""
LARGEST_DIFFERENCE = 2 / 255
"""Of a pixel, between 16-bit weights and the model's own."""


def write_live(folder: Path) -> None:
    """Writes live.json into the folder of each run that the report of a study or a run shows live.

    Raises:
        ParibusError: The folder holds neither a study nor a run, or a link leads out of it.
    """
    refuse_links(folder)
    for run in read_folder(folder).shown_live:
        assert run.folder is not None
        write_json(run.folder.live, live_content(Subject.of(run.folder.path)))


def live_content(subject: Subject) -> dict[str, Any]:
    """The content of live.json; only `left_out`, a clause that says why, where the page cannot decode."""
    model = subject.model
    if model.image.classes:  # a fitted sampler's draws depend on the class, which the reader chooses
        model = model.with_prior()
    draws = torch.cat([model.latents(1, seed) for seed in range(SEEDS)])
    try:
        program = _checked_program(model, draws)
    except UnknownOperation as error:
        return {"left_out": f"its decoder needs the operation '{error}', which this page does not have"}
    if program is None:
        return {"left_out": "16-bit weights change its pictures"}
    axes = activation_axes(subject, AXES)
    assert axes.shares is not None  # they are principal components
    as_json = program.as_json()
    size = len(as_json["weights"])
    content = {
        "program": as_json,
        "image": {"channels": model.image.channels, "size": model.image.size},
        "classes": list(subject.class_names) if model.image.classes else [],
        "shares": [f"{share:.1%}" for share in axes.shares.tolist()],  # of the variance
        "moves": _base64(axes.directions * axes.deviations[:, None]),  # one deviation along each
        "draws": _base64(draws),
    }
    return content if size <= LIVE_BYTES else {"left_out": no_room_words(size)}


def _checked_program(model: Model, draws: Tensor) -> Program | None:
    """The decoder's program; None where rounding its weights moves a pixel too far."""
    decoder, classes = DecoderModule(model), model.image.classes
    for k, z in reversed(list(enumerate(draws[:CHECKED, None]))):
        inputs = [z, one_hot(torch.tensor([k % classes]), classes).float()] if classes else [z]
        program = program_of(decoder, inputs)
        with torch.no_grad():
            difference = (program.example - decoder(*inputs)).abs().max()
        if not difference <= LARGEST_DIFFERENCE:  # also where it is not a number
            return None
    return program


def _base64(rows: Tensor) -> str:
    """Rows as 32-bit numbers, one after the other."""
    return base64.b64encode(rows.float().contiguous().numpy().tobytes()).decode()
