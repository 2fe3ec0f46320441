"""Seeded shares of a data set: which images are held out."""

from __future__ import annotations

import numpy as np

from paribus.base.randomness import keyed_seed
from paribus.results.score import Fact

TEST_SHARE = 0.2
LARGEST_VALIDATION = 5_000


def held_out(count: int, number: int, purpose: str, labels: np.ndarray | None = None) -> np.ndarray:
    """Indices of `number` of `count` images, drawn at random and, where there are labels, evenly from every class.

    Only the bit generator's raw stream is used, which NumPy keeps the same for ever, so a split never changes.

    Args:
        count: Number of images.
        number: How many to hold out, 0 to `count`.
        purpose: What for ("test", "validation"): another purpose gives an independent draw.
        labels: int64 (count,), or None. Every class then gives its share, off by less than one image.

    Returns:
        int64 (number,), ascending.
    """
    order = np.argsort(np.random.PCG64(keyed_seed("split", purpose)).random_raw(count), kind="stable")
    if labels is None:
        return np.sort(order[:number])
    rank = np.empty(count)  # of each image within its class, as a fraction of the class
    for label in np.unique(labels):
        members = order[labels[order] == label]
        rank[members] = (np.arange(len(members)) + 0.5) / len(members)
    return np.sort(order[np.argsort(rank[order], kind="stable")][:number])


def rest(count: int, indices: np.ndarray) -> np.ndarray:
    """The indices below `count` that are not among `indices`, ascending."""
    keep = np.ones(count, dtype=bool)
    keep[indices] = False
    return np.flatnonzero(keep)


def split_indices(
    counts: dict[str, int], labels: dict[str, np.ndarray | None], validation: float
) -> tuple[dict[str, tuple[str, np.ndarray]], list[Fact]]:
    """Says for train, validation and test which images of which source split they take.

    Args:
        counts: Images of each source split: `all` alone, or `train` with or without the others.
        labels: Labels of each source split, or None.
        validation: Share of the training images to hold out where the source has no validation split.

    Returns:
        For each split (name of the source split, int64 indices), and how they came about.
    """
    whole = {name: (name, np.arange(count)) for name, count in counts.items()}
    notes = []
    base = "all" if "all" in counts else "train"
    train = whole[base][1]
    by_class = int(labels[base] is not None)
    if "test" not in counts:
        number = max(1, round(TEST_SHARE * len(train)))
        test = held_out(len(train), number, "test", labels[base])
        whole["test"] = (base, test)
        figures = {"n": number, "of": len(train), "by_class": by_class, "alone": int(base == "all")}
        notes.append(Fact(code="test_held_out", figures=figures))
        train = rest(len(train), test)
    else:
        notes.append(Fact(code="own_split", figures={"split": "test"}))
    if "validation" not in counts:
        number = min(round(validation * len(train)), LARGEST_VALIDATION)
        of_train = labels[base]
        picked = held_out(len(train), number, "validation", None if of_train is None else of_train[train])
        whole["validation"] = (base, train[picked])
        train = train[rest(len(train), picked)]
        if number:
            notes.append(Fact(code="validation_held_out", figures={"n": number, "by_class": by_class}))
    else:
        notes.append(Fact(code="own_split", figures={"split": "validation"}))
    whole["train"] = (base, train)
    return {name: whole[name] for name in ("train", "validation", "test")}, notes
