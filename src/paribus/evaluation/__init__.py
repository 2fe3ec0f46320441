"""Evaluation: a model, or images that any program made, against a data set."""

from paribus.evaluation.scores import compare_images, evaluate, evaluate_images, select_best_snapshot
from paribus.evaluation.subject import Model

__all__ = ["Model", "compare_images", "evaluate", "evaluate_images", "select_best_snapshot"]
