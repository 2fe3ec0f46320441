"""What is asked for while models change, or goes wrong, on the explorer's page in a real browser."""

from __future__ import annotations

import json

import pytest

from paribus.models import load_model
from paribus.results.folder import RunFolder
from tests.explorer.browsing import CONDITIONAL, GAN, PLANE, Explorer

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("explorer", [1280], indirect=True)]

MISSING = "Failed to load resource: the server responded with a status of 404 (Not Found)"


def test_a_choice_made_while_another_fails_is_carried_out(explorer: Explorer) -> None:
    explorer.show(GAN)
    first = explorer.page.locator("#first")
    loading = explorer.held(f"{CONDITIONAL}", lambda: first.select_option(str(CONDITIONAL)))
    first.select_option(str(PLANE))
    loading.continue_(url=loading.request.url.replace(f"models/{CONDITIONAL}", "models/9"))
    explorer.page.get_by_role("alert").get_by_text("There is no model 9").wait_for()
    explorer.shows(explorer.decoded(PLANE, explorer.drawn(PLANE)))
    explorer.page.wait_for_function("() => !document.querySelector('.moves').inert")
    assert explorer.wrong == [MISSING]
    explorer.wrong.clear()


@pytest.mark.parametrize(("chooser", "chosen", "number"), [("first", "2", CONDITIONAL), ("second", "none", PLANE)])
def test_what_is_kept_of_other_models_does_no_harm(explorer: Explorer, chooser: str, chosen: str, number: int) -> None:
    """Their strips are still there while another model's axes are found, and are filled again after each draw."""
    page = explorer.page
    explorer.show(PLANE, GAN)
    for name in ("Keep as A", "Keep as B"):
        page.get_by_role("button", name=name).click()
    page.locator("#ways canvas").nth(1).wait_for()
    finding = explorer.held(f"{number}/axes*", lambda: page.select_option(f"#{chooser}", chosen))
    with page.expect_response("**/way*"):
        page.get_by_role("button", name="Another draw").click()
    finding.continue_()
    page.wait_for_function("() => !document.querySelector('.moves').inert")
    page.wait_for_timeout(500)
    assert not page.get_by_role("alert").is_visible(), page.get_by_role("alert").inner_text()
    assert page.locator("#ways canvas").count() == 0


def test_a_class_is_chosen_while_the_other_models_axes_are_found(explorer: Explorer) -> None:
    page = explorer.page
    explorer.show(CONDITIONAL)
    finding = explorer.held(f"{GAN}/axes*", lambda: page.select_option("#second", str(GAN)))
    page.get_by_label("Class").select_option("7")
    explorer.shows(explorer.decoded(CONDITIONAL, explorer.drawn(CONDITIONAL), 7))
    finding.continue_()
    page.wait_for_function("() => !document.querySelector('.moves').inert")
    assert not page.get_by_role("alert").is_visible(), page.get_by_role("alert").inner_text()
    assert page.locator(".map").count() == 2


def test_nearest_images_of_a_model_that_has_gone_are_not_shown(explorer: Explorer) -> None:
    explorer.show(GAN)
    find = explorer.page.get_by_role("button", name="Find the nearest")
    asked = explorer.held(f"{GAN}/nearest*", find.click)
    explorer.show(PLANE)
    with explorer.page.expect_response("**/nearest*") as answered:
        asked.continue_()
    answered.value.finished()
    explorer.page.wait_for_timeout(500)
    assert explorer.page.locator("#nearest").inner_text() == ""


def test_a_saved_latent_of_another_label_is_refused_and_nothing_else_changes(explorer: Explorer) -> None:
    explorer.show(CONDITIONAL)
    z = explorer.drawn(CONDITIONAL, 1)
    saved = {"latent": [z.tolist()], "labels": [10]}
    explorer.drop("latent.json", "application/json", json.dumps(saved).encode())
    explorer.page.get_by_role("alert").get_by_text("label below 10 for conv-vae, seed 0").wait_for()
    explorer.page.locator("#seed").fill("2")
    explorer.shows(explorer.decoded(CONDITIONAL, explorer.drawn(CONDITIONAL, 2), 0))
    explorer.drop("latent.json", "application/json", json.dumps(saved | {"labels": [9]}).encode())
    explorer.shows(explorer.decoded(CONDITIONAL, z, 9))
    assert explorer.page.get_by_label("Class").input_value() == "9"


def test_a_saved_latent_is_shown_at_its_moment_by_the_model_that_it_fits(explorer: Explorer) -> None:
    page = explorer.page
    explorer.show(PLANE, GAN)
    scrubber = page.get_by_role("slider", name="Training")
    scrubber.focus()
    page.keyboard.press("Home")
    folder = RunFolder(explorer.folders[PLANE])
    early = load_model(folder.path, weights=folder.snapshot(640))
    expected = early.decode(explorer.drawn(PLANE)[None])[0, 0].numpy()
    explorer.shows(expected)
    content = explorer.saved("Save latent")
    scrubber.focus()
    page.keyboard.press("End")
    page.locator("#seed").fill("5")
    explorer.shows(explorer.decoded(PLANE, explorer.drawn(PLANE, 5)))
    explorer.drop("latent.json", "application/json", content)
    explorer.shows(expected)
    assert scrubber.get_attribute("aria-valuetext") == "after 640 training images"
    for caption in ("saved latent, latent.json, after 640 images", "draw 5, after 1,280 images"):
        page.get_by_text(caption, exact=True).wait_for()
