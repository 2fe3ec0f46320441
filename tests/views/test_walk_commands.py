"""Manifold, traversals, interpolation, classes and one class into another, as the command line gives them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from paribus.data import load_data
from paribus.models import load_model
from paribus.models.grids import save_grid
from paribus.views import walks
from paribus.views.drawing import GAP, MARGIN, TILE
from paribus.views.subject import Subject

CONDITIONAL = "objective.conditional=true"


def tile(picture: np.ndarray, left: int, top: int, row: int, column: int) -> np.ndarray:
    """The image (8, 8) at a place of a picture whose first tile begins at (left, top)."""
    y, x = top + row * (TILE + GAP), left + column * (TILE + GAP)
    return picture[y : y + TILE : 7, x : x + TILE : 7, 0]


def test_a_manifold_of_two_dimensions_is_decoded_from_quantiles(runs, paribus) -> None:
    run = runs("vae", "objective.latent_dim=2")
    said = paribus.json(run, "manifold", "-n", 10, "--out", "plane.png")
    assert "other" not in said["caption"][0]
    assert "vae on digits, trained with seed 0" in said["title"]
    model, order = load_model(run), [int(name[1]) - 1 for name in said["axes"]]
    z = torch.zeros(1, 2)
    z[0, order] = torch.tensor([said["places"][-1], said["places"][2]])  # top row, third column
    with Image.open("plane.png") as picture:
        left = picture.width - MARGIN - 10 * (TILE + GAP) + GAP  # beside the names of the rows
        assert np.array_equal(tile(np.asarray(picture), left, MARGIN + 20, 0, 2), model.decode(z)[0, 0].numpy())


@pytest.mark.parametrize(("model", "held"), [("vae", "at 0"), ("autoencoder", "at the mean"), ("gan", "at one draw")])
def test_of_more_dimensions_the_leading_two_are_shown_and_said(runs, paribus, model, held) -> None:
    said = paribus.json(runs(model), "manifold", "-n", 4)
    assert "the two leading ones of 4" in said["caption"][0] and f"2 dimensions are held {held}" in said["caption"][0]
    directions = torch.tensor(said["directions"])
    torch.testing.assert_close(directions.norm(dim=1), torch.ones(2))


def test_traversals_are_ordered_by_the_posteriors_kl(runs, paribus) -> None:
    run = runs("vae")
    said = paribus.json(run, "traverse", "--steps", 5, "-n", 3)
    model, test = load_model(run), load_data("digits").test
    nats = model.kl_by_dimension(test.images)
    total = model.likelihood_terms(test.images)["kl_nats"].mean()
    assert float(nats.sum()) == pytest.approx(float(total), rel=1e-4)
    expected = [f"z{j + 1}: {float(nats[j]):.2f} nats" for j in nats.argsort(descending=True)[:3].tolist()]
    assert said["axes"] == expected
    assert said["places"] == [-2.5, -1.25, 0, 1.25, 2.5]


@pytest.mark.parametrize("model", ["gan", "autoencoder", "infogan"])
def test_traversals_of_other_models_follow_principal_components(runs, paribus, model) -> None:
    said = paribus.json(runs(model), "traverse", "--steps", 3)
    shares = [float(name.split()[1].strip("%")) for name in said["axes"]]
    assert said["axes"][0].startswith("PC1") and shares == sorted(shares, reverse=True)
    assert sum(shares) <= 100.5 and max(said["mean_change"]) > 0


def test_a_traversal_from_a_file_passes_through_its_latent(runs, tmp_path) -> None:
    run, test = runs("vae"), load_data("digits").test
    save_grid(tmp_path / "digit.png", test.images[:1], columns=1)
    subject = Subject.of(run)
    z = subject.model.encode(test.images[:1])[0]
    view = walks.traverse(subject, dimensions=1, steps=2, image=tmp_path / "digit.png")
    j = int(view.numbers["axes"][0][1]) - 1
    moved = torch.stack([z, z])
    moved[:, j] = torch.tensor([-2.5, 2.5])
    assert torch.equal(view.drawing.images[0], subject.model.decode(moved))


def test_draws_are_joined_by_arcs_and_images_by_lines(runs, paribus, tmp_path) -> None:
    test = load_data("digits").test
    for k in (0, 1):
        save_grid(tmp_path / f"{k}.png", test.images[k : k + 1], columns=1)
    said = paribus.json(runs("vae"), "interpolate", "--rows", 2, "--steps", 5)
    assert said["path"] == "slerp" and np.shape(said["lengths"]) == (2, 5)
    assert said["lengths"][0] == pytest.approx(np.linspace(said["lengths"][0][0], said["lengths"][0][-1], 5), rel=1e-4)
    run = runs("vae")
    said = paribus.json(run, "interpolate", "0.png", "1.png", "--steps", 3, "--out", "between.png")
    assert said["path"] == "lerp"
    model = load_model(run)
    ends = model.encode(test.images[:2])
    middle = model.decode(ends.mean(0, keepdim=True))[0, 0].numpy()
    with Image.open("between.png") as picture:
        pixels = np.asarray(picture)
    left = (pixels.shape[1] - 5 * (TILE + GAP) + GAP) // 2
    assert np.array_equal(tile(pixels, left, MARGIN + 20, 0, 2), middle)
    assert np.array_equal(tile(pixels, left, MARGIN + 20, 0, 4), test.images[1, 0].numpy())


def test_a_gan_joins_files_by_inversion(runs, paribus, tmp_path) -> None:
    run = runs("gan")
    made = load_model(run).sample(2, seed=5)
    for k in (0, 1):
        save_grid(tmp_path / f"{k}.png", made[k : k + 1], columns=1)
    said = paribus.json(run, "interpolate", "0.png", "1.png", "--steps", 4)
    assert said["path"] == "slerp" and "latents by inversion" in said["caption"][0]
    assert paribus.json(runs("infogan"), "interpolate", "--rows", 1)["path"] == "lerp"


def test_classes_and_one_class_into_another(runs, paribus) -> None:
    run = runs("vae", CONDITIONAL)
    said = paribus.json(run, "classes", "-n", 3, "--out", "classes.png")
    assert said["classes"] == [str(k) for k in range(10)] and len(said["mean_change"]) == 3
    model = load_model(run)
    z = model.latents(3)
    paribus("latent", run, "turn", 3, "8", "--rows", 2, "--steps", 5, "--out", "turn.gif")
    with Image.open("turn.gif") as film:
        assert film.n_frames == 8 and film.info["duration"] == 160  # five there, three back
    view = walks.classes(Subject.of(run), count=3)
    assert torch.equal(view.drawing.images[7, 2], model.decode(z[2:3], torch.tensor([7]))[0])
    view = walks.turn(Subject.of(run), 3, 8, rows=2, steps=5)
    assert torch.equal(view.drawing.images[:, -1], model.decode(model.latents(2), torch.tensor([8, 8])))
    said = paribus.json(run, "interpolate", "--rows", 3)
    assert "the classes in turn" in said["caption"][0]
    assert "class 4" in paribus("latent", run, "manifold", "-n", 2, "--label", 4)


def test_an_animation_as_webp_keeps_every_pixel(runs, paribus) -> None:
    run = runs("vae")
    paribus("latent", run, "interpolate", "--rows", 2, "--steps", 3, "--out", "film.webp")
    view = walks.interpolate(Subject.of(run), rows=2, steps=3)
    with Image.open("film.webp") as film:
        assert film.n_frames == 4
        frame = np.asarray(film.convert("RGB"))
    first = view.drawing.images[1, 0, 0].numpy()
    left = (frame.shape[1] - 2 * TILE - GAP) // 2
    assert np.array_equal(tile(frame, left, MARGIN, 0, 1), first)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["classes"], "The model 'vae' is not conditional."),
        (["turn", "1", "2"], "The model 'vae' is not conditional."),
        (["manifold", "--out", "plane.jpg"], "A view cannot be written as '.jpg'."),
        (["manifold", "--label", "3"], "The model 'vae' is not conditional."),
        (["interpolate", "one.png"], "An interpolation has two ends."),
        (["interpolate", "one.png", "two.png"], "The image cannot be read."),
        (["traverse", "--image", "none.png"], "The image cannot be read."),
    ],
)
def test_mistakes_end_with_one_message(runs, paribus, arguments, message) -> None:
    error = paribus("latent", runs("vae"), *arguments, code=2)
    assert error.startswith(f"paribus: {message}"), error


def test_there_must_be_a_run_and_a_verb(runs, paribus) -> None:
    assert "There is no trained model here." in paribus("latent", "nowhere", "manifold", code=2)
    assert "No such command 'manifald'" in paribus("latent", runs("vae"), "manifald", code=2)
    assert "Missing argument" in paribus("latent", runs("vae"), "turn", code=2)


def test_a_plane_needs_two_dimensions(runs, paribus) -> None:
    error = paribus("latent", runs("vae", "objective.latent_dim=1"), "manifold", code=2)
    assert error.startswith("paribus: A plane needs two latent dimensions.")


def test_truncation_shows_what_the_middle_of_the_prior_lacks(runs, paribus) -> None:
    said = paribus.json(runs("vae"), "truncation", "-n", 300)
    assert said["n"] == 300 and said["bounds"][-1] is None
    assert len(said["frechet"]) == len(said["recall"]) == len(said["precision"]) == len(said["bounds"])
    assert said["frechet"][0] > said["frechet"][-1]  # samples that are all alike are far from the images
    uniform = runs("gan", "objective.noise=uniform")
    assert "Only a normal prior is truncated." in paribus("latent", uniform, "truncation", code=2)
