"""The explorer's page in a real browser: what is seen is what the Python API gives."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.stats import binomtest
from torch import Tensor

from paribus.data import load_data
from paribus.latent.geometry import spherical_path
from paribus.models import load_model
from paribus.models.grids import save_grid
from paribus.results.folder import RunFolder
from paribus.views.axes import leading_axes
from paribus.views.subject import Subject
from tests.explorer.browsing import CONDITIONAL, GAN, PLANE, Explorer

pytestmark = pytest.mark.browser

REFUSED = "Failed to load resource: the server responded with a status of 400 (Bad Request)"


@pytest.fixture
def digit(tmp_path: Path) -> tuple[Tensor, bytes]:
    """A test image (1, 1, 8, 8), and the file of it."""
    real = load_data("digits").test.images[5:6]
    save_grid(tmp_path / "digit.png", real, columns=1)
    return real, (tmp_path / "digit.png").read_bytes()


def test_the_same_sliders_move_a_gan_and_a_vae(explorer: Explorer) -> None:
    explorer.show(GAN, PLANE)
    z = [explorer.drawn(number) for number in (GAN, PLANE)]
    for side, number in enumerate((GAN, PLANE)):
        explorer.shows(explorer.decoded(number, z[side]), side)
    slider = explorer.page.locator("#move-1")
    slider.focus()
    for _ in range(20):
        explorer.page.keyboard.press("ArrowRight")
    assert slider.input_value() == "2"
    for side, number in enumerate((GAN, PLANE)):
        explorer.shows(explorer.decoded(number, explorer.moved(number, z[side], 1, 2.0)), side)
    explorer.page.get_by_role("button", name="Reset sliders").click()
    explorer.shows(explorer.decoded(GAN, z[0]))
    explorer.page.locator(".strip").first.click(position={"x": 3, "y": 3})  # the leftmost picture of the first slider
    explorer.shows(explorer.decoded(GAN, explorer.moved(GAN, z[0], 0, -3.0)))


def test_seed_temperature_and_class_decide_the_draw(explorer: Explorer) -> None:
    explorer.show(CONDITIONAL)
    page = explorer.page
    page.locator("#seed").fill("12")
    z = explorer.drawn(CONDITIONAL, 12)
    explorer.shows(explorer.decoded(CONDITIONAL, z, 0))
    page.get_by_label("Class").select_option("7")
    explorer.shows(explorer.decoded(CONDITIONAL, z, 7))
    page.get_by_label("Temperature").fill("0.5")
    explorer.shows(explorer.decoded(CONDITIONAL, 0.5 * z, 7))
    assert page.locator(".side .fine").inner_text() == "draw 12, temperature 0.50"
    page.get_by_role("button", name="Another draw").click()
    assert page.locator("#seed").input_value() != "12"


def test_a_click_on_the_map_decodes_that_place(explorer: Explorer) -> None:
    explorer.show(PLANE)
    field = explorer.page.locator(".map")
    box = field.bounding_box()
    field.click(position={"x": 0.8 * box["width"], "y": 0.25 * box["height"]})
    explorer.page.get_by_text(re.compile(r"place 1\.\d\d, 1\.\d\d of the map")).wait_for()
    saved = json.loads(explorer.saved("Save latent"))
    order = [int(name[1]) - 1 for name in leading_axes(Subject.of(explorer.folders[PLANE]), 2).names]
    place = torch.tensor(saved["latent"][0])[order]
    torch.testing.assert_close(place, torch.tensor([1.5, 1.25]), atol=0.03, rtol=0)  # half a pixel of the map
    explorer.shows(explorer.decoded(PLANE, torch.tensor(saved["latent"][0])))
    field.focus()
    explorer.page.keyboard.press("ArrowLeft")
    explorer.page.keyboard.press("ArrowDown")
    explorer.page.get_by_text(f"place {place[0] - 0.1:.2f}, {place[1] - 0.1:.2f} of the map").wait_for()
    marker = explorer.page.locator(".marker").evaluate("one => [one.style.left, one.style.top]")
    assert [float(share[:-1]) for share in marker] == pytest.approx([78, 27], abs=0.7)
    explorer.page.get_by_role("button", name="Test images").click()
    explorer.page.locator(".legend .dot").nth(9).wait_for()


def test_an_image_is_dragged_in_encoded_and_edited(explorer: Explorer, digit: tuple[Tensor, bytes]) -> None:
    explorer.show(PLANE)
    real, content = digit
    explorer.drop("digit.png", "image/png", content)
    model = load_model(explorer.folders[PLANE])
    explorer.shows(model.reconstruct(real)[0, 0].numpy())
    assert "posterior means" in explorer.page.locator("#seen").inner_text()
    explorer.page.locator("#move-0").fill("-1.5")
    explorer.shows(explorer.decoded(PLANE, explorer.moved(PLANE, model.encode(real)[0], 0, -1.5)))


def test_a_chosen_file_is_searched_in_a_gan(explorer: Explorer, digit: tuple[Tensor, bytes]) -> None:
    explorer.show(GAN)
    explorer.page.set_input_files("#file", {"name": "digit.png", "mimeType": "image/png", "buffer": digit[1]})
    explorer.page.locator("#seen figure").wait_for()
    z, _ = Subject.of(explorer.folders[GAN]).inverted(digit[0], None)
    explorer.shows(explorer.decoded(GAN, z[0]))


def test_what_cannot_be_used_is_told_in_words(explorer: Explorer) -> None:
    explorer.show(PLANE)
    trouble = explorer.page.get_by_role("alert")
    explorer.drop("notes.txt", "text/plain", b"no image")
    trouble.get_by_text("The image cannot be read.").wait_for()
    assert "not an image in a known format" in trouble.inner_text()
    trouble.get_by_role("button", name="Close").click()
    assert not trouble.is_visible()
    explorer.drop("latent.json", "application/json", b'{"latent": [[1, 2, 3]]}')
    trouble.get_by_text("The latent fits none of the models shown.").wait_for()
    explorer.drop("latent.json", "application/json", b"{")
    trouble.get_by_text("no latent").wait_for()
    explorer.drop("large.png", "image/png", b"", zeros=8 * 2**20 + 1)
    trouble.get_by_text("at most 8 MB").wait_for()
    assert explorer.wrong == [REFUSED]  # the browser's own line on the first; the others were not sent
    explorer.wrong.clear()


def test_from_one_picture_to_another(explorer: Explorer) -> None:
    explorer.show(GAN)
    first, second = explorer.drawn(GAN, 0), explorer.drawn(GAN, 9)
    explorer.page.get_by_role("button", name="Keep as A").click()
    explorer.page.locator("#seed").fill("9")
    explorer.shows(explorer.decoded(GAN, second))
    explorer.page.get_by_role("button", name="Keep as B").click()
    share = explorer.page.get_by_label("Share of the way from A to B")
    explorer.page.wait_for_function("() => !document.querySelector('#share').disabled")
    share.fill("0.5")
    explorer.shows(explorer.decoded(GAN, spherical_path(first, second, 101)[50]))
    share.focus()
    explorer.page.keyboard.press("Home")
    explorer.shows(explorer.decoded(GAN, first))


def test_training_is_scrubbed_through(explorer: Explorer) -> None:
    explorer.show(PLANE)
    z, folder = explorer.drawn(PLANE), RunFolder(explorer.folders[PLANE])
    scrubber = explorer.page.get_by_role("slider", name="Training")
    scrubber.focus()
    explorer.page.keyboard.press("Home")
    early = load_model(folder.path, weights=folder.snapshot(640)).decode(z[None])[0, 0].numpy()
    explorer.shows(early)
    assert scrubber.get_attribute("aria-valuetext") == "after 640 training images"
    explorer.page.keyboard.press("End")
    explorer.shows(explorer.decoded(PLANE, z))


def test_picture_and_latent_are_saved_and_the_latent_comes_back(explorer: Explorer) -> None:
    explorer.show(PLANE)
    explorer.page.locator("#seed").fill("4")
    expected = explorer.decoded(PLANE, explorer.drawn(PLANE, 4))
    explorer.shows(expected)
    with Image.open(io.BytesIO(explorer.saved("Save picture"))) as image:
        assert np.array_equal(np.asarray(image), expected)
    content = explorer.saved("Save latent")
    model = load_model(explorer.folders[PLANE])
    assert np.array_equal(model.decode(torch.tensor(json.loads(content)["latent"]))[0, 0].numpy(), expected)
    explorer.page.locator("#seed").fill("5")
    explorer.shows(explorer.decoded(PLANE, explorer.drawn(PLANE, 5)))
    explorer.drop("latent.json", "application/json", content)
    explorer.shows(expected)


def test_the_nearest_training_images_are_shown(explorer: Explorer) -> None:
    explorer.show(PLANE)
    expected = explorer.decoded(PLANE, explorer.drawn(PLANE))
    explorer.shows(expected)
    rows = load_data("digits").train.images.flatten(1).double()
    distance = float((rows - torch.from_numpy(expected).double().flatten()).norm(dim=1).min())
    explorer.page.get_by_role("button", name="Find the nearest").click()
    shown = explorer.page.locator(".neighbours figcaption")
    shown.nth(5).wait_for()
    assert shown.first.inner_text() == f"{distance:.0f}"
    assert "of the test images" in explorer.page.locator("#nearest").inner_text()


def test_a_round_is_played_by_keyboard(explorer: Explorer) -> None:
    explorer.show(GAN, PLANE)
    truths: dict[str, bool] = {}
    explorer.page.on("response", lambda answer: "/round" in answer.url and truths.update(
        {one["image"]: one["real"] for one in answer.json()}))  # fmt: skip
    explorer.page.get_by_role("button", name="Play a round").click()
    wrong = 0
    for turn in range(20):
        image = explorer.page.locator("#game img[alt='Real or fake?']")
        image.wait_for()
        truth = truths[image.get_attribute("src")]
        explorer.page.keyboard.press("r" if truth == (turn % 4 != 0) else "f")  # each fourth answer is wrong
        said = explorer.page.locator("#game [role=status]").inner_text()
        assert said.startswith("Wrong" if turn % 4 == 0 else "Right")
        assert ("a test image" in said) == truth
        wrong += turn % 4 == 0
        explorer.page.keyboard.press("n")
    told = []
    for name in ("gan, seed 0", "vae, seed 0"):
        cells = explorer.page.locator(f'#game tr[data-model="{name}"] td').all_inner_texts()
        errors, count = map(int, re.match(r"(\d+) of (\d+) wrong", cells[0]).groups())
        interval = binomtest(errors, count).proportion_ci(method="wilson")
        assert cells[1] == f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"
        told.append((errors, count))
    assert [count for _, count in told] == [10, 10] and sum(errors for errors, _ in told) == wrong == 5
    assert "50 %" in explorer.page.locator("#game").inner_text()


def test_nothing_sticks_out_and_the_picture_stays_in_sight(explorer: Explorer) -> None:
    explorer.show(GAN, CONDITIONAL)
    width = explorer.page.viewport_size["width"]
    assert explorer.page.evaluate("document.documentElement.scrollWidth") <= width
    explorer.page.locator("#move-3").scroll_into_view_if_needed()
    box = explorer.page.locator(".picture").first.bounding_box()
    assert 0 <= box["y"] < 844 - box["height"]


def test_everything_is_reached_by_tab(explorer: Explorer) -> None:
    explorer.show(PLANE)
    explorer.page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(40):
        explorer.page.keyboard.press("Tab")
        reached.add(explorer.page.evaluate("document.activeElement.id || document.activeElement.textContent"))
    expected = {"first", "second", "seed", "another", "temperature", "move-0", "move-1", "reset", "keep-first"}
    assert expected | {"file", "moment", "space", "find", "Save picture", "Save latent"} <= reached


def test_dark_and_light_follow_the_system(explorer: Explorer) -> None:
    def paper() -> str:
        return explorer.page.evaluate("getComputedStyle(document.body).backgroundColor")

    explorer.page.emulate_media(color_scheme="dark")
    assert paper() == "rgb(20, 22, 26)"
    explorer.page.emulate_media(color_scheme="light")
    assert paper() == "rgb(253, 252, 250)"
