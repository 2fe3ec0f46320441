"""What a view is of: a trained model, the images that it was trained on or that a user gives, and a seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import torch
from torch import Tensor

from paribus.base.errors import ParibusError
from paribus.config import ImageShape
from paribus.data import ImageData, Split
from paribus.data.decoding import BadImage, Recipe, TooManyPixels, decoded, strict_decoding
from paribus.evaluation.encoding import StageProgress, choice, silent
from paribus.latent.inversion import PRIOR_WEIGHT, inverted_latents, prior_candidates
from paribus.models import Model, load_model
from paribus.models.files import images_of_run
from paribus.results.folder import RunFolder

NO_IMAGES = "This view needs the images that the model was trained on, and they are unavailable."
_AT_ONCE = 64  # images inverted together, so that memory does not grow with their number


@dataclass(frozen=True)
class Subject:
    """A model and what its views need.

    Args:
        model: The trained model.
        load_images: Gives the images of its configuration; asked once, by the views that need them.
        seed: Of every draw.
        folder: The run's folder, for snapshots; None for a model without one.
        progress: Told of long work.
    """

    model: Model
    load_images: Callable[[], ImageData]
    seed: int = 0
    folder: RunFolder | None = None
    progress: StageProgress = silent

    @classmethod
    def of(cls, source: str | Path, seed: int = 0, progress: StageProgress = silent) -> Subject:
        """The model of a run's folder or of the Hub.

        Raises:
            ParibusError: There is no model.
        """
        model, folder = load_model(source), RunFolder(Path(source))

        def load_images() -> ImageData:
            return images_of_run(folder.path, model.config, what=NO_IMAGES, fix="restore the data")

        return cls(model, load_images, seed, folder if folder.exists else None, progress)

    @cached_property
    def data(self) -> ImageData:
        """The images that the model was trained on."""
        return self.load_images()

    @property
    def title(self) -> str:
        """The model, its data, and both seeds, in words."""
        config = self.model.config
        return f"{config.model} on {config.data.name}, trained with seed {config.seed}; drawn with seed {self.seed}"

    def class_of(self, n: int, label: int | str | None = None) -> Tensor | None:
        """Labels (n,) of one class, by default the first; None for an unconditional model.

        Raises:
            ParibusError: As `Model.sample_labels`.
        """
        if label is None and not self.model.image.classes:
            return None
        return self.model.sample_labels(n, 0 if label is None else label)

    def class_words(self, label: int | str | None) -> str:
        """The class that a conditional model's images are of, as a clause; nothing for an unconditional one."""
        labels = self.class_of(1, label)
        return "" if labels is None else f", class {self.class_names[int(labels)]}"

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the data's classes."""
        return self.model.class_names or tuple(str(k) for k in range(self.model.data_shape.classes))

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (..., C, H, W) of latents (..., latent), with labels (...) for a conditional model."""
        flat = z.flatten(0, -2)
        labels = None if labels is None else labels.expand(z.shape[:-1]).flatten()
        parts = range(0, len(flat), 500)
        made = [self.model.decode(flat[k : k + 500], _part(labels, k, 500)) for k in parts]
        return torch.cat(made).unflatten(0, z.shape[:-1])

    def subset(self, split: Split, most_encoded: int, most_inverted: int) -> Split:
        """A fixed choice of a split's images: as many as can be encoded, or fewer where they have to be inverted."""
        chosen = choice(len(split), min(len(split), most_encoded if self.model.can_encode else most_inverted))
        return Split(split.images[chosen], None if split.labels is None else split.labels[chosen])

    def read(self, files: Sequence[Path]) -> Tensor:
        """Images uint8 (n, C, H, W) of files, brought to the model's form as training images are.

        Raises:
            ParibusError: A file cannot be read.
        """
        return torch.stack([read_image(file, self.model.image, str(file)) for file in files])

    def latents(self, images: Tensor, labels: Tensor | None, model: Model | None = None) -> Tensor:
        """Latents (n, latent) of images (n, C, H, W): posterior means, or those that inversion finds.

        Args:
            images: uint8.
            labels: (n,) of a conditional model.
            model: Another than the subject's own: one of its snapshots.
        """
        model = model or self.model
        if model.can_encode:
            parts = range(0, len(images), 500)
            return torch.cat([model.encode(images[k : k + 500], _part(labels, k, 500)) for k in parts])
        return self.inverted(images, labels, model)[0]

    def inverted(self, images: Tensor, labels: Tensor | None, model: Model | None = None) -> tuple[Tensor, Tensor]:
        """Latents (n, latent) whose images are nearest, by gradient descent, and the losses (n,) that are left.

        Starts and steps are those of the run's own metrics of inversion.
        """
        model, settings = model or self.model, self.model.config.evaluation
        starts, steps = settings.inversion_starts, settings.inversion_steps
        candidates = prior_candidates(model.with_prior().latents, len(images), starts, self.seed)
        done, total = 0, -(-len(images) // _AT_ONCE) * starts * steps

        def step_done() -> None:
            nonlocal done
            done += 1
            self.progress("inverting images, step", done, total)

        found = [
            inverted_latents(
                partial(model.generate, labels=_part(labels, k, _AT_ONCE)),
                images[k : k + _AT_ONCE],
                candidates[:, k : k + _AT_ONCE],
                starts=starts,
                steps=steps,
                prior_weight=PRIOR_WEIGHT if model.prior_is_normal else 0.0,
                step_done=step_done,
            )
            for k in range(0, len(images), _AT_ONCE)
        ]
        return torch.cat([z for z, _ in found]).cpu(), torch.cat([loss for _, loss in found]).cpu()

    @property
    def latents_words(self) -> str:
        """How `latents` come about, in words."""
        if self.model.has_posterior:
            return "posterior means"
        if self.model.can_encode:
            return "encoded latents"
        settings = self.model.config.evaluation
        return f"latents by inversion ({settings.inversion_starts} starts, {settings.inversion_steps} steps)"


def _part(labels: Tensor | None, start: int, count: int) -> Tensor | None:
    return None if labels is None else labels[start : start + count]


def read_image(encoded: Path | bytes, image: ImageShape, where: str, most_pixels: int | None = None) -> Tensor:
    """The image uint8 (C, H, W) of a file, or of what a file holds, brought to a model's form as training images are.

    Args:
        encoded: The file, or its content.
        image: The model's form.
        where: What the file is called in an error.
        most_pixels: A larger image is refused before it is decoded.

    Raises:
        ParibusError: It cannot be read, or has too many pixels.
    """
    try:
        with strict_decoding():
            content = decoded(encoded, Recipe(image.size, image.channels, most_pixels=most_pixels)).content
    except TooManyPixels as error:
        raise ParibusError(
            "The image is too large.",
            where=where,
            got=str(error),
            expected=f"at most {most_pixels:,}",
            fix="make it smaller first: the model's own images are "
            f"{image.size}x{image.size}, and larger ones are brought to that",
        ) from None
    except BadImage as error:
        raise ParibusError(
            "The image cannot be read.",
            where=where,
            got=str(error),
            expected="a PNG, JPEG, WebP, BMP, GIF or TIFF file",
        ) from None
    pixels = torch.frombuffer(bytearray(content), dtype=torch.uint8)
    return pixels.view(image.size, image.size, image.channels).permute(2, 0, 1)
