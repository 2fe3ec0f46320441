from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paribus.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture
def page(browser: Any, flawed: tuple[Path, dict[str, Any]]) -> Iterator[Any]:
    """The report of the flawed study; at the end neither errors nor requests beyond the file may have been seen."""
    wrong: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url))
    opened.goto(write_report(flawed[0]).as_uri())
    yield opened
    opened.close()
    assert wrong == []


def names(page: Any) -> list[str]:
    return page.eval_on_selector_all("table.board tbody", "bodies => bodies.map(body => body.dataset.name)")


def test_leaderboard_sorts_by_mouse_and_keyboard(page: Any) -> None:
    assert names(page) == ["dcgan", "wgan-gp", "vae", "beta-vae"]  # by KID, which decides here
    page.get_by_role("button", name="Model", exact=True).click()
    assert names(page) == ["beta-vae", "dcgan", "vae", "wgan-gp"]
    head = page.locator("table.board th", has_text="Precision")
    head.locator(".sort").focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert names(page) == ["dcgan", "wgan-gp", "vae", "beta-vae"]
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "ascending"
    assert names(page) == ["beta-vae", "vae", "wgan-gp", "dcgan"]
    page.locator("table.board th", has_text="Fréchet distance").locator(".sort").click()
    assert names(page)[-1] == "vae"  # its Fréchet distance is missing: last in either direction
    page.locator("table.board th", has_text="Fréchet distance").locator(".sort").click()
    assert names(page)[-1] == "vae"


def test_a_filter_leaves_the_models_whose_names_hold_every_word(page: Any) -> None:
    def shown(selector: str) -> set[str]:
        return set(page.eval_on_selector_all(f"{selector}:not([hidden])", "parts => parts.map(p => p.dataset.name)"))

    box = page.get_by_label("Show only")
    box.fill("VAE")
    assert shown("table.board tbody") == {"vae", "beta-vae"}
    assert {name.split(",")[0] for name in shown("figure[data-name]")} == {"vae", "beta-vae"}
    assert page.get_by_role("status").first.inner_text() == "2 of 4 models"
    box.fill("be va")
    assert shown("table.board tbody") == {"beta-vae"}
    box.fill("")
    assert len(shown("table.board tbody")) == 4


def test_texts_are_copied_and_scores_downloaded(page: Any, tmp_path: Path) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("[data-copy=methods]").click()
    assert page.evaluate("navigator.clipboard.readText()") == page.locator("#methods").inner_text()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download the scores").click()
    target = tmp_path / started.value.suggested_filename
    started.value.save_as(target)
    assert target.name.endswith("-scores.csv")
    assert target.read_text().startswith("model,seed,status,weights,encoder,images,train_seconds,")


def test_pictures_enlarge_and_escape_closes(page: Any) -> None:
    dialog = page.locator("#lightbox")
    page.locator(".enlarge:visible").nth(1).click()
    assert dialog.is_visible()
    assert "vae · seed 0" in dialog.inner_text()
    assert dialog.locator("img").bounding_box()["width"] > 300
    page.keyboard.press("ArrowRight")
    assert "beta-vae" in dialog.inner_text()
    page.keyboard.press("Escape")
    assert not dialog.is_visible()
    page.locator(".enlarge:visible").first.click()
    dialog.get_by_role("button", name="Close").click()
    assert not dialog.is_visible()


def test_seed_chooser_shows_one_seed(page: Any) -> None:
    assert page.locator(".seed:visible").count() == 1
    page.locator("#seed label", has_text="1").click()
    assert page.locator(".seed:visible").get_attribute("data-seed") == "1"
    assert "No samples: the loss of D became infinite" in page.locator(".seed:visible").inner_text()


def test_theme_toggle(page: Any) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.locator("#theme").click()
    assert page.evaluate(paper) != light
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    page.locator("#theme").click()
    assert page.evaluate(paper) == light
    page.emulate_media(color_scheme="dark")
    assert page.evaluate(paper) == light  # the reader's choice outlives the system's


def test_explanations_open_on_a_click(page: Any) -> None:
    box = page.locator("#about-kid")
    assert not box.is_visible()
    page.locator('[popovertarget="about-kid"]').click()
    assert box.is_visible()
    assert "Comparable only when" in box.inner_text()
    page.keyboard.press("Escape")
    assert not box.is_visible()


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_sticks_out_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    page.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_enough_contrast(page: Any, scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    colours = page.evaluate(
        """() => { const style = getComputedStyle(document.documentElement), canvas = document.createElement("canvas");
        const pen = canvas.getContext("2d", {willReadFrequently: true}), found = {};
        for (const name of ["paper","card","ink","muted","link","failed","careful","note",
                            "s0","s1","s2","s3","s4","s5","s6","s7"]) {
          pen.fillStyle = style.getPropertyValue("--" + name); pen.fillRect(0, 0, 1, 1);
          found[name] = [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3); }
        return found; }"""
    )

    def luminance(rgb: list[int]) -> float:
        linear = [c / 3294.6 if c <= 10 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    def contrast(a: str, b: str) -> float:
        light, dark = sorted((luminance(colours[a]), luminance(colours[b])), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    for name in ("ink", "muted", "link", "failed", "careful", "note"):
        assert contrast(name, "paper") >= 4.5, name
        assert contrast(name, "card") >= 4.5, name
    for k in range(8):
        assert contrast(f"s{k}", "paper") >= 3, k
