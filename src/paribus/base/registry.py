"""Names to classes: a registered class in a new file is found without any other edit."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from paribus.base.errors import shown, unknown

T = TypeVar("T", bound=type)


class Registry(Generic[T]):
    """Classes of one kind, found by importing every module of one package on first use."""

    def __init__(self, kind: str, package: str) -> None:
        self.kind = kind
        self.package = package
        self._classes: dict[str, T] = {}
        self._complete = False

    def register(self, name: str) -> Callable[[T], T]:
        """Class decorator: makes the class known as `name`, which becomes its attribute of that name."""

        def add(cls: T) -> T:
            known = self._classes.get(name)
            if known is not None and known.__qualname__ != cls.__qualname__:
                raise ValueError(f"{self.kind} '{name}' is registered twice: {known} and {cls}")
            self._classes[name] = cls
            cls.name = name  # type: ignore[attr-defined]
            return cls

        return add

    def __getitem__(self, name: str) -> T:
        self._import_all()
        if not isinstance(name, str) or name not in self._classes:  # a name may be whatever a file says
            fix = f"choose one of them ('paribus list {self.kind}s' explains each)"
            raise unknown(f"Unknown {self.kind} {shown(name)}", name, self.names(), where=f"{self.kind}.name", fix=fix)
        return self._classes[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.names())

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._import_all()
        return sorted(self._classes)

    def remove(self, name: str) -> None:
        """Forgets a class, as one that was registered for a while."""
        self._import_all()
        del self._classes[name]

    def _import_all(self) -> None:
        if self._complete:
            return
        package = importlib.import_module(self.package)
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{self.package}.{module.name}")
        self._complete = True


backbones: Registry[Any] = Registry("backbone", "paribus.backbones")
objectives: Registry[Any] = Registry("objective", "paribus.objectives")
measures: Registry[Any] = Registry("measure", "paribus.evaluation.measures")
