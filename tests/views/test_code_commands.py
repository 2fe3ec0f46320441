"""Correlations, clusters over training, and inversion, as the command line gives them."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from PIL import Image

from paribus.base.files import read_yaml, write_yaml
from paribus.data import load_data
from paribus.models import load_model
from paribus.models.grids import save_grid

SNAPSHOTS = "training.snapshots=[640img,1280img,2560img]"


def test_correlations_of_posterior_means(runs, paribus) -> None:
    run = runs("vae")
    said = paribus.json(run, "correlation")
    z = load_model(run).encode(load_data("digits").test.images).double().numpy()
    expected = np.corrcoef(z.T)
    assert np.array(said["correlations"]) == pytest.approx(expected, abs=1e-5)
    assert said["total_correlation_nats"] == pytest.approx(-0.5 * np.log(np.linalg.det(expected)), abs=1e-5)
    assert said["images"] == len(z) and 0 < said["shuffled_total_correlation_nats"] < 0.1


def test_a_gans_correlations_come_by_inversion(runs, paribus) -> None:
    said = paribus.json(runs("gan"), "correlation")
    assert "latents by inversion" in said["caption"][0] and said["images"] == 192


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_clusters_at_each_snapshot(runs, paribus, method) -> None:
    run = runs("vae", SNAPSHOTS)
    said = paribus.json(run, "clusters", "--method", method, "-n", 100, "--out", "clusters.gif")
    train = len(load_data("digits").train)
    assert [entry["images"] for entry in said["snapshots"]] == [640, 1280, 2560]
    assert said["snapshots"][0]["epochs"] == pytest.approx(640 / train)
    assert all(np.shape(entry["places"]) == (100, 2) for entry in said["snapshots"])
    assert all(0.05 < entry["neighbour_agreement"] <= 1 for entry in said["snapshots"])
    with Image.open("clusters.gif") as film:
        assert film.n_frames == 3


def test_without_snapshots_the_end_is_shown(runs, paribus) -> None:
    said = paribus.json(runs("gan"), "clusters", "-n", 40)
    [only] = said["snapshots"]
    assert only["images"] is None and len(only["places"]) == 40
    assert "Nothing moves here." in paribus("latent", runs("gan"), "clusters", "-n", 20, "--out", "a.gif", code=2)


def test_files_are_inverted_and_encoded(runs, paribus, tmp_path) -> None:
    run = runs("vae", "evaluation.inversion_steps=200")
    model = load_model(run)
    made = model.sample(2, seed=4)
    for k in (0, 1):
        save_grid(tmp_path / f"{k}.png", made[k : k + 1], columns=1)
    said = paribus.json(run, "invert", "0.png", "1.png")
    assert [entry["name"] for entry in said["images"]] == ["0.png", "1.png"]
    for k, entry in enumerate(said["images"]):
        expected = (made[k].double() - model.reconstruct(made[k : k + 1])[0].double()).square().mean() / 255**2
        assert entry["mse_encoded"] == pytest.approx(float(expected))
        assert entry["mse_inverted"] <= 1.05 * entry["mse_encoded"] and len(entry["latent"]) == 4


def test_without_files_test_images_are_inverted(runs, paribus) -> None:
    said = paribus.json(runs("gan", "objective.conditional=true"), "invert", "--seed", 3)
    assert len(said["images"]) == 8 and "drawn with seed 3" in said["title"]
    assert "mse_encoded" not in said["images"][0]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["clusters", "--method", "umap"], "There is no method 'umap'."),
        (["invert", "none.png"], "The image cannot be read."),
        (["invert", "--out", "a.gif"], "Nothing moves here."),
    ],
)
def test_mistakes_end_with_one_message(runs, paribus, arguments, message) -> None:
    error = paribus("latent", runs("vae"), *arguments, code=2)
    assert f"paribus: {message}" in error, error


def test_the_images_must_be_those_of_the_run(runs, paribus, tmp_path) -> None:
    shutil.copytree(runs("vae"), tmp_path / "run")
    path, known = tmp_path / "run" / "run.yaml", load_data("digits").fingerprint
    record = read_yaml(path)
    write_yaml(path, record | {"data": record["data"] | {"fingerprint": "f" * 64}})
    error = paribus("latent", "run", "correlation", code=2)
    assert error.startswith("paribus: This view needs the images that the model was trained on")
    assert f"images with another fingerprint, {known[:12]}" in error
    paribus("latent", "run", "interpolate")  # needs none


def test_more_dimensions_than_images_have_no_correlations(runs, paribus) -> None:
    error = paribus("latent", runs("vae", "objective.latent_dim=400"), "correlation", code=2)
    assert error.startswith("paribus: Correlations of all latents need more images than dimensions.")
