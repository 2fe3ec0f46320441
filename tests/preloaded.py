"""Imports what commands import when they need it; only the process that `tests.forks` forks from imports this."""

from __future__ import annotations

import importlib
import pkgutil

import sklearn.datasets  # noqa: F401  (digits)

import paribus.cli
import paribus.commands
from paribus.base.registry import backbones, measures, objectives

for package in (paribus.commands, paribus.cli):
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
for registry in (backbones, objectives, measures):
    registry.names()
