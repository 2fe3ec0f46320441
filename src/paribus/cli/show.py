"""The command `paribus show`: every setting of a model, an objective or a backbone."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paribus.cli.options import JsonOption

if TYPE_CHECKING:
    from paribus.recipes.settings import Described, Setting


def show(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A model, an objective or a backbone.")],
    kind: Annotated[
        str | None, typer.Option(metavar="model|objective|backbone", help="Which, where several have the name.")
    ] = None,
    changed: Annotated[bool, typer.Option("--changed", help="Only settings that are not at their defaults.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Print every setting with its value, default, range and meaning."""
    from paribus.cli import console
    from paribus.recipes.settings import described

    found = described(name, kind)
    shown = [setting for setting in found.settings if setting.differs or not changed]
    if as_json:
        settings = [asdict(setting) | {"differs": setting.differs, "meaning": _meaning(setting)} for setting in shown]
        print(json.dumps(asdict(found) | {"settings": settings}, indent=1))
        return
    _print_heading(found)
    console.print_table([_row(setting) for setting in shown])
    print("\n* differs from its default. -o SETTING=VALUE changes one.")


def _print_heading(found: Described) -> None:
    print(f"{found.name} ({found.kind}): {found.about.get('about', found.summary)}")
    for key in ("source", "differs"):
        if key in found.about:
            print(f"{key}: {found.about[key]}")
    for other in found.others:
        print(f"There is also {'an' if other == 'objective' else 'a'} {other} of this name: --kind {other}")
    print()


def _row(setting: Setting) -> dict[str, Any]:
    return {
        "": "*" if setting.differs else "",
        "setting": setting.path,
        "value": _text(setting.value),
        "default": _text(setting.default) if setting.differs else "",
        "allowed": setting.allowed,
        "meaning": _meaning(setting),
    }


def _meaning(setting: Setting) -> str:
    """What its docstring says, or else its name in words."""
    from paribus.results.words.settings import words_of

    return setting.meaning or f"{words_of(setting.path)}."


def _text(value: Any) -> str:
    """A value as `-o` takes it."""
    import yaml

    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).strip().removesuffix("\n...")
