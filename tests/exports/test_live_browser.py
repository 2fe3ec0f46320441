"""Decoders in a real browser: the same pictures as in Python, from sliders, offline."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

import paribus.report
from paribus.base.registry import backbones
from paribus.config import ImageShape
from paribus.exports.live import live_content, write_live
from paribus.exports.networks import DecoderModule
from paribus.exports.program import program_of
from paribus.models import load_model
from paribus.recipes import resolve
from paribus.report import write_report
from paribus.views.subject import Subject
from tests.conftest import tiny_config
from tests.exports.made import inputs_of, made_model
from tests.exports.test_live import floats

pytestmark = pytest.mark.browser

INTERPRETER = Path(paribus.report.__file__).parent / "templates" / "decoder.js"
RUN = """([program, inputs, times]) => {
  const decode = decoderOf(program), given = inputs.map((row) => Float32Array.from(row)), spent = [];
  let pixels;
  for (let k = 0; k < times; k++) {
    const start = performance.now();
    pixels = decode(...given);
    spent.push(performance.now() - start);
  }
  return [[...pixels], spent];
}"""


@pytest.fixture(scope="module")
def interpreter(browser: Any) -> Iterator[Any]:
    page = browser.new_page()
    page.add_script_tag(content=INTERPRETER.read_text())
    yield page
    page.close()


PLANS = [
    *((backbone, ()) for backbone in backbones.names()),
    ("biggan", ("backbone.plan=b",)),
    ("biggan", ("backbone.plan=hinrichsen",)),
    ("conv", ("backbone.residual_blocks=1",)),
]


@pytest.mark.parametrize(("size", "channels", "conditional"), [(8, 1, False), (45, 3, True)])
@pytest.mark.parametrize(("backbone", "overrides"), PLANS)
def test_every_backbone_computes_what_torch_does(
    interpreter: Any, backbone: str, overrides: tuple[str, ...], size: int, channels: int, conditional: bool
) -> None:
    names = (f"backbone.name={backbone}", "backbone.width=8", f"objective.conditional={conditional}", *overrides)
    model = made_model(tiny_config("vae", *names), ImageShape(channels, size, 3))
    inputs = inputs_of(model, seed=1)
    program = program_of(DecoderModule(model), inputs)
    pixels, _ = interpreter.evaluate(RUN, [program.as_json(), [row[0].tolist() for row in inputs], 1])
    with torch.no_grad():
        expected = DecoderModule(model)(*inputs).flatten()
    assert expected.std() > 0.01
    assert (torch.tensor(pixels) - program.example.flatten()).abs().max() < 1e-4
    assert (torch.tensor(pixels) - expected).abs().max() <= 2 / 255


@pytest.mark.parametrize("name", ["vae", "conv-vae", "gan", "dcgan"])
def test_an_image_of_28_pixels_takes_at_most_50_milliseconds(interpreter: Any, name: str) -> None:
    model = made_model(resolve(name), ImageShape(1, 28))
    inputs = inputs_of(model)
    program = program_of(DecoderModule(model), inputs).as_json()
    _, spent = interpreter.evaluate(RUN, [program, [inputs[0][0].tolist()], 30])
    assert statistics.median(spent) <= 50


@pytest.fixture(scope="module")
def study(runs: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models with latents of different lengths, of which one has classes."""
    folder = tmp_path_factory.mktemp("live") / "study"
    shutil.copytree(runs("vae", "objective.conditional=true", "objective.latent_dim=3"), folder / "runs/cvae-seed0")
    shutil.copytree(runs("dcgan"), folder / "runs/dcgan-seed0")
    (folder / "study.yaml").write_text(yaml.safe_dump({"name": "two", "models": ["cvae", "dcgan"], "seeds": [0]}))
    write_live(folder)
    return folder


@pytest.fixture
def page(browser: Any, study: Path) -> Iterator[Any]:
    """The report; at the end neither errors nor requests beyond the file may have been seen."""
    wrong: list[str] = []
    opened = browser.new_page(viewport={"width": 1280, "height": 900})
    opened.on("console", lambda message: wrong.append(message.text) if message.type in {"error", "warning"} else None)
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else wrong.append(r.url))
    opened.goto(write_report(study, live=True).as_uri())
    opened.wait_for_selector("#live canvas[aria-label]")
    yield opened
    opened.close()
    assert wrong == []


def canvas(page: Any, place: int) -> torch.Tensor:
    """What a canvas shows, after the frame that is due: (H, W) of the red channel."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    pixels = (
        page.locator("#live canvas")
        .nth(place)
        .evaluate("(c) => [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]")
    )
    shown = torch.tensor(pixels).view(8, 8, 4)
    assert (shown[..., 3] == 255).all()
    assert torch.equal(shown[..., 0], shown[..., 2])
    return shown[..., 0].float()


def decoded(study: Path, name: str, seed: int, places: dict[int, float], label: int = 0) -> torch.Tensor:
    """The same in Python, with the weights as they are."""
    subject = Subject.of(study / "runs" / f"{name}-seed0")
    model = load_model(study / "runs" / f"{name}-seed0")
    z = model.latents(1, seed)
    moves = floats(live_content(subject)["moves"]).view(-1, z.shape[1])
    for axis, place in places.items():
        z += place * moves[axis]
    return model.decode(z, torch.tensor([label]))[0, 0].float()


def test_the_sliders_move_every_model(page: Any, study: Path) -> None:
    before = [canvas(page, k) for k in range(2)]
    for place, name in enumerate(("cvae", "dcgan")):
        assert (before[place] - decoded(study, name, 0, {})).abs().max() <= 2
    sliders = page.locator("#live input[type=range]")
    assert sliders.count() == 4  # dcgan's; cvae has three
    sliders.nth(1).fill("2")
    sliders.nth(3).fill("-1.5")
    for place, name in enumerate(("cvae", "dcgan")):
        moved = canvas(page, place)
        assert (moved - before[place]).abs().max() > 5
        places = {1: 2.0} if name == "cvae" else {1: 2.0, 3: -1.5}
        assert (moved - decoded(study, name, 0, places)).abs().max() <= 2
    assert page.locator("#live output").nth(3).inner_text() == "-1.50"
    page.get_by_role("button", name="All to 0").click()
    assert torch.equal(canvas(page, 0), before[0])


def test_seed_and_class_are_chosen_by_keyboard(page: Any, study: Path) -> None:
    page.get_by_role("button", name="New sample").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.get_by_role("spinbutton", name="Seed").input_value() == "2"
    assert (canvas(page, 1) - decoded(study, "dcgan", 2, {})).abs().max() <= 2
    page.get_by_role("combobox", name="Class").select_option(label="7")
    assert (canvas(page, 0) - decoded(study, "cvae", 2, {}, label=7)).abs().max() <= 2
    slider = page.locator("#live input[type=range]").first
    slider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowRight")
    assert slider.input_value() == "0.5"
    assert (canvas(page, 1) - decoded(study, "dcgan", 2, {0: 0.5})).abs().max() <= 2
    page.get_by_role("spinbutton", name="Seed").fill("1000")
    page.keyboard.press("Tab")
    assert page.get_by_role("spinbutton", name="Seed").input_value() == "99"
    assert page.locator("#live canvas").first.get_attribute("aria-label") == "cvae, seed 99, moved"


@pytest.mark.parametrize("width", [360, 390, 768, 1280])
def test_nothing_of_it_sticks_out_sideways(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.locator("#live input[type=range]").nth(3).scroll_into_view_if_needed()
    assert page.locator("#live canvas").first.is_visible()
