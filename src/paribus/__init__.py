"""Paribus trains, measures and compares generative image models, all else being equal.

import paribus as pb

data = pb.load_data("mnist")
run = pb.train("dcgan", data, budget="20epochs", seed=0)
run.model.sample(16)
scores = pb.evaluate(run.model, data)
study = pb.compare(["vae", "dcgan"], data, seeds=3)
study.report("out.html")
pb.replicate("tikayyolla-2020", scale="smoke")
pb.train_on_points("grid", "wgan-gp")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from paribus.base.version import __version__

if TYPE_CHECKING:
    from paribus.base.errors import Interrupted, ParibusError
    from paribus.commands.evaluate import evaluate
    from paribus.commands.inspect import inspect
    from paribus.commands.outputs import export, push
    from paribus.commands.studies import compare, replicate
    from paribus.commands.train import train
    from paribus.commands.tune import tune
    from paribus.config import DataSettings, EvaluationSettings
    from paribus.data import load_data
    from paribus.laboratory.recording import train_on_points
    from paribus.models import load_model as load
    from paribus.results.score import Score

__all__ = [
    "DataSettings",
    "EvaluationSettings",
    "Interrupted",
    "ParibusError",
    "Score",
    "__version__",
    "compare",
    "evaluate",
    "export",
    "inspect",
    "load",
    "load_data",
    "push",
    "replicate",
    "train",
    "train_on_points",
    "tune",
]

# imported on first use: torch takes a second, and `paribus --help` must not
_HOMES = {
    "DataSettings": "paribus.config:DataSettings",
    "EvaluationSettings": "paribus.config:EvaluationSettings",
    "Interrupted": "paribus.base.errors:Interrupted",
    "ParibusError": "paribus.base.errors:ParibusError",
    "Score": "paribus.results.score:Score",
    "compare": "paribus.commands.studies:compare",
    "evaluate": "paribus.commands.evaluate:evaluate",
    "export": "paribus.commands.outputs:export",
    "inspect": "paribus.commands.inspect:inspect",
    "load": "paribus.models:load_model",
    "load_data": "paribus.data:load_data",
    "push": "paribus.commands.outputs:push",
    "replicate": "paribus.commands.studies:replicate",
    "train": "paribus.commands.train:train",
    "train_on_points": "paribus.laboratory.recording:train_on_points",
    "tune": "paribus.commands.tune:tune",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'paribus' has no attribute '{name}'")
    from pkgutil import resolve_name

    return resolve_name(_HOMES[name])
