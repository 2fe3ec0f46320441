"""Equal parameters by width, counted on networks that were really built."""

from __future__ import annotations

import pytest

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.models import build_networks
from paribus.recipes import resolve
from paribus.results.words import statement
from paribus.studies.matching import Match, match_width, with_width
from paribus.studies.results import equal_parameters

SHAPE = ImageShape(1, 28, 10)


def built(model: str, width: int) -> int:
    nets = build_networks(resolve(model, {"backbone": {"width": width}}), SHAPE)
    return sum(parameter.numel() for net in nets.values() for parameter in net.parameters())


@pytest.mark.parametrize("model", ["gan", "dcgan", "conv-vae", "vae-gan", "sngan", "avb"])
def test_widths_reach_the_parameters_of_another_model(model: str) -> None:
    target = built("vae", 512)
    match = match_width(resolve(model), SHAPE, target, model)
    assert with_width(resolve(model), match.width).backbone.width == match.width
    assert match.parameters == built(model, match.width) == pytest.approx(target, rel=0.02)
    assert match.target == target


def test_a_width_that_fits_stays() -> None:
    assert resolve("vae").backbone.width == 512
    assert match_width(resolve("vae"), SHAPE, round(built("vae", 512) * 1.019), "vae").width == 512


def test_what_cannot_be_matched_is_refused_with_what_can() -> None:
    """aae's discriminator of latents alone has more parameters than this, whatever the width."""
    with pytest.raises(ParibusError) as caught:
        match_width(resolve("aae"), SHAPE, 100_000, "aae")
    assert "No width gives 'aae' as many parameters as the study wants, within 2%." in str(caught.value)
    assert f"nearest: {built('aae', 1):,} with width 1" in str(caught.value)
    assert f"write params: {built('aae', 1)}" in str(caught.value)


def test_what_was_reached_is_said() -> None:
    found = {"vae": Match(512, 1000, 1000), "gan": Match(48, 990, 1000)}
    [fact] = equal_parameters(found)
    assert fact.figures["target"] == 1000 and fact.figures["widths"] == (512, 48)
    assert str(statement(fact)) == (
        "Parameters: 1,000 for every model within 2%, by the backbone's width: "
        "512 with 1,000, +0.0% (vae); 48 with 990, -1.0% (gan)."
    )
    assert equal_parameters({}) == []
