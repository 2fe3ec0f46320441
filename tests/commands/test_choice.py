"""Which models a comparison takes where none are named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from paribus.cli.studies import reason
from paribus.commands.studies import compare
from paribus.config import ImageShape
from paribus.recipes.choice import Choice, choose_models
from paribus.recipes.presets import model_names
from paribus.studies.study import Study
from tests.conftest import made_data


@pytest.mark.parametrize(
    ("image", "rarest", "models"),
    [
        (ImageShape(1, 28, 10), 500, ("vae", "conv-vae", "gan", "dcgan")),
        (ImageShape(1, 32), 0, ("vae", "conv-vae", "gan", "dcgan")),
        (ImageShape(3, 64), 0, ("conv-vae", "sigma-vae", "dcgan")),
        (ImageShape(1, 64), 0, ("conv-vae", "sigma-vae", "dcgan")),
        (ImageShape(3, 64, 2), 300, ("conv-vae", "sigma-vae", "cvae", "dcgan")),
        (ImageShape(3, 64, 2), 60, ("conv-vae", "sigma-vae", "dcgan")),
        (ImageShape(3, 64, 1000), 300, ("conv-vae", "sigma-vae", "dcgan")),
    ],
)
def test_models_follow_from_the_images(image: ImageShape, rarest: int, models: tuple[str, ...]) -> None:
    choice = choose_models(image, rarest)
    assert choice.models == models
    assert set(models) <= set(model_names())


def models_of(study: Study) -> list[str]:
    return [run.label for run in study.runs]


def test_a_comparison_chooses_by_its_images_and_says_so(tmp_path: Path) -> None:
    said: list[Choice] = []
    small = compare(data=made_data(8), seeds=1, out=tmp_path, start=False, chosen=said.append)
    assert models_of(small) == ["vae", "conv-vae", "gan", "dcgan"]
    coloured = replace(made_data(32, channels=3, n=400), name="coloured")
    assert models_of(compare(data=coloured, seeds=1, start=False, chosen=said.append)) == [
        "conv-vae", "sigma-vae", "cvae", "dcgan",
    ]  # fmt: skip
    assert [choice.rarest_class > 0 for choice in said] == [True, True]
    assert models_of(compare(["gan"], made_data(8), seeds=1, out=tmp_path, start=False, chosen=said.append)) == ["gan"]
    assert len(said) == 2


def test_the_same_command_resumes_the_models_that_the_study_has(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("{models: [gan], seeds: [0], budget: 64img, plan: {axes: {model: [gan]}}}")
    said: list[Choice] = []
    study = compare(data="digits", seeds=1, budget="64img", out=tmp_path, start=False, chosen=said.append)
    assert models_of(study) == ["gan"] and said == []


def test_the_reason_is_a_sentence() -> None:
    large = reason(choose_models(ImageShape(3, 64, 2), 300))
    assert large.startswith(
        "models: conv-vae, sigma-vae, cvae, dcgan. These images are 64x64 pixels in colour: too many"
    )
    assert "(12,288)" in large and "300 training images or more" in large
    assert "small enough for fully connected models" in reason(choose_models(ImageShape(1, 28), 0))
