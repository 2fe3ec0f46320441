"""Every objective, and data without labels, under the views that all of them have."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from paribus.base.registry import objectives
from paribus.config import ImageShape
from paribus.data import ImageData, Split
from paribus.models import Model, build_networks
from paribus.views.codes import clusters, correlation
from paribus.views.debias import debias
from paribus.views.directions import attribute_vectors, directions
from paribus.views.inversion import invert
from paribus.views.subject import Subject
from paribus.views.walks import interpolate, manifold, traverse
from tests.conftest import made_data, tiny_config


def subject(data: ImageData, *overrides: str, seed: int = 0) -> Subject:
    """An untrained model."""
    config = tiny_config("gan", *overrides)
    nets = build_networks(config, data.shape)
    model = Model(config, {role: nets[role] for role in config.objective.averaged}, data.shape, data.class_names)
    return Subject(model, lambda: data, seed)


@pytest.mark.parametrize("name", objectives.names())
def test_every_objective_has_them(name: str) -> None:
    given = subject(made_data(), f"objective.name={name}", "objective.latent_dim=4")
    views = [
        manifold(given, count=3),
        traverse(given, dimensions=2, steps=3),
        interpolate(given, rows=2, steps=3),
        directions(given, "sefa", count=2, steps=3),
        directions(given, "ganspace", count=2, steps=3),
        invert(given),
        correlation(given),
    ]
    for view in views:
        assert view.picture().height > 60 and f"on {given.model.config.data.name}, trained with seed 0" in view.title
        assert view.numbers and view.lines
    tiles = manifold(given, count=3).drawing.images
    assert tiles.shape == (3, 3, 1, 8, 8) and tiles.dtype == torch.uint8


def test_a_seed_decides_everything() -> None:
    views = [interpolate(subject(made_data(), seed=seed), rows=2, steps=3) for seed in (0, 0, 1)]
    first, same, other = (view.drawing.images for view in views)
    assert torch.equal(first, same) and not torch.equal(first, other)


@pytest.mark.parametrize("objective", ["vae", "gan"])
def test_data_without_labels(objective: str) -> None:
    def unlabelled(split: Split) -> Split:
        return Split(split.images, None)

    data = made_data(n=200)
    parts = {name: unlabelled(getattr(data, name)) for name in ("train", "validation", "test")}
    given = subject(replace(data, **parts, class_names=None), f"objective.name={objective}")
    assert given.model.data_shape == ImageShape(1, 8)
    [panel] = clusters(given).numbers["snapshots"]
    assert "neighbour_agreement" not in panel
    assert attribute_vectors(given, "brightness", count=2).numbers["with"] > 50
    assert debias(given, count=60).numbers["before"]["shares"]
