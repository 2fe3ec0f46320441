"""The laboratory's page in a real browser: trains, scrubs, and shows what the Python API gives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="needs the extra explorer")

from paribus.explorer.laboratory import LOOKS, Trainings, router
from paribus.explorer.server import application
from paribus.laboratory.models import contents
from paribus.laboratory.recording import Recording, train_on_points
from tests.explorer.serving import Site, answering

pytestmark = pytest.mark.browser

DONE = "#stage[data-state=done]"
MINUTE = 60_000


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    with answering(application("laboratory", router, Trainings("moons"))) as found:
        yield found


@pytest.fixture
def page(browser: Any, site: Site) -> Iterator[Any]:
    """The page; at the end neither errors nor requests beyond the server may have been seen."""
    wrong: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda r: None if r.url.startswith((site.address, "data:")) else wrong.append(r.url))
    opened.goto(site.first)
    opened.wait_for_selector("#experiments button")
    yield opened
    opened.close()
    assert wrong == []


def slide(page: Any, path: str, key: str) -> str:
    """Moves a slider by a key, and gives its value in words."""
    slider = page.locator(f'[data-path="{path}"]')
    slider.press(key)
    return str(slider.get_attribute("aria-valuetext"))


def train(page: Any, first: str, second: str = "") -> None:
    """A small training of one model or two."""
    page.get_by_label("Model", exact=True).select_option(first)
    page.get_by_label("Beside it").select_option(second)
    assert slide(page, "steps", "Home") == "100"
    assert slide(page, "backbone.width", "Home") == "4"
    assert slide(page, "training.batch_size", "Home") == "16"
    page.get_by_role("button", name="Train").press("Enter")
    page.wait_for_selector(DONE, timeout=2 * MINUTE)


def expected(model: str) -> Recording:
    overrides = ("backbone.width=4", "training.batch_size=16")
    return train_on_points("moons", model, steps=100, frames=LOOKS, seed=0, overrides=overrides)


def picture(page: Any, side: int = 0, kind: str = ".plane") -> str:
    return str(page.locator(f'[data-side="{side}"] {kind}').first.evaluate("canvas => canvas.toDataURL()"))


def shown(page: Any, side: int = 0) -> tuple[int, float, float]:
    data = page.locator(f'[data-side="{side}"]').evaluate("figure => ({...figure.dataset})")
    return int(data["step"]), float(data["modes"]), float(data["quality"])


def test_two_models_train_side_by_side_and_the_scrubber_shows_every_moment(page: Any) -> None:
    train(page, "gan", "wgan-gp")
    found = [expected(model).frames for model in ("gan", "wgan-gp")]
    at_the_end = [picture(page, side) for side in (0, 1)]
    scrubber = page.locator("#scrubber")
    for key, index in (("End", LOOKS - 1), ("Home", 0), ("ArrowRight", 1)):
        scrubber.press(key)
        for side, frames in enumerate(found):
            assert shown(page, side) == (frames[index].step, frames[index].modes_found, frames[index].quality)
    assert picture(page, 0) != at_the_end[0] and picture(page, 1) != at_the_end[1]
    scrubber.press("End")
    assert [picture(page, side) for side in (0, 1)] == at_the_end
    assert page.locator("#step").inner_text() == "100 of 100"


def test_what_is_drawn_can_be_chosen(page: Any) -> None:
    train(page, "gan")
    for name in ("D's map", "push on G's samples", "data", "samples, near the data or not", "plane of z"):
        before = picture(page)
        page.get_by_label(name, exact=True).press("Space")
        assert picture(page) != before, name


def test_the_map_has_the_colours_of_d(page: Any) -> None:
    """Without anything else drawn, the pixel at a cell's middle has D's colour there: blue for real, pink for not."""
    train(page, "gan")
    for name in ("push on G's samples", "data", "samples, near the data or not"):
        page.get_by_label(name, exact=True).uncheck()
    judged = expected("gan")["judged"][-1]
    side = len(judged)
    red_less_blue = page.locator('[data-side="0"] .plane').first.evaluate(
        """(canvas, side) => { const size = canvas.width, cell = size / side, found = [];
        const pixels = canvas.getContext("2d").getImageData(0, 0, size, size).data;
        for (let row = 0; row < side; row += 1) for (let column = 0; column < side; column += 1) {
          const [x, y] = [(column + 0.5) * cell, size - (row + 0.5) * cell].map(Math.floor);
          found.push(pixels[4 * (y * size + x)] - pixels[4 * (y * size + x) + 2]); }
        return found; }""",
        side,
    )
    for value, difference in zip(judged.ravel(), red_less_blue, strict=True):
        if abs(value) > 0.2:  # far enough from a half for the colour to have a side
            assert (difference < 0) == (value > 0)
    assert (abs(judged) > 0.2).any()


def test_a_vae_shows_its_latents(page: Any) -> None:
    train(page, "vae")
    assert page.locator('[data-side="0"] .latent canvas').is_visible()
    frames = expected("vae").frames
    restored = page.locator('[data-side="0"]').get_attribute("data-restored")
    assert float(restored) == frames[-1].restored
    assert f"{round(100 * frames[-1].restored)} % of the data" in page.locator("figcaption").first.inner_text()
    before = picture(page, kind=".latent canvas")
    page.locator("#scrubber").press("Home")
    assert picture(page, kind=".latent canvas") != before


def test_play_goes_from_the_beginning_to_the_end_unless_it_is_paused(page: Any) -> None:
    train(page, "gan")
    page.get_by_role("button", name="Play").press("Enter")
    page.wait_for_selector('[data-side="0"]:not([data-step="100"])')
    page.get_by_role("button", name="Pause").press("Enter")
    paused = shown(page)[0]
    page.wait_for_timeout(400)
    assert shown(page)[0] == paused < 100
    page.get_by_role("button", name="Play").press("Enter")
    page.wait_for_selector('[data-side="0"][data-step="100"]', timeout=MINUTE)
    page.get_by_role("button", name="Play").wait_for()


def test_an_experiment_sets_the_controls_and_stop_ends_it(page: Any) -> None:
    experiment = contents()["experiments"][0]
    page.get_by_role("button", name=experiment["name"]).click()
    assert page.locator("#look").inner_text() == experiment["look"]
    assert page.locator("#model-0").input_value() == experiment["sides"][0]["model"]
    assert page.locator("#model-1").input_value() == experiment["sides"][1]["model"]
    assert page.locator("[name=data]:checked").input_value() == experiment["data"]
    for path, value in experiment["equal"].items():
        assert float(page.locator(f'[data-path="{path}"]').get_attribute("aria-valuetext")) == value
    names = page.locator("figure.side h3").all_inner_texts()
    assert names == ["gan, Updates of D a step: 1", "gan, Updates of D a step: 3"]
    page.get_by_role("button", name="Stop").click()
    page.wait_for_selector("#stage[data-state=stopped]", timeout=MINUTE)
    assert shown(page)[0] < experiment["steps"]
    page.get_by_label("Model", exact=True).select_option("wgan-gp")  # what both objectives have stays as it was set
    updates = page.locator('#own-0 [data-path="objective.discriminator_steps"]')
    assert updates.get_attribute("aria-valuetext") == "1"


def test_a_training_that_another_page_replaced_is_told_in_words(page: Any, site: Site) -> None:
    page.get_by_role("button", name="Train").click()
    page.wait_for_selector("#stage[data-state=training]", timeout=MINUTE)
    sides = [{"model": "gan", "settings": {"backbone.width": 4}}]
    site.ask("/api/trainings", {"data": "moons", "seed": 0, "steps": 50, "sides": sides})
    page.wait_for_selector("#stage[data-state=replaced]", timeout=MINUTE)
    assert "another page began one" in page.get_by_role("alert").inner_text()
    assert not page.get_by_role("button", name="Stop").is_visible()


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_sticks_out_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    train(page, "vae", "gan")
    page.evaluate("document.getElementById('settings').open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
