"""Evaluation: a model, or images that any program made, against a data set."""

from paribus.evaluation.context import EvaluatedModel
from paribus.evaluation.scores import compare_images, evaluate, evaluate_images, select_best_snapshot

__all__ = ["EvaluatedModel", "compare_images", "evaluate", "evaluate_images", "select_best_snapshot"]
