"""Paths of a configuration in words."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from paribus.report.reading import read_folder
from paribus.report.settings import WORDS, Sentence, read_sentence, words_of

from paribus.recipes import RunConfig
from paribus.report.html import rendered
from tests.conftest import tiny_config


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("backbone.name", "Backbone"),
        ("training.optimizer.G.learning_rate", "Learning rate of the generator or decoder"),
        ("training.optimizer.D.eps", "Epsilon of the discriminator"),
        ("training.optimizer.X.kind", "Optimiser of X"),
        ("objective.kl_warmup_images", "KL warmup images (objective)"),
        ("objective.something_new.inner", "Something new inner (objective)"),
    ],
)
def test_a_path_in_words(path: str, words: str) -> None:
    assert words_of(path) == words


def test_only_sentences_about_a_path_are_read_so() -> None:
    said = read_sentence("training.batch_size: 64 (gan); 128 (vae).")
    assert said == Sentence("64 (gan); 128 (vae).", "Images in a batch", "training.batch_size")
    assert read_sentence("seed: 0, 1 (noise).") == Sentence("0, 1 (noise).", "Seeds")
    for plain in ("Budget: 20s of training for every run.", "The objective.", "e.g. this: that"):
        assert read_sentence(plain) == Sentence(plain)


def test_words_are_of_settings_that_exist() -> None:
    def paths(tree: dict[str, Any], prefix: str = "") -> set[str]:
        inner = [paths(v, f"{prefix}{k}.") if isinstance(v, dict) else {prefix + k} for k, v in tree.items()]
        return set().union(*inner)

    configs: list[RunConfig] = [tiny_config(name) for name in ("gan", "dcgan", "vae", "wgan", "wgan-gp", "iwae")]
    assert set(WORDS) <= set().union(*(paths(config.tree()) for config in configs))


def test_the_page_shows_words_and_path(study: tuple[Path, dict[str, Any]]) -> None:
    folder, results = study
    results["varied"] = ["training.optimizer.G.learning_rate: 0.0002 (<gan>); 0.001 (vae).", "Two seeds per model."]
    (folder / "results.json").write_text(json.dumps(results))
    text = rendered(read_folder(folder))
    items = re.search(r"<h2>Varied</h2><ul>(.*?)</ul>", text, re.S)[1]  # type: ignore[index]
    assert items == (
        "<li>Learning rate of the generator or decoder: 0.0002 (&lt;gan&gt;); 0.001 (vae). "
        '<code class="path">training.optimizer.G.learning_rate</code></li><li>Two seeds per model.</li>'
    )
