"""What a configuration is made of: groups of settings, budgets, overrides."""

from paribus.config.budget import Budget
from paribus.config.groups import (
    Augmentation,
    DataSettings,
    EvaluationSettings,
    Optimizer,
    SamplerSettings,
    Schedule,
    TrainingSettings,
    TuningRecord,
)
from paribus.config.settings import ImageShape, Settings, validated

__all__ = [
    "Augmentation",
    "Budget",
    "DataSettings",
    "EvaluationSettings",
    "ImageShape",
    "Optimizer",
    "SamplerSettings",
    "Schedule",
    "Settings",
    "TrainingSettings",
    "TuningRecord",
    "validated",
]
