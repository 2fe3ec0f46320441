"""A run's four choices as one configuration: the tree, the presets, and the command that stands for either."""

from paribus.recipes.presets import about, check_groups, model_names, own_shape, resolve
from paribus.recipes.tree import RunConfig

__all__ = ["RunConfig", "about", "check_groups", "model_names", "own_shape", "resolve"]
