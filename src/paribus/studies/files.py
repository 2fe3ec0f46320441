"""STUDY.yaml as a user writes it: read into a plan, with the line of every mistake."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Generic, TypeVar

import yaml

from paribus.base.errors import ParibusError, shown
from paribus.base.names import fitted_name
from paribus.base.parsing import LOADER, from_yaml, text_of
from paribus.config import Settings, validated
from paribus.studies.plan import StudyPlan

S = TypeVar("S", bound=Settings)


class StudyFile(Generic[S]):
    """A file that holds a plan: of a study, or of another kind that has a name."""

    def __init__(self, path: Path, kind: type[S] = StudyPlan) -> None:  # type: ignore[assignment]
        """Reads the file.

        Raises:
            ParibusError: It cannot be read, is no mapping, or names a key twice.
        """
        self.path, self.kind = path, kind
        try:
            text = text_of(path)
            self._tree = from_yaml(text)
        except ValueError as error:
            raise ParibusError(
                "The study's file cannot be read.", where=str(path), got=error, expected="YAML in UTF-8"
            ) from None
        root = yaml.compose(text, Loader=LOADER)
        if not isinstance(self._tree, dict) or root is None:
            raise ParibusError(
                "A study's file must hold named settings.",
                where=f"{path}, line 1",
                got=shown(self._tree),
                expected="a mapping such as 'model: vae' and 'budget: 20kimg' on lines of their own",
                fix="docs/studies.md has an example",
            )
        self._lines = dict(self._places(root))

    def plan(self) -> S:
        """The plan, named after the file where it does not name itself.

        Raises:
            ParibusError: A setting is unknown or has a wrong value; with its line.
        """
        with self.naming_lines():
            plan: S = validated(self.kind, {"name": fitted_name(self.path.stem)} | self._tree)
            return plan

    @contextmanager
    def naming_lines(self) -> Iterator[None]:
        """Adds file and line to errors whose place is a path in the plan."""
        try:
            yield
        except ParibusError as error:
            path = (error.where or "").split(".")  # where it is about the plan
            if path[0] not in {*self.kind.model_fields, *self._lines}:
                raise
            raise error.at(f"{self.path}, line {self._line(path)}: {error.where}") from None

    def _line(self, path: list[str]) -> int:
        """The line of the innermost of the settings that lead to a path."""
        leading = (".".join(path[:parts]) for parts in range(len(path), 0, -1))
        return next((self._lines[place] for place in leading if place in self._lines), 1)

    def _places(self, node: yaml.Node, prefix: str = "") -> Iterator[tuple[str, int]]:
        children: list[tuple[str, yaml.Node, yaml.Node]] = []
        if isinstance(node, yaml.MappingNode):
            children = [(str(key.value), key, value) for key, value in node.value]
            names = [name for name, _, _ in children]
            for place, (name, key, _) in enumerate(children):
                if name in names[:place]:
                    raise ParibusError(
                        "A key stands twice.",
                        where=f"{self.path}, line {key.start_mark.line + 1}: {prefix}{name}",
                        fix="name each key once",
                    )
        elif isinstance(node, yaml.SequenceNode):
            children = [(str(place), value, value) for place, value in enumerate(node.value)]
        for name, key, value in children:
            yield prefix + name, key.start_mark.line + 1
            yield from self._places(value, f"{prefix}{name}.")


def read_values(text: str) -> tuple[str, list[Any]]:
    """Reads `key.path=value,value`, as `paribus study add` takes it.

    Raises:
        ParibusError: The text has another form.
    """
    path, sign, values = text.partition("=")  # as a user wrote it
    try:
        found = from_yaml(f"[{values}]")
    except ValueError:
        found = None
    if not sign or not path.strip() or not found:
        raise ParibusError(
            "What is added must have the form key.path=value,value.",
            where=text,
            expected="for example objective.latent_dim=16,32 or seeds=3,4 or model=dcgan",
        )
    return path.strip(), found
