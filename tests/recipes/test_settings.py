"""Every setting of what has a name: its value, default, meaning and range."""

from __future__ import annotations

import pytest

from paribus.base.errors import ParibusError
from paribus.base.registry import backbones, objectives
from paribus.config.overrides import leaves
from paribus.recipes import model_names, resolve
from paribus.recipes.settings import Described, Setting, described


def setting(found: Described, path: str) -> Setting:
    return next(each for each in found.settings if each.path == path)


@pytest.mark.parametrize("model", model_names())
def test_no_setting_of_a_preset_is_left_out_or_without_a_meaning(model: str) -> None:
    found = described(model, "model")
    paths = [each.path for each in found.settings]
    assert len(set(paths)) == len(paths)
    config = resolve(model)
    for path, value in leaves(config.tree()):
        if path != "model" and not any(path.startswith(f"{known}.") for known in paths):
            assert setting(found, path).value == value
    assert [each.path for each in found.settings if not each.meaning] == []


def test_a_setting_says_what_it_is_and_where_it_differs() -> None:
    found = described("dcgan")
    assert (found.kind, found.others) == ("model", ("backbone",))
    width = setting(found, "backbone.width")
    assert (width.value, width.default, width.differs, width.allowed) == (32, 64, True, "integer >= 1 and <= 65536")
    assert width.meaning.startswith("Channels next to the image")
    assert not setting(found, "objective.dropout").differs
    assert setting(found, "data.size").allowed == "integer >= 8 and <= 128 | null"
    assert setting(found, "objective.loss").allowed == "non-saturating | minimax | hinge | least-squares"
    assert setting(found, "training.budget").value == "20epochs"
    # the objective's own rate is the default, not the optimiser class's
    rate = setting(found, "training.optimizer.G.learning_rate")
    assert (rate.value, rate.default) == (0.002, 0.0002)


def test_a_schedule_is_one_value() -> None:
    gamma = setting(described("r3gan"), "objective.gamma")
    assert gamma.value == {"start": 0.05, "end": 0.005, "images": 1e6}
    assert gamma.allowed == "number | {start, end, images}"


@pytest.mark.parametrize(
    ("kind", "name"),
    [("objective", name) for name in objectives.names()] + [("backbone", name) for name in backbones.names()],
)
def test_objectives_and_backbones_too(kind: str, name: str) -> None:
    found = described(name, kind)
    assert found.kind == kind and found.summary and found.settings
    assert all(each.meaning and each.path.startswith((f"{kind}.", "training.optimizer.")) for each in found.settings)


def test_an_unknown_name_is_refused_with_near_ones() -> None:
    with pytest.raises(ParibusError, match="Did you mean 'dcgan'"):
        described("dcgam")
    with pytest.raises(ParibusError, match="no kind 'modell'"):
        described("gan", "modell")
    with pytest.raises(ParibusError, match="no backbone 'gan'"):
        described("gan", "backbone")
