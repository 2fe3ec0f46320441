"""What the explorer answers, beside what the Python API gives."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.data import load_data
from paribus.explorer.exhibits import Exhibit, exhibits
from paribus.models import load_model
from paribus.models.grids import save_grid
from paribus.results.folder import RunFolder
from paribus.results.study_files import SCHEMA
from paribus.runs.run import complete_run
from paribus.views.axes import leading_axes
from paribus.views.subject import Subject
from tests.conftest import QUICK, tiny_config
from tests.explorer.browsing import CONDITIONAL, GAN, PLANE
from tests.explorer.serving import Answer, Site, serving


def pixels(answer: Answer) -> np.ndarray:
    """The image of an answer, uint8 (H, W)."""
    assert answer.status == 200, answer.content
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image)


def picture(site: Site, number: int, **point: Any) -> np.ndarray:
    return pixels(site.ask(f"/api/models/{number}/picture", point))


def decoded(folder: Path, z: Tensor, label: int | None = None) -> np.ndarray:
    model = load_model(folder)
    return model.decode(z[None], None if label is None else torch.tensor([label]))[0, 0].numpy()


def test_the_page_is_told_of_each_model(site: Site, folders: list[Path]) -> None:
    assert site.ask("/api/models").json == ["gan, seed 0", "vae, seed 0", "conv-vae, seed 0"]
    about = [site.ask(f"/api/models/{number}").json for number in range(3)]
    assert [own["encodes"] for own in about] == [False, True, True]
    assert [own["classes"] for own in about] == [[], [], list("0123456789")]
    assert about[GAN]["snapshots"] == [1280]  # the snapshot of the end is the model itself
    assert about[PLANE]["snapshots"] == [640, 1280]


def test_a_draw_is_what_the_model_decodes(site: Site, folders: list[Path]) -> None:
    model = load_model(folders[GAN])
    z = model.latents(1, seed=7)[0]
    assert np.array_equal(picture(site, GAN, start={"kind": "drawn", "seed": 7}), decoded(folders[GAN], z))
    cold = picture(site, GAN, start={"kind": "drawn", "seed": 7, "temperature": 0.5})
    assert np.array_equal(cold, decoded(folders[GAN], 0.5 * z))
    assert not np.array_equal(cold, decoded(folders[GAN], z))


def test_a_class_is_the_one_that_was_chosen(site: Site, folders: list[Path]) -> None:
    z = load_model(folders[CONDITIONAL]).latents(1, seed=2, labels=torch.tensor([6]))[0]
    found = picture(site, CONDITIONAL, start={"kind": "drawn", "seed": 2}, label=6)
    assert np.array_equal(found, decoded(folders[CONDITIONAL], z, 6))
    assert not np.array_equal(found, decoded(folders[CONDITIONAL], z, 5))


@pytest.mark.parametrize("number", [GAN, PLANE])
def test_sliders_move_along_the_leading_axes_in_deviations(site: Site, folders: list[Path], number: int) -> None:
    axes = leading_axes(Subject.of(folders[number]), 8)
    assert site.ask(f"/api/models/{number}/axes").json["names"] == list(axes.names)
    z = load_model(folders[number]).latents(1, seed=3)[0]
    moved = z + 2 * axes.deviations[0] * axes.directions[0] - 1.5 * axes.deviations[1] * axes.directions[1]
    point = {"start": {"kind": "drawn", "seed": 3}, "moves": [2, -1.5]}
    assert np.array_equal(picture(site, number, **point), decoded(folders[number], moved))
    saved = site.ask(f"/api/models/{number}/latent", point).json
    torch.testing.assert_close(torch.tensor(saved["latent"][0]), moved)
    assert np.array_equal(decoded(folders[number], torch.tensor(saved["latent"])[0]), decoded(folders[number], moved))


def test_an_encoders_axes_are_found_once_for_all_classes(folders: list[Path]) -> None:
    conditional = exhibits([str(folders[CONDITIONAL])])[0]
    assert conditional.known_axes(3) is None
    assert conditional.axes(3) is conditional.axes(7) is conditional.known_axes(0)


def test_a_conditional_gan_has_axes_for_each_class(runs: Callable[..., Path]) -> None:
    exhibit = Exhibit("gan", str(runs("gan", "objective.conditional=true")))
    assert not torch.equal(exhibit.axes(3).directions, exhibit.axes(7).directions)
    assert exhibit.known_axes(3) is exhibit.axes(3) and exhibit.known_axes(0) is None


def test_the_other_models_longer_list_of_sliders_does_no_harm(site: Site, folders: list[Path]) -> None:
    short = picture(site, PLANE, start={"kind": "drawn", "seed": 1}, moves=[1, 1])
    assert np.array_equal(picture(site, PLANE, start={"kind": "drawn", "seed": 1}, moves=[1, 1, 3, -3]), short)


def test_a_filmstrip_shows_what_its_slider_would(site: Site) -> None:
    point = {"start": {"kind": "drawn", "seed": 4}, "moves": [0.5, 1.0]}
    sheet = pixels(site.ask(f"/api/models/{GAN}/strips", point))
    assert sheet.shape == (4 * 8, 7 * 8)  # four latent dimensions, seven places
    for row, moves in ((1, [0.5, -2.0]), (3, [0.5, 1.0, 0.0, -2.0])):
        expected = picture(site, GAN, start=point["start"], moves=moves).astype(int)
        tile = sheet[8 * row : 8 * row + 8, 8:16].astype(int)
        assert abs(tile - expected).max() <= 1  # batches round in another order


def test_on_a_plane_the_map_is_the_latent_itself(site: Site, folders: list[Path]) -> None:
    axes = leading_axes(Subject.of(folders[PLANE]), 2)
    z = torch.zeros(2)
    z[[int(name[1]) - 1 for name in axes.names]] = torch.tensor([1.25, -0.5])
    answer = site.ask(f"/api/models/{PLANE}/picture", {"start": {"kind": "map", "x": 1.25, "y": -0.5}})
    assert np.array_equal(pixels(answer), decoded(folders[PLANE], z))
    assert answer.headers["Paribus-Place"] == "1.2500 -0.5000"


@pytest.mark.parametrize("number", [GAN, PLANE])
def test_the_maps_tiles_are_its_places(site: Site, number: int) -> None:
    sheet = pixels(site.ask(f"/api/models/{number}/map"))
    assert sheet.shape == (11 * 8, 11 * 8)
    right, up = 5 * 3 / 11, 5 * 2 / 11  # three tiles to the right of the middle, two above it
    answer = site.ask(f"/api/models/{number}/picture", {"start": {"kind": "map", "x": right, "y": up}})
    assert abs(sheet[3 * 8 : 4 * 8, 8 * 8 : 9 * 8].astype(int) - pixels(answer).astype(int)).max() <= 1
    x, y = map(float, answer.headers["Paribus-Place"].split())
    assert (x, y) == pytest.approx((right, up), abs=1e-3)


def test_test_images_lie_on_the_map_where_they_are_encoded(site: Site, folders: list[Path]) -> None:
    codes, test = site.ask(f"/api/models/{PLANE}/codes").json, load_data("digits").test
    assert codes["labels"] == test.labels.tolist()
    latents = load_model(folders[PLANE]).encode(test.images)
    order = [int(name[1]) - 1 for name in leading_axes(Subject.of(folders[PLANE]), 2).names]
    torch.testing.assert_close(torch.tensor(codes["places"]), latents[:, order])
    refused = site.ask(f"/api/models/{GAN}/codes")
    assert (refused.status, refused.json["what"]) == (400, "The model 'gan' has no encoder.")


def test_training_is_shown_by_its_snapshots(site: Site, folders: list[Path]) -> None:
    z = load_model(folders[PLANE]).latents(1, seed=5)[0]
    early = load_model(folders[PLANE], weights=RunFolder(folders[PLANE]).snapshot(640))
    start = {"kind": "drawn", "seed": 5}
    found = picture(site, PLANE, start=start, snapshot=640)
    assert np.array_equal(found, early.decode(z[None])[0, 0].numpy())
    assert not np.array_equal(found, decoded(folders[PLANE], z))
    strip = pixels(site.ask(f"/api/models/{PLANE}/stages", {"start": start}))
    assert strip.shape == (8, 3 * 8)
    assert np.array_equal(strip[:, :8], found) and np.array_equal(strip[:, 16:], decoded(folders[PLANE], z))
    refused = site.ask(f"/api/models/{PLANE}/picture", {"snapshot": 641})
    assert (refused.status, refused.json["expected"]) == (400, "640, 1280")


def test_between_two_latents_is_the_arc(site: Site, folders: list[Path]) -> None:
    """Of latents at right angles and of one length, the middle is their sum over the root of two."""
    first, second = torch.tensor([2.0, 0, 0, 0]), torch.tensor([0, 2.0, 0, 0])
    ends = {"kind": "between", "first": first.tolist(), "second": second.tolist()}
    assert np.array_equal(picture(site, GAN, start=ends | {"share": 0}), decoded(folders[GAN], first))
    assert np.array_equal(picture(site, GAN, start=ends | {"share": 1}), decoded(folders[GAN], second))
    middle = site.ask(f"/api/models/{GAN}/latent", {"start": ends | {"share": 0.5}}).json["latent"][0]
    assert middle == pytest.approx([2**0.5, 2**0.5, 0, 0], abs=1e-6)
    way = pixels(site.ask(f"/api/models/{GAN}/way", ends | {"share": 0}))
    assert way.shape == (8, 9 * 8)
    expected = decoded(folders[GAN], torch.tensor(middle)).astype(int)
    assert abs(way[:, 32:40].astype(int) - expected).max() <= 1


def test_an_image_is_encoded_and_for_a_gan_its_latent_is_searched(
    site: Site, folders: list[Path], tmp_path: Path
) -> None:
    real = load_data("digits").test.images[:1]
    save_grid(tmp_path / "digit.png", real, columns=1)
    content = (tmp_path / "digit.png").read_bytes()
    found = site.ask(f"/api/models/{PLANE}/image", body=content).json
    assert found["latent"] == load_model(folders[PLANE]).encode(real)[0].tolist()
    assert found["how"] == "posterior means"
    searched = site.ask(f"/api/models/{GAN}/image", body=content).json
    made = decoded(folders[GAN], torch.tensor(searched["latent"])).astype(float)
    error = (((made - real[0, 0].numpy()) / 255) ** 2).mean()
    assert searched["mean_squared_error"] == pytest.approx(error)
    draws = load_model(folders[GAN]).sample(20)
    assert error < (((draws - real.float()) / 255) ** 2).mean((1, 2, 3)).min()
    assert "inversion" in searched["how"]


def test_nearest_images_are_those_of_the_picture_that_is_shown(site: Site, folders: list[Path]) -> None:
    z = load_model(folders[PLANE]).latents(1, seed=1)[0]
    shown = torch.from_numpy(decoded(folders[PLANE], z)).double().flatten()
    expected = (load_data("digits").train.images.flatten(1).double() - shown).norm(dim=1).min()
    point = {"start": {"kind": "drawn", "seed": 1}}
    for space in ("pixels", "encoder"):
        answer = site.ask(f"/api/models/{PLANE}/nearest?space={space}", point).json
        assert len(answer["neighbours"]) == 6 and 0 <= answer["held_out"]["nearer_than"] <= 1
        if space == "pixels":
            assert answer["neighbours"][0]["distance"] == pytest.approx(float(expected))


def test_a_round_mixes_test_images_and_samples(site: Site) -> None:
    game = site.ask(f"/api/models/{GAN}/round?seed=3&count=50").json
    assert site.ask(f"/api/models/{GAN}/round?seed=3&count=50").json == game
    real = [one for one in game if one["real"]]
    assert 15 <= len(real) <= 35
    known = {image.numpy().tobytes() for image in load_data("digits").test.images}
    for one in game:
        content = urlopen(one["image"])
        with Image.open(io.BytesIO(content)) as image:
            assert (np.asarray(image).tobytes() in known) == one["real"]


def urlopen(address: str) -> bytes:
    import urllib.request

    with urllib.request.urlopen(address) as answer:  # data: addresses need no network
        return answer.read()


@pytest.mark.parametrize(
    ("number", "point", "status", "where"),
    [
        (GAN, {"start": {"kind": "given", "latent": [1, 2]}}, 400, "latent"),
        (GAN, {"start": {"kind": "given", "latent": ["a", 0, 0, 0]}}, 400, "start.given.latent.0"),
        (GAN, {"start": {"kind": "given", "latent": [1e9, 0, 0, 0]}}, 400, "start.given.latent.0"),
        (GAN, {"start": {"kind": "given", "latent": [float("nan"), 0, 0, 0]}}, 400, "start.given.latent.0"),
        (GAN, {"start": {"kind": "elsewhere"}}, 400, "start"),
        (GAN, {"moves": [0] * 9}, 400, "moves"),
        (GAN, {"start": {"kind": "drawn", "seed": -1}}, 400, "start.drawn.seed"),
        (GAN, {"what": 1}, 400, "what"),
        (CONDITIONAL, {"label": 10}, 400, "--label"),
        (9, {}, 404, "/api/models/9/picture"),
    ],
)
def test_wrong_points_are_refused_in_words(site: Site, number: int, point: Any, status: int, where: str) -> None:
    answer = site.ask(f"/api/models/{number}/picture", point)
    assert (answer.status, answer.json["where"]) == (status, where)
    assert answer.json["what"]


def test_without_its_images_a_model_can_still_be_explored(tmp_path: Path) -> None:
    digits = load_data("digits").train
    folder = tmp_path / "images"
    for k in range(40):
        save_grid(folder / f"{k}.png", digits.images[k : k + 1], columns=1)
    run = tmp_path / "run"
    complete_run(
        tiny_config("vae", *QUICK, data={"name": str(folder)}), load_data(str(folder)), RunFolder(run), score=False
    )
    shutil.rmtree(folder)
    with serving(run) as site:
        axes = site.ask("/api/models/0/axes").json
        assert axes["order"] == "principal components of the first layer's output"
        assert axes["without_images"].startswith("This view needs the images")
        assert picture(site, 0, moves=[1]).shape == (8, 8)
        for answer in (site.ask("/api/models/0/round?seed=0"), site.ask("/api/models/0/nearest", {})):
            assert (answer.status, "they are unavailable" in answer.json["what"]) == (400, True)


def test_a_study_shows_its_trained_runs(folders: list[Path], tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    rows = [{"model": name, "seed": 0, "folder": f"runs/{name}", "status": "done"} for name in ("gan", "vae", "wgan")]
    for row, folder in zip(rows, folders[:2], strict=False):
        shutil.copytree(folder, tmp_path / row["folder"])
    (tmp_path / "study.yaml").write_text("name: two\n")
    content = {"schema": SCHEMA, "metrics": {}, "runs": rows, "equal": [], "varied": []}
    (tmp_path / "results.json").write_text(json.dumps(content))
    shown = exhibits([str(tmp_path)])
    assert [exhibit.name for exhibit in shown] == ["gan, seed 0", "vae, seed 0"]
    both = exhibits([str(tmp_path), str(folders[0])])
    assert both[2].name == f"gan, seed 0 ({folders[0]})"
    for row in rows[:2]:
        shutil.rmtree(tmp_path / row["folder"])
    with pytest.raises(ParibusError, match="No run of this study has weights yet"):
        exhibits([str(tmp_path)])
    with pytest.raises(ParibusError, match="There is no trained model here"):
        exhibits([str(tmp_path / "nowhere")])


def test_models_of_one_dimension_have_no_map(runs: Callable[..., Path]) -> None:
    with serving(runs("vae", "objective.latent_dim=1")) as site:
        site.ask("/api/models/0/axes")
        answer = site.ask("/api/models/0/picture", {"moves": [1]})
        assert (answer.status, answer.headers["Paribus-Place"]) == (200, None)
        refused = site.ask("/api/models/0/map")
        assert (refused.status, refused.json["what"]) == (400, "A map needs two latent dimensions.")


def test_a_fitted_sampler_has_its_own_middle(runs: Callable[..., Path]) -> None:
    exhibit = Exhibit("vae", str(runs("vae", "sampler.name=gmm", "sampler.components=2")))
    drawn = exhibit.subject.model.latents(1000)
    torch.testing.assert_close(exhibit.middle, drawn.mean(0))
