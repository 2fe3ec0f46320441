"""The whole configuration of a run: typed, frozen, the same tree in YAML, in Python and behind `-o key.path=value`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, SerializeAsAny, model_validator

from paribus.backbones.base import Backbone
from paribus.base.errors import ParibusError
from paribus.base.registry import backbones, objectives
from paribus.config import (
    DataSettings,
    EvaluationSettings,
    SamplerSettings,
    Settings,
    TrainingSettings,
    TuningRecord,
    validated,
)
from paribus.config.overrides import merged
from paribus.config.seeds import Seed
from paribus.objectives.base import EncodingObjective, Objective


def _resolve(kind: str, registry: Any) -> BeforeValidator:
    def resolve(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        if "name" not in value:
            raise ParibusError(f"The {kind} has no name.", where=f"{kind}.name", expected=", ".join(registry.names()))
        fields = {k: v for k, v in value.items() if k != "name"}
        return validated(registry[value["name"]], fields, where=kind)

    return BeforeValidator(resolve)


class RunConfig(Settings):
    """Everything that decides a run's weights, and how they are scored."""

    model: str
    seed: Seed = 0
    """Decides initial weights, order of the images and all noise."""
    data: DataSettings = DataSettings()
    backbone: Annotated[SerializeAsAny[Backbone], _resolve("backbone", backbones)]
    objective: Annotated[SerializeAsAny[Objective], _resolve("objective", objectives)]
    training: TrainingSettings = TrainingSettings()
    sampler: SamplerSettings = SamplerSettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    tuning: TuningRecord = TuningRecord()

    @model_validator(mode="before")
    @classmethod
    def _complete_optimizers(cls, values: Any) -> Any:
        # -o training.optimizer.G.learning_rate=... must keep G's other settings
        objective = values.get("objective") if isinstance(values, dict) else None
        if isinstance(objective, dict) and "name" in objective:
            defaults = {
                role: optimizer.model_dump(exclude_unset=True)
                for role, optimizer in objectives[objective["name"]].optimizers.items()
            }
            training = values.get("training") or {}
            given = (training.get("optimizer") or {}) if isinstance(training, dict) else {}
            if isinstance(training, dict) and isinstance(given, dict):
                values = values | {"training": training | {"optimizer": merged(defaults, given)}}
        return values

    @model_validator(mode="after")
    def _sampler_has_an_encoder(self) -> RunConfig:
        if self.sampler.name != "prior" and not isinstance(self.objective, EncodingObjective):
            raise ParibusError(
                f"The sampler '{self.sampler.name}' is fitted to latents, and '{self.model}' has no encoder.",
                where="sampler.name",
                got=f"{self.sampler.name} with objective '{self.objective.name}'",
                expected="prior",
                fix="leave sampler.name at prior, or choose a model with an encoder, such as vae",
            )
        return self

    def tree(self) -> dict[str, Any]:
        """The configuration as plain values, ready for YAML; `RunConfig` of it is equal to this one."""
        tree = self.model_dump(mode="json")
        for part in ("backbone", "objective"):
            tree[part] = {"name": getattr(self, part).name} | tree[part]
        return tree
