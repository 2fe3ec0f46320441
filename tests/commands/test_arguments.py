"""What a program may pass to the functions of `import paribus`."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

import paribus as pb
from paribus.base.arguments import checked, fits
from paribus.base.errors import ParibusError

PUBLIC = [
    getattr(pb, name) for name in pb.__all__ if callable(getattr(pb, name)) and inspect.isfunction(getattr(pb, name))
]
WRONG: dict[Any, tuple[Any, ...]] = {
    bool: (1, "yes", np.zeros(3), None),
    int: (3.5, True, "x", [1, 2], np.zeros(3)),
    str: (b"x", 3, object()),
}


@pytest.mark.parametrize("function", PUBLIC, ids=lambda function: function.__name__)
def test_every_argument_of_a_public_function_is_checked_by_its_annotation(function: Callable[..., Any]) -> None:
    hints = typing.get_type_hints(function)
    signature = inspect.signature(function)
    needed = {
        name: "vae"
        for name, parameter in signature.parameters.items()
        if parameter.default is parameter.empty and parameter.kind is not parameter.VAR_KEYWORD
    }
    for name, parameter in signature.parameters.items():
        if parameter.kind is parameter.VAR_KEYWORD or hints[name] is Any or fits(object(), hints[name]):
            continue
        for wrong in (object(), *WRONG.get(hints[name], ())):
            given = {next(iter(signature.parameters)): "vae", **needed, name: wrong}
            with pytest.raises(ParibusError, match=rf"wrong type[\s\S]*where: *{name} of {function.__name__}"):
                function(**given)


def test_all_public_functions_are_looked_at() -> None:
    names = {function.__name__ for function in PUBLIC}
    assert names >= {"train", "compare", "evaluate", "tune", "load_data", "inspect", "load_model", "push", "export"}


@pytest.mark.parametrize("workers", [-1, 0])
@pytest.mark.parametrize("function", [pb.compare, pb.tune, pb.replicate], ids=lambda function: function.__name__)
def test_no_fewer_than_one_run_at_a_time(
    function: Callable[..., Any], workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARIBUS_DATA", str(tmp_path / "none"))
    given: dict[Any, dict[str, Any]] = {
        pb.compare: {"models": ["vae"], "budget": "64img"},
        pb.tune: {"model": "vae", "budget": "64img", "search": {"objective.latent_dim": [2, 3]}},
        pb.replicate: {"name": "guo-2023", "scale": "smoke"},
    }
    with pytest.raises(ParibusError, match=r"no number of runs at a time[\s\S]*workers"):
        function(**given[function], out=tmp_path / "out", workers=workers)


@checked
def called(a: int, b: Sequence[str] = (), c: Literal["x", "y"] = "x", d: Callable[[], None] | None = None) -> int:
    return a


@pytest.mark.parametrize("given", [(1,), (np.int64(1),), (1, ["b"]), (1, "b", "y"), (1, (), "x", print)])
def test_what_fits_is_passed_on(given: tuple[Any, ...]) -> None:
    assert called(*given) == 1


@pytest.mark.parametrize(
    "given", [(1.0,), (True,), (None,), (1, b"b"), (1, {"b"}), (1, (), "z"), (1, (), "x", "print")]
)
def test_what_does_not_fit_is_refused(given: tuple[Any, ...]) -> None:
    with pytest.raises(ParibusError, match="An argument has a wrong type"):
        called(*given)


def test_unknown_names_stay_pythons_own_mistake() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'e'"):
        called(1, e=2)  # type: ignore[call-arg]
