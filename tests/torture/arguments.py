"""What a program may pass to the functions of `import paribus`."""

from __future__ import annotations

import itertools
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import paribus
from tests.torture import nonsense
from tests.torture.harness import Ending, Outcome, Surface
from tests.torture.settings import TINY, in_memory, trained


class Arguments(Surface):
    name = "Python arguments"
    promise = "an argument of a Python function is refused in words, or used"
    few = 60

    def prepare(self, folder: Path) -> None:
        in_memory()
        self.data = paribus.load_data("digits")
        for name in ("cvae", "vae"):
            trained(name, [], folder, random.Random(name))
        self.models = [paribus.load(path) for path in sorted(folder.glob("run-*"))]
        assert sorted(model.classes for model in self.models) == [0, 10]

    def run(self, draw: random.Random, folder: Path) -> Outcome:
        out, steps = folder / f"out-{draw.randrange(1 << 62)}", iter(range(2))
        drawn = lambda: anything(draw, self.data)  # noqa: E731
        match draw.choice(
            (
                "load_data",
                "load_data",
                "train",
                "train",
                "model",
                "model",
                "model",
                "evaluate",
                "compare",
                "load",
                "images",
            )
        ):
            case "load_data":
                paribus.load_data(
                    *sometimes(draw, "digits", drawn),
                    **some(draw, drawn, "size", "channels", "validation", "on_bad", "float_range", "name", "x"),
                )
            case "train":
                usual: dict[str, Any] = {
                    "budget": "2updates",
                    "seed": 0,
                    "out": out,
                    "overrides": TINY,
                    "score": False,
                    "stop_requested": lambda: next(steps, None) is None,
                }
                changed = {
                    name: drawn()
                    for name in draw.sample(
                        ("budget", "seed", "out", "overrides", "config", "resume"), draw.choice((0, 1, 1, 2))
                    )
                }
                if "budget" in changed and not isinstance(changed["budget"], str):
                    changed["budget"] = draw.choice((changed["budget"], "1updates"))
                try:
                    paribus.train(
                        *sometimes(draw, "vae", drawn), draw.choice((self.data, "digits", drawn())), **usual | changed
                    )
                except paribus.base.errors.Interrupted:  # type: ignore[attr-defined]
                    pass
            case "model":
                asked(draw, draw.choice(self.models), drawn)
            case "evaluate":
                paribus.evaluate(
                    drawn(),
                    draw.choice((self.data, drawn())),
                    **some(draw, drawn, "size", "on_bad", "against", "overrides"),
                )
            case "compare":
                arguments: dict[str, Any] = {
                    "models": ["vae"],
                    "data": self.data,
                    "seeds": 1,
                    "budget": "64img",
                    "out": out,
                    "start": False,
                }
                name = draw.choice(list(arguments)[:-1])
                paribus.compare(**arguments | {name: drawn()})
            case "load":
                paribus.load(drawn())
            case "images":
                paribus.load_data(given(draw))
        return Outcome(Ending.DONE)


def asked(draw: random.Random, model: Any, drawn: Any) -> None:
    """One of a model's methods, with something in the place of one of its arguments, or of all of them."""
    labels = torch.tensor([1, 2]) if model.classes else None
    images, z = torch.zeros(2, 1, 8, 8, dtype=torch.uint8), model.latents(2)
    name, usual = draw.choice(
        (
            ("sample", {"n": 2, "seed": 0}),
            ("sample", {"n": 2, "labels": labels, "seed": 0}),
            ("latents", {"n": 2, "seed": 0, "labels": labels}),
            ("encode", {"images": images, "labels": labels}),
            ("reconstruct", {"images": images, "labels": labels}),
            ("decode", {"z": z, "labels": labels}),
            ("decode", {"z": z, "labels": labels}),
            ("first_layer", {"z": z, "labels": labels}),
            ("class_change", {"first": 0, "second": 1, "rows": 1, "steps": 2, "seed": 0}),
            ("kl_by_dimension", {"images": images, "labels": labels}),
            ("likelihood_terms", {"images": images, "labels": labels, "seed": 0}),
            ("log_weights", {"images": images, "labels": labels, "count": 2, "seed": 0}),
        )
    )
    given: dict[str, Any] = dict(usual)
    for argument in draw.sample(list(given), draw.choice((1, 1, 1, 2, len(given)))):
        given[argument] = draw.choice((drawn(), drawn(), like(draw, given[argument])))
    getattr(model, name)(**given)


def like(draw: random.Random, value: Any) -> Any:
    """Nearly the same: of another type, another length, with what is no number in it."""
    if isinstance(value, torch.Tensor):
        return draw.choice(
            (
                value.numpy(),
                value.tolist(),
                value.double(),
                value.half(),
                value.int(),
                value[:1],
                value[:0],
                value[None],
                torch.cat([value, value]),
                value.double() * np.nan,
                value.numpy().astype(object),
                np.asfortranarray(value.numpy()),
                memoryview(value.numpy()),
                value.to("meta"),
                value.requires_grad_() if value.is_floating_point() else value,
            )
        )
    number = draw.choice((0, 1, 2, 3, 200))
    kinds: tuple[Any, ...] = (np.uint8, np.uint16, np.uint32, np.uint64, np.int16, np.float32, str, bool, torch.tensor)
    return draw.choice(kinds)(number)


def sometimes(draw: random.Random, usual: Any, drawn: Any) -> list[Any]:
    return [usual if draw.random() < 0.5 else drawn()]


def some(draw: random.Random, drawn: Any, *names: str) -> dict[str, Any]:
    return {name: drawn() for name in draw.sample(names, draw.choice((0, 1, 1, 2)))}


def array(draw: random.Random) -> Any:
    shape = draw.choice(
        (
            (20, 8, 8),
            (20, 1, 8, 8),
            (20, 8, 8, 3),
            (20, 64),
            (2, 64),
            (0, 8, 8),
            (),
            (20,),
            (3, 3, 8, 8),
            (20, 8, 0),
            (1, 1, 9, 9),
        )
    )
    kind = draw.choice(("u1", "u1", "f4", "f8", "i8", "?", "c8", "O", "U2"))
    with np.errstate(all="ignore"):
        values = (
            np.random.default_rng(draw.randrange(1 << 30)).random(shape) * draw.choice((1, 1, 255, -3, np.nan, np.inf))
        ).astype(kind)
    return values if kind in ("O", "U2") or draw.random() < 0.5 else torch.from_numpy(np.array(values))


def given(draw: random.Random) -> Any:
    """Images in memory, or nearly."""
    pictures = [
        Image.new(draw.choice(("L", "L", "RGB", "F", "P", "CMYK")), draw.choice(((8, 8), (8, 8), (9, 8), (1, 1))))
        for _ in range(draw.choice((0, 3, 20)))
    ]
    labels = draw.choice(
        (
            [0, 1] * 10,
            ["a", "b"] * 10,
            [0.5] * 20,
            [None] * 20,
            [0] * 19,
            "ab" * 10,
            [1, "1"] * 10,
            np.arange(20) % 3,
            np.zeros((20, 2)),
            None,
        )
    )
    images = draw.choice(
        (
            pictures,
            array(draw),
            array(draw),
            array(draw),
            [array(draw) for _ in range(3)],
            [["x.png"]],
            [Path("x.png")] * 20,
            [b"x"] * 20,
            range(20),
        )
    )
    return draw.choice(
        (
            images,
            (images, labels),
            {"images": images, "labels": labels},
            {"train": images, "test": (images, labels)},
            {"train": (images, labels)},
            {
                "images": images,
                "labels": labels,
                "class_names": draw.choice((["a"], ["a", "a"], ["a", "b", "c"], 3, "ab")),
            },
            {"x": images},
            {},
            [],
            (),
            [images],
            torch.utils.data.TensorDataset(torch.zeros(20, 1, 8, 8, dtype=torch.uint8), torch.arange(20)),
            iter(pictures),
            itertools.count(),
            {"test": images},
        )
    )


def anything(draw: random.Random, data: Any) -> Any:
    return draw.choice(
        (
            nonsense.value(draw),
            nonsense.number(draw),
            nonsense.number(draw),
            draw.choice(nonsense.TEXTS),
            array(draw),
            given(draw),
            Path("x"),
            b"x",
            object(),
            len,
            int,
            np.float32(3),
            np.int64(-1),
            torch.tensor(2),
            {1, 2},
            (),
            ("a", 1),
            [["training.seed=1"]],
            1j,
            data,
            Exception,
        )
    )
