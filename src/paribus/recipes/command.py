"""The command that stands for a configuration: what it has to say beyond the preset, and never a password."""

from __future__ import annotations

import re
import shlex
from typing import Any

import yaml

from paribus.base.processes import launcher
from paribus.config.overrides import leaves
from paribus.recipes import RunConfig, resolve

_OPTIONS = {"data.name": "--data", "training.budget": "--budget", "seed": "--seed"}
"""Settings that have an option of their own; given always, whatever the preset says."""


def command_of(config: RunConfig) -> str:
    """`paribus train ...` that resolves to this configuration on every machine, as it stands in a shell."""
    values = dict(leaves(config.tree()))
    words = [*launcher(config.training.processes or 1), "train", config.model]
    for path, option in _OPTIONS.items():
        words += [option, str(values[path])]
    for override in _overrides(config):
        words += ["-o", override]
    return shlex.join(words)


def without_passwords(text: str) -> str:
    """A text without the passwords of the URLs in it, before their host or in their query."""
    text = re.sub(r"(?i)([?&](?:password|passwd|pwd)=)[^&]*", r"\1***", text)
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)


def _overrides(config: RunConfig) -> list[str]:
    wanted = dict(leaves(config.tree()))
    overrides: list[str] = []
    # another objective or backbone changes the defaults of the rest: it is named first
    for path in ("objective.name", "backbone.name"):
        if wanted[path] != dict(leaves(resolve(config.model, overrides=overrides).tree()))[path]:
            overrides.append(f"{path}={wanted[path]}")
    given = dict(leaves(resolve(config.model, overrides=overrides).tree()))
    for path, value in wanted.items():
        if path not in _OPTIONS and (path not in given or given[path] != value):
            overrides.append(f"{path}={_text(value)}")
    return overrides


def _text(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).strip().removesuffix("\n...")
