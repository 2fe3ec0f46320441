"""A metric, an objective and a backbone in a file outside the package: listed, trained, measured and reported."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

import paribus as pb
from paribus.base.registry import backbones, measures, objectives
from paribus.cli.listing import rows
from paribus.report import write_report
from tests.conftest import made_data

FILE = '''
"""A user's own parts."""

from collections.abc import Iterator
from typing import ClassVar

from torch import Tensor, nn

from paribus.backbones.mlp import MLP
from paribus.base.registry import backbones, measures, objectives
from paribus.evaluation.context import Context, Watcher
from paribus.evaluation.measures.base import Measure
from paribus.config import ImageShape
from paribus.metrics.estimates import mean_estimate
from paribus.objectives.base import Batch, Draw, Nets
from paribus.objectives.vae import VAE
from paribus.results.metric import Metric
from paribus.results.score import Score


@objectives.register("half-kl")
class HalfKL(VAE):
    """A VAE whose loss is halved."""

    name: ClassVar[str] = "half-kl"
    share: float = 0.5

    def _loss(self, nets: Nets, batch: Batch, draw: Draw) -> dict[str, Tensor]:
        terms = super()._loss(nets, batch, draw)
        return terms | {"loss": self.share * terms["loss"]}


@backbones.register("steep")
class Steep(MLP):
    """Fully connected layers whose last one begins twice as steep."""

    name: ClassVar[str] = "steep"

    def up(self, latent_dim: int, image: ImageShape) -> nn.Module:
        net = super().up(latent_dim, image)
        for layer in [module for module in net.modules() if isinstance(module, nn.Linear)][-1:]:
            layer.weight.data *= 2
        return net


@measures.register("darkness")
class Darkness(Measure):
    """How dark images are."""

    metrics = (
        Metric(
            name="darkness",
            label="Darkness",
            direction="towards",
            target=0.5,
            meaning="One less the mean grey value of samples, from 0 to 1.",
            comparable="Comparable only when the images and their resolution agree.",
            section="leaderboard",
            place=99,
        ),
    )

    def watcher(self, context: Context) -> Watcher:
        return lambda images: {"darkness": 1 - images.double().flatten(1).mean(1) / 255}

    def scores(self, context: Context) -> Iterator[Score]:
        seen = context.numbers("darkness")["darkness"]
        yield context.score("darkness", mean_estimate(seen), n=context.n, split="test", protocol=context.protocol)
'''


@pytest.fixture
def own_parts(tmp_path: Path) -> Iterator[None]:
    """The file, imported; what it registers is forgotten afterwards."""
    path = tmp_path / "own_parts.py"
    path.write_text(FILE)
    spec = importlib.util.spec_from_file_location("own_parts", path)
    assert spec is not None and spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    yield
    for registry, name in ((objectives, "half-kl"), (backbones, "steep"), (measures, "darkness")):
        registry.remove(name)


@pytest.mark.usefixtures("own_parts")
def test_they_are_listed_trained_measured_and_reported(tmp_path: Path) -> None:
    for what, name in (("objectives", "half-kl"), ("backbones", "steep"), ("metrics", "darkness")):
        assert name in {row["name"] for row in rows(what)}, what
    overrides = ["objective.name=half-kl", "objective.share=0.25", "backbone.name=steep", "backbone.width=16"]
    overrides += ["evaluation.encoder=pixels"]
    run = pb.train("vae", made_data(), budget="5updates", out=tmp_path / "run", overrides=overrides)
    assert run.folder.record["config"]["objective"]["share"] == 0.25
    assert run.folder.record["config"]["backbone"]["name"] == "steep"
    (score,) = [score for score in run.scores if score.metric == "darkness"]
    assert score.value is not None and 0 < score.value < 1 and score.n == 24
    page = write_report(run.folder.path, tmp_path / "page.html").read_text()
    assert "Darkness" in page and "One less the mean grey value of samples" in page
    assert pb.load(run.folder.path).objective.name == "half-kl"
