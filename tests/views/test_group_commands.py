"""Disentanglement and debiasing, as the command line gives them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from paribus.data.shapes import shape_factors, shape_images
from paribus.latent.disentanglement import shared_information
from paribus.models import load_model
from paribus.views import debias as views
from paribus.views.subject import Subject


def test_scores_of_a_model_of_shapes(runs, paribus) -> None:
    run = runs("vae", data="shapes")
    said = paribus.json(run, "disentangle")
    assert set(said["scores"]) == {"MIG", "SAP", "beta-VAE score"} == set(said["chance"])
    assert said["scores"]["beta-VAE score"] > 0.4 > said["chance"]["beta-VAE score"] and said["chance"]["MIG"] < 0.01
    table = shape_factors()
    images = torch.from_numpy(shape_images(table)).permute(0, 3, 1, 2)
    expected = shared_information(load_model(run).encode(images), torch.from_numpy(table))
    assert np.array(said["information"]) == pytest.approx(expected.numpy(), abs=1e-3)


def test_rare_latents_are_drawn_more_often(runs, paribus) -> None:
    said = paribus.json(runs("vae"), "debias", "-n", 200)
    for shares in (said["images"]["shares"], said["before"]["shares"], said["after"]["shares"]):
        assert [len(shares[kind]) for kind in ("content", "brightness", "asymmetry")] == [10, 5, 5]
        assert all(sum(values) == pytest.approx(1) for values in shares.values())
    assert 0 < said["rare_share_of_images"] <= 0.1 and said["effective_images"] < 1294
    assert 0 <= said["before"]["rare_coverage"] <= 1


def test_a_perfect_decoder_shows_the_groups_as_they_are(runs, monkeypatch) -> None:
    # a decoder that gives back the very images: shares of even draws are those of the images, of rare ones more
    subject = Subject.of(runs("vae"))
    train = subject.data.train
    rows = torch.arange(len(train)).float()[:, None]
    spread = train.images.flatten(1)[:, 30:33].float() + rows / 1e6
    latents = torch.cat([rows, spread], 1)
    monkeypatch.setattr(Subject, "subset", lambda *_: train)
    monkeypatch.setattr(Subject, "latents", lambda *_: latents)
    monkeypatch.setattr(Subject, "decode", lambda self, z, labels: train.images[z[:, 0].long()])
    numbers = views.debias(subject, count=2000).numbers
    for kind, shares in numbers["images"]["shares"].items():
        assert numbers["before"]["shares"][kind] == pytest.approx(shares, abs=0.05)
    assert numbers["before"]["rare_share"] == pytest.approx(numbers["rare_share_of_images"], abs=0.03)
    assert numbers["before"]["rare_coverage"] > 0.97


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["disentangle"], "Disentanglement is measured on images whose factors are known."),
        (["debias", "--out", "a.webp"], "Nothing moves here."),
    ],
)
def test_mistakes_end_with_one_message(runs, paribus, arguments, message) -> None:
    assert f"paribus: {message}" in paribus("latent", runs("vae"), *arguments, code=2)
