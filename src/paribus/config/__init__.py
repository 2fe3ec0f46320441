"""What a configuration is made of: groups of settings, budgets, overrides."""

from paribus.config.budget import Budget
from paribus.config.groups import (
    Augmentation,
    DataSettings,
    EvaluationSettings,
    NotNegative,
    Optimizer,
    SamplerSettings,
    Schedule,
    TrainingSettings,
    TuningRecord,
    data_options,
    value_at,
)
from paribus.config.settings import ImageShape, PlainName, Settings, validated

__all__ = [
    "Augmentation",
    "Budget",
    "DataSettings",
    "EvaluationSettings",
    "ImageShape",
    "NotNegative",
    "Optimizer",
    "PlainName",
    "SamplerSettings",
    "Schedule",
    "Settings",
    "TrainingSettings",
    "TuningRecord",
    "data_options",
    "validated",
    "value_at",
]
