"""What the explorer's page asks for. Nothing of a visitor is kept here: each request says what it is about."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any

import torch
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response
from torch import Tensor

from paribus.base.randomness import generator
from paribus.base.version import __version__
from paribus.config import Settings
from paribus.explorer.exhibits import Exhibit
from paribus.explorer.memory import Memory, Space
from paribus.explorer.pictures import data_url, png, sent_image
from paribus.explorer.points import TILES, Between, Plane, Point, Seed, between, latent_of
from paribus.metrics.reconstruction import squared_errors

MOVES = torch.arange(-3.0, 4.0)
"""Places of a filmstrip, in deviations; a slider goes from the first to the last."""
ON_THE_WAY = 9
"""Pictures from one latent to another, both ends among them."""
CODES = 1000
"""Test images at most whose codes are on the map."""

router = APIRouter()
"""Its application shows a list of exhibits, named by their numbers."""
_memory = cache(Memory)


class Moment(Settings):
    """A class and a moment of a model, where no point is asked for."""

    label: int | None = None
    snapshot: int | None = None


# `async`, so that they need no thread of their own
async def _shown(request: Request) -> list[Exhibit]:
    exhibits: list[Exhibit] = request.app.state.shown
    return exhibits


Shown = Annotated[list[Exhibit], Depends(_shown)]


async def _exhibit(number: int, exhibits: Shown) -> Exhibit:
    if not 0 <= number < len(exhibits):
        raise HTTPException(404, f"There is no model {number}")
    return exhibits[number]


async def _content(request: Request) -> bytes:
    return await request.body()


Chosen = Annotated[Exhibit, Depends(_exhibit)]
Asked = Annotated[Moment, Query()]


@router.get("/models")
def names(exhibits: Shown) -> list[str]:
    """What the models are called."""
    return [exhibit.name for exhibit in exhibits]


@router.get("/models/{number}")
def about(exhibit: Chosen) -> dict[str, Any]:
    """What the page has to know of a model."""
    with exhibit.lock:
        model = exhibit.subject.model
        return {
            "name": exhibit.name,
            "size": model.image.size,
            "latent_dim": len(exhibit.middle),
            "classes": list(exhibit.subject.class_names) if model.image.classes else [],
            "encodes": model.can_encode,
            "largest_temperature": 1.5 if model.prior_is_normal else 1.0,
            "snapshots": exhibit.snapshots,
        }


@router.get("/models/{number}/axes")
def axes(exhibit: Chosen, label: int | None = None) -> dict[str, Any]:
    """What the sliders move along."""
    with exhibit.lock:
        found = exhibit.axes(label)
        return {
            "names": list(found.names),
            "order": found.order,
            "held": found.held,
            "moves": MOVES.tolist(),
            "without_images": exhibit.without_images if exhibit.subject.model.can_encode else None,
        }


@router.post("/models/{number}/picture")
def picture(exhibit: Chosen, point: Point) -> Response:
    """One image and, once the axes are found, where its latent lies on the map."""
    with exhibit.lock:
        z = latent_of(exhibit, point)
        headers = None
        if (known := exhibit.known_axes(point.label)) and len(known.directions) > 1:
            x, y = Plane.of(known).places(z).tolist()
            headers = {"Paribus-Place": f"{x:.4f} {y:.4f}"}
        return _answer(_decoded(exhibit, point, z[None]), headers=headers)


@router.post("/models/{number}/strips")
def strips(exhibit: Chosen, point: Point) -> Response:
    """For each axis a row of what its slider would show at `MOVES`, the others staying where they are."""
    with exhibit.lock:
        found, rows = exhibit.axes(point.label), []
        for k in range(len(found.directions)):
            others = [0.0 if j == k else move for j, move in enumerate(point.moves)]
            z = latent_of(exhibit, point.model_copy(update={"moves": others}))
            rows.append(z + (MOVES * found.deviations[k])[:, None] * found.directions[k])
        return _answer(_decoded(exhibit, point, torch.cat(rows)), len(MOVES))


@router.post("/models/{number}/stages")
def stages(exhibit: Chosen, point: Point) -> Response:
    """One latent as the model drew it at each of its snapshots and at the end."""
    with exhibit.lock:
        z, moments = latent_of(exhibit, point)[None], [*exhibit.snapshots, None]
        images = [_decoded(exhibit, Moment(label=point.label, snapshot=moment), z) for moment in moments]
        return _answer(torch.cat(images), len(moments))


@router.post("/models/{number}/way")
def way(exhibit: Chosen, ends: Between, asked: Asked) -> Response:
    """Images from one latent to another."""
    with exhibit.lock:
        return _answer(_decoded(exhibit, asked, between(exhibit, ends.first, ends.second, ON_THE_WAY)), ON_THE_WAY)


@router.post("/models/{number}/latent")
def latent(exhibit: Chosen, point: Point) -> dict[str, Any]:
    """A latent to be kept, in a form that `Model.decode` takes."""
    with exhibit.lock:
        labels = exhibit.labels(point.label)
        return {
            "model": exhibit.name,
            "run": exhibit.source,
            "snapshot": point.snapshot,
            "latent": [latent_of(exhibit, point).tolist()],
            "labels": None if labels is None else labels.tolist(),
            "paribus": __version__,
        }


@router.get("/models/{number}/map")
def tiles(exhibit: Chosen, asked: Asked) -> Response:
    """The map's places, decoded."""
    with exhibit.lock:
        z = Plane.of(exhibit.axes(asked.label)).tiles()
        return _answer(_decoded(exhibit, asked, z.flatten(0, 1)), TILES)


@router.get("/models/{number}/codes")
def codes(exhibit: Chosen) -> dict[str, Any]:
    """Where test images lie on the map."""
    with exhibit.lock:
        test = exhibit.subject.subset(exhibit.subject.data.test, CODES, 0)
        z = exhibit.subject.model.encode(test.images, test.labels)
        labels = None if test.labels is None else test.labels.tolist()
        places = Plane.of(exhibit.axes(None)).places(z).tolist()
        return {"places": places, "labels": labels, "classes": list(exhibit.subject.class_names)}


@router.post("/models/{number}/image")
def image(exhibit: Chosen, content: Annotated[bytes, Depends(_content)], asked: Asked) -> dict[str, Any]:
    """The latent of an image that a visitor sends: encoded, or found by inversion."""
    with exhibit.lock:
        model, labels = exhibit.model(asked.snapshot), exhibit.labels(asked.label)
        seen = sent_image(content, model.image)[None]
        z = exhibit.subject.latents(seen, labels, model)
        error = float(squared_errors(seen, model.decode(z, labels))[0])
        how = exhibit.subject.latents_words
        return {"latent": z[0].tolist(), "how": how, "mean_squared_error": error, "seen": data_url(seen[0])}


@router.post("/models/{number}/nearest")
def nearest(exhibit: Chosen, point: Point, space: Space = "pixels") -> dict[str, Any]:
    """The training images nearest to an image."""
    with exhibit.lock:
        z = latent_of(exhibit, point)[None]
        return _memory(exhibit, space).nearest(_decoded(exhibit, point, z)[0])


@router.get("/models/{number}/round")
def game(exhibit: Chosen, seed: Seed, count: Annotated[int, Query(ge=1, le=50)] = 10) -> list[dict[str, Any]]:
    """Real or fake: pictures, each a test image or a sample by the toss of a coin; the same seed gives the same ones.

    Test images were not seen by the model. A conditional one is asked for the classes that they have, as often as they
    have them.
    """
    with exhibit.lock:
        model, test = exhibit.subject.model, exhibit.subject.data.test
        random = generator("real or fake", seed)
        chosen = torch.randint(len(test), (count,), generator=random)
        is_real = torch.rand(count, generator=random) < 0.5
        labels = None
        if model.image.classes and test.labels is not None:
            labels = test.labels[torch.randint(len(test), (count,), generator=random)]
        samples = model.decode(model.latents(count, int(torch.randint(1 << 53, (), generator=random)), labels), labels)
        return [
            {"image": data_url(test.images[chosen[k]] if is_real[k] else samples[k]), "real": bool(is_real[k])}
            for k in range(count)
        ]


def _decoded(exhibit: Exhibit, asked: Point | Moment, z: Tensor) -> Tensor:
    """Images (n, C, H, W) of latents (n, latent), by the model at the moment and for the class that are asked for."""
    labels = exhibit.labels(asked.label)
    return exhibit.model(asked.snapshot).decode(z, None if labels is None else labels.expand(len(z)))


def _answer(images: Tensor, columns: int = 1, headers: dict[str, str] | None = None) -> Response:
    return Response(png(images, columns), media_type="image/png", headers=headers)
