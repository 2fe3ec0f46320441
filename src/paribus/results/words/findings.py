"""What was found in a data set, in words: how it was read, split and changed, and what may be wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from paribus.base.wording import count, listed, plural
from paribus.results.score import Fact
from paribus.results.words.facts import fact_words

_PICTURES = frozenset(
    {".avif", ".heic", ".heif", ".jxl", ".jp2", ".psd", ".svg", ".tga", ".ico", ".dng", ".nef", ".cr2"}
)
_MOST_NAMED = 8


def _who(n: int, of: int) -> str:
    """The images that something was done to."""
    if n == of:
        return "All images were"
    return f"{count(n)} image{' was' if n == 1 else 's were'}"


def _share(n: int, of: int, what: str) -> str:
    """So many of the images of a split, with the verb that goes on: "3 of the 40 test images are"."""
    return f"{count(n)} of the {count(of)} {what} images {'is' if n == 1 else 'are'}"


def _named(names: Sequence[str]) -> str:
    return listed([*names[:_MOST_NAMED], *(["others"] if len(names) > _MOST_NAMED else [])])


def _test_held_out(n: int, of: int, by_class: int, alone: int) -> str:
    evenly = " with every class in proportion" if by_class else ""
    why = "" if alone else " because the source has no test split"
    ratio = f"{round(100 * (1 - n / of))}:{round(100 * n / of)}"
    return f"Split {ratio} into training and test images by a fixed seed{evenly}{why}."


def _files_left_out(kinds: tuple[str, ...], counts: tuple[int, ...]) -> str:
    pairs = [f"{count(n)} {kind}" for kind, n in zip(kinds, counts, strict=True)]
    convert = " Convert pictures to PNG or JPEG to have them used." if _PICTURES.intersection(kinds) else ""
    return f"Files of kinds that are not read are left out: {_named(pairs)}.{convert}"


def _folders_left_out(names: tuple[str, ...], n: int) -> str:
    return (
        f"{plural(n, 'image')} in none of the folders for splits {'is' if n == 1 else 'are'} left out: {_named(names)}."
    )


def _pages(n: int, of: int, kinds: tuple[str, ...], pages: tuple[int, ...]) -> str:
    left_out = listed([f"{count(k)} of {kind}" for kind, k in zip(kinds, pages, strict=True)])
    return f"{_who(n, of)} reduced to the first frame or page; further ones are left out: {left_out}."


def _narrow_range(low: int, high: int) -> str:
    return (
        f"WARNING: all pixels lie between {low} and {high}, of 0 to 255, and are used as they are: such images look "
        f"{'almost black' if high < 128 else 'almost white' if low > 127 else 'flat'}. If they are masks or of fewer "
        f"bits, stretch them to 0 to 255 first."
    )


def _uneven_classes(most: str, n_most: int, least: str, n_least: int, classes: int) -> str:
    return (
        f"The {classes} classes are uneven: {count(n_most)} training images of {most}, {count(n_least)} of {least}. "
        "Each image counts alike in training, and so the small classes little."
    )


def _equal_to_training(split: str, n: int, of: int) -> str:
    held = "scores" if split == "test" else "the choice of snapshots"
    return f"WARNING: {_share(n, of, split)} equal to a training image, pixel for pixel: {held} reward copies of them."


FINDINGS: dict[str, Callable[..., str]] = {
    "folder_not_meant": lambda name: (
        f"WARNING: these are the built-in images '{name}'; the folder of that name here is ./{name}."
    ),
    "test_held_out": _test_held_out,
    "validation_held_out": lambda n, by_class: (
        f"{plural(n, 'training image')} {'is' if n == 1 else 'are'} held out for validation by a fixed seed"
        f"{' with every class in proportion' if by_class else ''}."
    ),
    "own_split": lambda split: f"The {split} split is the source's own.",
    "cut": lambda n, of: f"{_who(n, of)} cut to a fixed central part.",
    "animated": _pages,
    "flattened": lambda n, of, background: (
        f"{_who(n, of)} laid onto a {background} background because of transparency."
    ),
    "cropped": lambda n, of: f"{_who(n, of)} cropped to the central square.",
    "greyed": lambda n, of: f"{_who(n, of)} turned from colour to grey.",
    "coloured": lambda n, of: f"{_who(n, of)} turned from grey to RGB.",
    "reduced": lambda n, of, size: f"{_who(n, of)} reduced to {size}x{size} pixels (Lanczos).",
    "enlarged": lambda n, of, size: f"{_who(n, of)} enlarged to {size}x{size} pixels (bicubic).",
    "profiled": lambda n, of: f"{_who(n, of)} converted from a colour profile of their own to sRGB.",
    "turned": lambda n, of: f"{_who(n, of)} turned upright as their EXIF orientation says.",
    "from_cmyk": lambda n, of: f"{_who(n, of)} converted from CMYK, without a colour profile, to RGB.",
    "eight_bits": lambda n, of: f"{_who(n, of)} scaled from 16 to 8 bits.",
    "metadata_unread": lambda n, of: f"{_who(n, of)} read without damaged metadata (EXIF or colour profile).",
    "skipped": lambda n: f"{plural(n, 'unreadable image')} {'was' if n == 1 else 'were'} skipped.",
    "files_left_out": _files_left_out,
    "folders_left_out": _folders_left_out,
    "splits_left_out": lambda names: f"Of no known split, and so left out: {_named(names)}.",
    "runs_left_out": lambda names: f"Runs and studies of Paribus in the folder are left out: {_named(names)}.",
    "empty_folders": lambda names: f"Folders without a file in them are no classes: {_named(names)}.",
    "links_left_out": lambda names: f"Links to folders whose files are used already are left out: {_named(names)}.",
    "splits_together": lambda names: f"Images of all splits are measured together: {listed(names)}.",
    "label_file_unread": lambda name, reason: f"{name} gives no labels: {reason}.",
    "labels_of_absent": lambda file, n, names: (
        f"{file} names {plural(n, 'image')} that {'is' if n == 1 else 'are'} not there: {_named(names)}."
    ),
    "unlabelled_split": lambda split, n: (
        f"The {split} split ({plural(n, 'image')}) has no labels, and is left out: images held out take its place."
    ),
    "labels_missing": lambda n: (
        f"The labels are left out because {plural(n, 'image')} {'has' if n == 1 else 'have'} none."
    ),
    "labels_missing_in_training": lambda: "The labels are left out because the training images have none.",
    "one_class": lambda: "The labels are left out because there is only one class.",
    "loose_files": lambda n, names: (
        f"The class folders give no labels because {plural(n, 'image')} {'lies' if n == 1 else 'lie'} beside them: "
        f"{_named(names)}."
    ),
    "label_column_left_out": lambda column, kind: (
        f"The column '{column}' ({kind}) gives no labels: one integer, text, truth value or whole number an image does."
    ),
    "every_combination": lambda names, counts: (
        f"Every combination of {', '.join(f'{n} of {name}' for name, n in zip(names, counts, strict=True))}."
    ),
    "stacked": lambda name: f"Each image is three of {name}, drawn by a fixed seed from the same split.",
    "narrow_range": _narrow_range,
    "flat_images": lambda n, of, levels: (
        f"WARNING: {count(n)} of {count(of)} images {'uses' if n == 1 else 'use'} at most {levels} of the 256 levels "
        "each: check that they are no masks or images of fewer bits."
    ),
    "uneven_training_classes": _uneven_classes,
    "equal_to_training": _equal_to_training,
    "repeated_images": lambda n, of: f"{_share(n, of, 'training')} a copy of another one, pixel for pixel.",
    "images_changed": lambda name: (
        f"The images of {name} are not those of the training run: they changed, or are others."
    ),
    "trained_on": lambda split, n, of: (
        f"WARNING: {_share(n, of, split)} among those that the model was trained on: scores reward copies of them."
    ),
}
"""By code, a sentence; called with the fact's figures."""


def finding_words(fact: Fact) -> str:
    """What was found in a data set as a sentence; a code from outside is spelt out with its figures."""
    words = FINDINGS.get(fact.code)
    return fact_words(fact) if words is None else words(**fact.figures)
