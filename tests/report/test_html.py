from __future__ import annotations

import base64
import hashlib
import html
import io
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from paribus.base.errors import ParibusError
from paribus.base.wording import number
from paribus.report import write_report
from paribus.report.cautions import cautions_of
from paribus.report.html import rendered
from paribus.report.pictures import encoded, spread
from paribus.results.score import Fact, Score
from paribus.results.study_files import SCHEMA, read_folder
from tests.results.metrics import METRICS

Given = tuple[Path, dict[str, Any]]
Tools = dict[str, Callable[..., Any]]
VOID = {"meta", "img", "input", "br", "link"}


class Page(HTMLParser):
    """Checks that every tag is closed in order, and gathers tags and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in {"style", "script"}:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\u00a0", " ").split())


def page(folder: Path) -> tuple[Page, str]:
    text = write_report(folder).read_text()
    found = Page(text)
    assert found.open == []
    return found, text


def test_is_well_formed_and_self_contained(flawed: Given) -> None:
    found, text = page(flawed[0])
    assert set(re.findall(r"https?://[^\"'\s<]*", text)) == {"http://www.w3.org/2000/svg"}
    for tag, attributes in found.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        for name in ("src", "href", "action"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:image/", "data:text/csv;", "#")), (tag, value)
    ids = [a["id"] for _, a in found.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(a.get("alt") is not None for tag, a in found.tags if tag == "img")
    assert all(a.get("scope") for tag, a in found.tags if tag == "th")
    assert len(text) < 3_000_000


def test_policy_names_the_style_and_the_script(study: Given) -> None:
    _, text = page(study[0])
    policy = html.unescape(re.search(r'Policy" content="([^"]*)"', text)[1])  # type: ignore[index]
    for tag in ("style", "script"):
        content = re.search(f"<{tag}>(.*?)</{tag}>", text, re.S)[1]  # type: ignore[index]
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy


def test_every_score_is_shown(flawed: Given) -> None:
    folder, results = flawed
    found, text = page(folder)
    rows = re.search(r'<table class="plain">(.*?)</table>', text, re.S)[1]  # type: ignore[index]
    shown = {}
    heads = re.findall(r"<th scope=\"col\"[^>]*>([^<]*)", rows)
    labels = {" ".join(head.split()): place - 2 for place, head in enumerate(heads)}
    for row in re.findall(r"<tr[^>]*>(<th scope=\"row\".*?)</tr>", rows, re.S):
        name, weights = re.search(r">([^<]*)</th><td>([^<]*)", row).groups()  # type: ignore[union-attr]
        shown[name, weights] = re.findall(r'class="value[^>]*>([^<]*)', row)
    checked = 0
    for run in results["runs"]:
        for weights, table in (("last", run["scores"]), ("best", run["best"])):
            for metric, score in table.items():
                cells = shown[f"{run['model']}, seed {run['seed']}", weights]
                label = METRICS[metric].label
                assert cells[labels[label]] == number(score["value"], 4)
                checked += 1
    assert checked > 80
    for model, table in results["models"].items():
        mean = table["kid"]["mean"]
        body = re.search(rf'<tbody data-name="{model}">(.*?)</tbody>', text, re.S)[1]  # type: ignore[index]
        assert f'data-value="{mean}"' in body
    assert "wgan-gp, seed 1" in found.text


def test_one_finished_seed_is_said(flawed: Given, tools: Tools) -> None:
    folder, results = flawed
    tools["fail"](folder, results, "wgan-gp", 2, "out of memory")
    tools["save"](folder, results)
    found, _ = page(folder)
    assert "wgan-gp: one finished seed, so the spread between seeds is unknown." in found.text


def test_all_warnings_are_said(flawed: Given) -> None:
    folder, _ = flawed
    found, _ = page(folder)
    for text in (
        "wgan-gp, seed 1 failed and is in no mean: the loss of D became infinite at step 412.",
        "Active units of beta-vae (seeds 0, 1 and 2): posterior collapse: none of 16 latent units is in use.",
        "Fréchet distance of vae (seeds 0, 1 and 2): too few samples: 359 for 512 features, at least 1,024 are needed.",
        "An earlier snapshot scored better on the validation split than the last weights did, for dcgan",
        "1 file of the data could not be read and was skipped.",
        "broken.png: cannot identify image file",
        "KID decides instead.",
    ):
        assert text in found.text
    for caution in cautions_of(read_folder(folder)):
        assert all(" ".join(part.split()) in found.text for part in (caution.text, *caution.details))


def test_a_nasty_name_is_text(study: Given, tools: Tools) -> None:
    folder, results = study
    name = 'evil"><script>alert(1)</script>&'
    tools["save"](folder, tools["rename"](folder, results, "vae", name))
    found, text = page(folder)
    assert text.count("<script") == 1
    assert name in found.text


def test_half_finished_study(study: Given, tools: Tools) -> None:
    folder, _ = study
    (folder / "results.json").unlink()
    shutil.rmtree(folder / "runs" / "wgan-gp-seed1")
    shutil.rmtree(folder / "runs" / "dcgan-seed1")
    tools["write_run"](folder / "runs" / "dcgan-seed1", "dcgan", 1, 20_000, 9.0, finished=False)
    found, _ = page(folder)
    assert "So far (10 of 12 runs finished)" in found.text
    assert "dcgan, seed 1: still training, or interrupted (" in found.text
    assert "wgan-gp, seed 1: not started" in found.text
    assert "2 of 3 seeds, 1 unfinished" in found.text


def test_rows_that_results_call_unfinished_are_read_from_their_folders(study: Given, tools: Tools) -> None:
    folder, results = study
    results["runs"][0] |= {"status": "unfinished", "scores": {}}
    tools["save"](folder, results)
    assert read_folder(folder).runs[0].status == "done"
    assert len(read_folder(folder).values("vae", "frechet")) == 3


def test_study_before_its_first_run(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("{name: new, models: [vae, gan], seeds: [0], data: {name: digits}}")
    found, _ = page(tmp_path)
    assert "No run has finished yet, so there is nothing to compare." in found.text
    assert "No run has been scored yet." in found.text


def test_single_run(study: Given, tmp_path: Path) -> None:
    target = write_report(study[0] / "runs" / "vae-seed0", tmp_path / "deep" / "one.html")
    found = Page(target.read_text())
    assert target == tmp_path / "deep" / "one.html"
    assert "vae, trained on digits for 20 s (24,000 images), reached a Fréchet distance of" in found.text
    assert "times the floor" in found.text
    assert "came out ahead" not in found.text
    assert "Leaderboard" not in found.text


def test_models_without_a_metric_show_a_dash(study: Given) -> None:
    _, text = page(study[0])
    body = re.search(r'<tbody data-name="dcgan">(.*?)</tbody>', text, re.S)[1]  # type: ignore[index]
    assert ">–</span>" in body
    assert ">best<" in body


def test_the_same_folder_gives_the_same_page(study: Given) -> None:
    first = write_report(study[0]).read_bytes()
    assert write_report(study[0]).read_bytes() == first


def test_foreign_and_broken_folders_are_refused(tmp_path: Path, study: Given) -> None:
    with pytest.raises(ParibusError, match=r"neither study\.yaml nor run\.yaml"):
        write_report(tmp_path)
    (study[0] / "results.json").write_text('{"runs": [')
    with pytest.raises(ParibusError, match="A file is damaged"):
        write_report(study[0])


@pytest.mark.parametrize(
    ("schema", "fix"), [(SCHEMA + 1, "update Paribus"), (1, "'paribus study run"), (None, "'paribus study run")]
)
def test_results_of_another_schema_are_refused(study: Given, tools: Tools, schema: int | None, fix: str) -> None:
    folder, results = study
    tools["save"](folder, results | {"schema": schema})
    with pytest.raises(ParibusError) as refused:
        read_folder(folder)
    assert str(refused.value.fix).startswith(fix)


def test_damaged_results_are_refused(study: Given, tools: Tools) -> None:
    folder, results = study
    results["runs"][0]["scores"]["frechet"]["value"] = "much"
    tools["save"](folder, results)
    with pytest.raises(ParibusError, match="cannot be read"):
        read_folder(folder)


def test_the_page_shows_words_and_path(study: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = study
    path = "training.optimizer.G.learning_rate"
    rates = {"path": path, "values": ("0.0002", "0.001"), "models": (("<gan>",), ("vae",))}
    varied = (Fact(code="setting", figures=rates), Fact(code="seeds", figures={"seeds": (0, 1)}))
    text = rendered(replace(read_folder(folder), varied=varied))
    items = re.search(r"<h2>Varied</h2><ul>(.*?)</ul>", text, re.S)[1]  # type: ignore[index]
    assert items == (
        "<li>Learning rate of the generator or decoder: 0.0002 (&lt;gan&gt;); 0.001 (vae). "
        f'<code class="path">{path}</code></li>'
        "<li>Seeds: 0, 1 (initial weights, order of the images, noise).</li>"
    )


def test_numbers_that_are_not_finite_are_missing() -> None:
    score = Score.of("frechet", float("nan"), 0.1)
    assert score.value is None and score.error is None
    assert [fact.code for fact in score.warnings] == ["not_finite"]


def test_pictures_are_spread_with_gaps_and_kept_small() -> None:
    pixels = np.arange(16 * 24, dtype=np.uint8).reshape(16, 24)
    laid = spread(pixels, 8, 2, 3)
    assert laid.shape == (17, 26, 2)
    assert (laid[9:17, 18:26, 0] == pixels[8:16, 16:24]).all()
    assert (laid[8, :, 1] == 0).all()
    uri, lossy = encoded(Image.fromarray(laid), 10_000)
    assert not lossy
    assert (np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))) == laid).all()
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (256, 256, 3), dtype=np.uint8))
    uri, lossy = encoded(noise, 40_000)
    assert lossy
    assert uri.startswith("data:image/webp")
