"""What is asked for while models change, or goes wrong, on the explorer's page in a real browser."""

from __future__ import annotations

import pytest

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
