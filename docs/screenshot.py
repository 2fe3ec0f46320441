"""A picture of one of Paribus's pages, as a visitor sees it after a few actions.

python docs/screenshot.py "$(cat address)" out.png --do 'fill "#seed" 3' --do 'click "#find"'
"""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

CHROMIUM = "/usr/bin/chromium"


def main() -> None:
    """Takes the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("address", help="the page")
    parser.add_argument("out", type=Path, help="a name in .png")
    parser.add_argument(
        "--do", action="append", default=[], help="'click|wait SELECTOR' or 'fill|select SELECTOR VALUE'; in order"
    )
    parser.add_argument("--width", type=int, default=1280)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--colours", type=int, help="at most so many, for a smaller file")
    parser.add_argument("--element", help="a selector: the picture is of the first such element alone")
    parser.add_argument("--dark", action="store_true", help="with dark colours")
    arguments = parser.parse_args()
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        size = {"width": arguments.width, "height": arguments.height}
        page = browser.new_page(viewport=size, color_scheme="dark" if arguments.dark else "light")
        page.set_default_timeout(300_000)  # what is waited for may be trained
        does = {"click": page.click, "fill": page.fill, "select": page.select_option, "wait": page.wait_for_selector}
        page.goto(arguments.address)
        page.wait_for_load_state("networkidle")
        for action in arguments.do:
            kind, selector, *value = shlex.split(action)
            does[kind](selector, *value)
            page.wait_for_timeout(1000)
            page.wait_for_load_state("networkidle")
        page.evaluate("scrollTo(0, 0); document.activeElement.blur()")
        (page.locator(arguments.element).first if arguments.element else page).screenshot(path=arguments.out)
        browser.close()
    if arguments.colours:
        Image.open(arguments.out).convert("RGB").quantize(arguments.colours).save(arguments.out, optimize=True)


if __name__ == "__main__":
    main()
