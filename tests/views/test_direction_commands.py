"""SeFa, GANSpace, InterFaceGAN and attribute vectors, as the command line gives them."""

from __future__ import annotations

import pytest
import torch

from paribus.data import load_data
from paribus.evaluation.encoding import choice
from paribus.latent.inversion import inverted_latents, prior_candidates
from paribus.latent.rarity import brightness
from paribus.models import load_model

LONGER = ("training.budget=300updates", "backbone.width=64")


@pytest.mark.parametrize("model", ["vae", "gan"])
def test_sefa_is_that_of_the_first_layers_weights(runs, paribus, model) -> None:
    run = runs(model)
    said = paribus.json(run, "directions", "-n", 3)
    linear = next(layer for layer in load_model(run).nets["G"].modules() if isinstance(layer, torch.nn.Linear))
    values = torch.linalg.svdvals(linear.weight.detach().double()).square()
    assert said["strengths"] == pytest.approx(values[:3].tolist(), rel=1e-4)
    moved = torch.tensor(said["directions"]) @ linear.weight.T
    assert moved.square().sum(1).tolist() == pytest.approx(values[:3].tolist(), rel=1e-4)


def test_ganspace_finds_shares_of_variance(runs, paribus) -> None:
    said = paribus.json(runs("gan"), "directions", "--method", "ganspace", "--out", "moves.gif")
    assert len(said["strengths"]) == 4 and sum(said["strengths"]) == pytest.approx(1, abs=1e-4)
    assert said["strengths"] == sorted(said["strengths"], reverse=True)


def test_a_conditional_model_moves_within_a_class(runs, paribus) -> None:
    said = paribus.json(runs("vae", "objective.conditional=true"), "directions", "--label", "6")
    assert ", class 6" in said["caption"][0]


def test_a_boundary_moves_samples_to_their_attribute(runs, paribus) -> None:
    run = runs("gan")
    said = paribus.json(
        run, "directions", "--method", "interfacegan", "--attribute", "brightness", "--hold", "asymmetry"
    )
    bright, leaning = said["attributes"]
    assert bright["name"] == "brightness" and bright["accuracy"] > 0.8 and bright["held_out"] == 1200
    assert bright["shares"] == sorted(bright["shares"]) and bright["shares"][-1] - bright["shares"][0] > 0.4
    assert "Held by projection: 'asymmetry'" in said["caption"][2]
    model, move = load_model(run), torch.tensor(said["direction"])
    z = model.latents(100, seed=3)
    dark, light = (brightness(model.decode(z + t * move)).mean() for t in (-3, 3))
    assert light > dark
    assert leaning["name"] == "asymmetry"


def test_an_attribute_vector_is_the_difference_of_encoded_means(runs, paribus) -> None:
    run = runs("vae", *LONGER)
    said = paribus.json(run, "attributes", "0", "--out", "zero.webp")
    model = load_model(run)
    train = load_data("digits").train
    z, zero = model.encode(train.images).double(), train.labels == 0
    expected = z[zero].mean(0) - z[~zero].mean(0)
    assert said["vector"] == pytest.approx(expected.tolist(), abs=1e-4)
    assert said["with"] == int(zero.sum()) and said["with"] + said["without"] == len(train)
    assert len(said["shares"]) == 7 and said["shares"][-1] > said["shares"][0]


def test_a_gans_attribute_vector_comes_by_inversion(runs, paribus) -> None:
    run = runs("gan")
    said = paribus.json(run, "attributes", "brightness", "-n", 2)
    assert "latents by inversion" in said["caption"][0] and said["with"] + said["without"] == 192
    model, train = load_model(run), load_data("digits").train
    images = train.images[choice(len(train), 192)]
    candidates = prior_candidates(model.latents, 192, 2, 0)
    z, _ = inverted_latents(model.generate, images, candidates, starts=2, steps=25)
    bright = brightness(images) > brightness(images).median()
    expected = z[bright].mean(0) - z[~bright].mean(0)
    assert said["vector"] == pytest.approx(expected.tolist(), abs=1e-3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["directions", "--method", "sefer"], "There is no method 'sefer'. Did you mean 'sefa'?"),
        (["directions", "--method", "interfacegan"], "An attribute goes with the method interfacegan."),
        (["directions", "--attribute", "3"], "An attribute goes with the method interfacegan."),
        (["directions", "--hold", "3"], "An attribute goes with the method interfacegan."),
        (["attributes", "brightnes"], "There is no attribute 'brightnes'. Did you mean 'brightness'?"),
        (["attributes", "11"], "There is no attribute '11'."),
    ],
)
def test_mistakes_end_with_one_message(runs, paribus, arguments, message) -> None:
    error = paribus("latent", runs("vae"), *arguments, code=2)
    assert error.startswith(f"paribus: {message}"), error
