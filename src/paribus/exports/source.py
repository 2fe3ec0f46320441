"""What is exported: a trained model, the run that it comes from, and what may be told of both to others."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paribus.data import DATASETS
from paribus.models import Model, load_model
from paribus.recipes import RunConfig
from paribus.results.folder import RunFolder
from paribus.runs.run import Run

NOT_STATED = "not stated"


@dataclass(frozen=True)
class TrainedModel:
    """A model and its run.

    Args:
        model: The trained model.
        name: What files of it are called by default.
        run: The run's folder; None for a model without one.
    """

    model: Model
    name: str
    run: RunFolder | None = None

    @classmethod
    def of(cls, source: str | Path | Run | Model) -> TrainedModel:
        """A run, a loaded model, or what `load_model` takes.

        Raises:
            ParibusError: There is no model.
        """
        if isinstance(source, Model):
            return cls(source, source.config.model)
        path = source.folder.path if isinstance(source, Run) else Path(source)
        folder = RunFolder(path)
        model = source.model if isinstance(source, Run) else load_model(source)
        return cls(model, path.resolve().name, folder if folder.exists else None)

    @property
    def record(self) -> dict[str, Any]:
        """The content of the run's run.yaml; empty where there is no run."""
        return {} if self.run is None else self.run.record

    @property
    def data_name(self) -> str:
        """The data's name; of what may be a path, which says where things lie on this machine, its last part."""
        name = self.model.config.data.name
        return name if name in (*DATASETS, self.data_hub_id) else Path(name).name

    @property
    def data_hub_id(self) -> str | None:
        """The data's id on the Hugging Face Hub: a built-in set's, or where the run's record says that it is one."""
        known = DATASETS.get(self.model.config.data.name)
        return (self.record.get("data") or {}).get("hub_id") if known is None else known.hub_id

    @property
    def data_licence(self) -> str:
        """The terms of the data, where Paribus knows them."""
        known = DATASETS.get(self.model.config.data.name)
        return NOT_STATED if known is None else known.licence

    @property
    def config(self) -> RunConfig:
        """The model's configuration without paths of this machine."""
        config = self.model.config
        data = config.data.model_copy(update={"name": self.data_name})
        evaluation = config.evaluation.model_copy(update={"inception_weights": None})
        return config.model_copy(update={"data": data, "evaluation": evaluation})

    @property
    def latents_words(self) -> str:
        """What latents are to be drawn from, in words."""
        if self.model.sampler_words:
            return self.model.sampler_words
        return "a standard normal distribution" if self.model.prior_is_normal else "the objective's own prior"
