"""Which models are worth a first comparison on some images."""

from __future__ import annotations

from dataclasses import dataclass

from paribus.config import ImageShape

FULLY_CONNECTED_PIXELS = 1024
"""Numbers in an image up to which fully connected networks are a first choice: 32x32 in grey."""
IMAGES_OF_A_CLASS = 100
"""Training images of the rarest class from which on a model is told the class."""
MOST_CLASSES = 100


@dataclass(frozen=True)
class Choice:
    """Models by name, and what they were chosen by.

    Attributes:
        models: Names of presets, the plainest first.
        image: The images' shape, with their classes.
        rarest_class: Training images of the class that has the fewest; 0 without labels.
    """

    models: tuple[str, ...]
    image: ImageShape
    rarest_class: int

    @property
    def is_small(self) -> bool:
        """Whether fully connected networks are among them."""
        return self.image.pixels <= FULLY_CONNECTED_PIXELS


def choose_models(image: ImageShape, rarest_class: int) -> Choice:
    """Chooses by size, channels, labels and how many images there are of each class.

    Small grey images have a fully connected and a convolutional model of each kind, a VAE and a GAN. Larger ones, and
    those in colour, have convolutional ones alone: a fully connected layer has a weight for every pixel and cannot
    know that they have neighbours. There a VAE whose deviation follows the data stands beside the plain one, whose
    cross-entropy is made for pixels near black and white, and one that is told the class where classes are well filled.

    Args:
        image: The images' shape, with their classes; 0 for unlabelled ones.
        rarest_class: Training images of the class that has the fewest.
    """
    if image.pixels <= FULLY_CONNECTED_PIXELS:
        return Choice(("vae", "conv-vae", "gan", "dcgan"), image, rarest_class)
    told = ("cvae",) if 2 <= image.classes <= MOST_CLASSES and rarest_class >= IMAGES_OF_A_CLASS else ()
    return Choice(("conv-vae", "sigma-vae", *told, "dcgan"), image, rarest_class)
