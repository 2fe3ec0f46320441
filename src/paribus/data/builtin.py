"""The data sets that have a name of their own."""

from __future__ import annotations

from dataclasses import dataclass

from paribus.data.raw import CentreCut


@dataclass(frozen=True)
class BuiltIn:
    """A data set known by name.

    Args:
        description: One line on what it shows.
        licence: What is known of its terms.
        size: Height and width of its images in pixels, as they are without a choice of size.
        channels: 1 (grey) or 3 (RGB).
        hub_id: Its id on the Hugging Face Hub, or None where no network is needed.
        source: Where it comes from when it is not under PARIBUS_DATA.
        classes: How many its labels name; 0 where they name none.
        cut: The cut it is always used with, made in pictures of the original size only.
        stacks: The grey, labelled set whose images are its channels.
    """

    description: str
    licence: str
    size: int
    channels: int
    hub_id: str | None = None
    source: str = "Hugging Face Hub"
    classes: int = 10
    cut: CentreCut | None = None
    stacks: str | None = None


DATASETS: dict[str, BuiltIn] = {
    "digits": BuiltIn(
        "1,797 real handwritten digits, 8x8, grey, 10 classes; needs no network",
        "CC BY 4.0 (UCI Machine Learning Repository, E. Alpaydin and C. Kaynak)",
        8,
        1,
        source="scikit-learn's load_digits (a copy of the test set of UCI's Optical Recognition of Handwritten Digits)",
    ),
    "mnist": BuiltIn(
        "70,000 handwritten digits, 28x28, grey, 10 classes",
        "usually given as CC BY-SA 3.0 (Y. LeCun, C. Cortes)",
        28,
        1,
        hub_id="ylecun/mnist",
    ),
    "stacked-mnist": BuiltIn(
        "154,000 images of three MNIST digits as red, green and blue, 28x28, colour, 1,000 classes: for counting modes",
        "as mnist",
        28,
        3,
        source="made from mnist by a fixed seed",
        classes=1000,
        stacks="mnist",
    ),
    "fashion-mnist": BuiltIn(
        "70,000 pictures of clothes, 28x28, grey, 10 classes",
        "MIT (Zalando SE)",
        28,
        1,
        hub_id="zalando-datasets/fashion_mnist",
    ),
    "cifar10": BuiltIn(
        "60,000 photographs of animals and vehicles, 32x32, colour, 10 classes",
        "no formal licence; the authors ask for their report to be cited (A. Krizhevsky 2009)",
        32,
        3,
        hub_id="uoft-cs/cifar10",
    ),
    "lfw": BuiltIn(
        "13,233 faces in news photographs, the central 90x90 pixels, colour, no classes; choose a size (45, 64)",
        "for research on face recognition (University of Massachusetts, Amherst); do not identify anybody",
        90,
        3,
        hub_id="logasja/lfw",
        classes=0,  # 5,749 people, most seen once: identities, not classes
        cut=CentreCut(250, 250, (80, 80, 170, 170)),
    ),
    "anime-faces": BuiltIn(
        "21,551 faces of drawn characters, 64x64, colour, no classes",
        "collected from the web, no clear licence; for research only",
        64,
        3,
        hub_id="huggan/anime-faces",
        classes=0,
    ),
    "shapes": BuiltIn(
        "4,608 drawn shapes, 32x32, grey, 3 classes: every combination of place, size, orientation and shape",
        "Apache-2.0, as Paribus",
        32,
        1,
        source="drawn by Paribus; needs no network",
        classes=3,
    ),
}
"""The built-in names, in the order of `paribus list data`."""
