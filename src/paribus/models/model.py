"""A trained model of any objective behind one face."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from paribus.base.arguments import count_of
from paribus.base.errors import ParibusError, shown
from paribus.config import ImageShape
from paribus.data.storage import available_bytes
from paribus.models.inputs import class_indices, label_index, network_images, network_latents, seed_of, stack_of
from paribus.models.networks import first_layer_output, network_shape, parameter_count
from paribus.models.samplers import Sampler
from paribus.objectives.base import Draw, EncodingObjective, LikelihoodObjective, Nets, Objective
from paribus.objectives.encoding import PosteriorObjective, VariationalObjective
from paribus.recipes import RunConfig
from paribus.results.protocol import Likelihood

TOGETHER = 64
"""Latents that are drawn by one key, whether all of them are asked for or not."""


def check_memory(n: int, image_bytes: int) -> None:
    """Finds out that so many samples do not fit into memory.

    Raises:
        ParibusError: It is so.
    """
    wanted, available = int(n) * image_bytes, available_bytes()
    if wanted > available:
        raise ParibusError(
            "So many samples do not fit into memory.",
            where="n",
            got=f"{n:,} images, {wanted >> 30:,} GB",
            expected=f"at most {available >> 30} GB",
            fix="draw fewer, or write them to a folder",
        )


class Model:
    """Averaged networks and what is needed to use them; images are uint8 (N, C, H, W) everywhere.

    Attributes:
        config: The run's configuration.
        image: Shape of the images; `image.classes` > 0 for a conditional model.
        data_shape: The same with the data's classes, whether the model uses them or not.
        class_names: Names of the data's classes, or None.
        sampler: What latents are drawn from where `config.sampler` is fitted; None for the prior, and before the fit.
        unfinished_after: Training images seen where training has not ended; None for a finished model.
    """

    def __init__(
        self,
        config: RunConfig,
        nets: Nets,
        image: ImageShape,
        class_names: tuple[str, ...] | None = None,
        sampler: Sampler | None = None,
    ) -> None:
        self.config = config
        self.objective: Objective = config.objective
        self.data_shape = image
        self.image = network_shape(config, image)
        self.class_names = class_names
        self.sampler = sampler
        self.unfinished_after: int | None = None
        self.nets = {role: net.eval().requires_grad_(False) for role, net in nets.items()}

    @property
    def classes(self) -> int:
        """Classes that the model is conditioned on; 0 without."""
        return self.image.classes

    @property
    def seed(self) -> int:
        """That it was trained with."""
        return self.config.seed

    @property
    def parameters(self) -> dict[str, int]:
        """Number of parameters by role."""
        return {role: parameter_count(net) for role, net in self.nets.items()}

    @property
    def can_encode(self) -> bool:
        """Whether there is an encoder: `encode` and `reconstruct`."""
        return isinstance(self.objective, EncodingObjective)

    @property
    def likelihood(self) -> Likelihood | None:
        """What the nats of `likelihood_terms` mean; None without a likelihood."""
        return self.objective.measured_likelihood if isinstance(self.objective, LikelihoodObjective) else None

    @property
    def has_log_weights(self) -> bool:
        """Whether `log_weights` is available: the model is trained by a bound with a posterior of known density."""
        return isinstance(self.objective, VariationalObjective)

    @property
    def has_posterior(self) -> bool:
        """Whether `kl_by_dimension` is available: the encoder gives a distribution of each latent dimension."""
        return isinstance(self.objective, PosteriorObjective)

    @property
    def prior_is_normal(self) -> bool:
        """Whether the prior is a standard normal distribution."""
        return self.objective.prior_is_normal

    def to(self, device: torch.device | str) -> Model:
        """Moves the networks."""
        for net in self.nets.values():
            net.to(device)
        return self

    @property
    def sampler_words(self) -> str | None:
        """What was fitted after training to draw latents from, in words; None for the prior."""
        return None if self.sampler is None else self.sampler.words

    @cached_property
    def latent_width(self) -> int:
        """Numbers of a latent; more than `latent_dim` where there are codes beside it."""
        return self.objective.prior(1, Draw(0, "width", device="cpu")).shape[1]

    def with_prior(self) -> Model:
        """The same model, drawing its latents from the prior."""
        settings = self.config.sampler.model_copy(update={"name": "prior"})
        config = self.config.model_copy(update={"sampler": settings})
        return Model(config, self.nets, self.data_shape, self.class_names)

    def latents(
        self, n: int, seed: int = 0, labels: Tensor | None = None, rows: tuple[int, int] | None = None
    ) -> Tensor:
        """Latents (n, latent_dim) of the sampler.

        Latent i of a seed is the same whatever n is, and wherever it is used: it is a row of a block of `TOGETHER`,
        each drawn by its own key, on the CPU.

        Args:
            n: How many.
            seed: The same seed gives the same latents.
            labels: Classes (n,) of a conditional model; by default the classes in turn. The prior is the same for all.
            rows: Where to begin and to end among them; by default all.
        """
        n, seed = count_of(n, "latents", "n"), seed_of(seed)
        first, last = rows or (0, n)
        if self.sampler is not None:
            labels = self.sample_labels(n) if labels is None else self._condition(labels, n)
        blocks = [self._block(k, seed, labels) for k in range(first // TOGETHER, -(-last // TOGETHER))]
        drawn = first // TOGETHER * TOGETHER
        return torch.cat(blocks)[first - drawn : last - drawn]

    def _block(self, k: int, seed: int, labels: Tensor | None) -> Tensor:
        """Latents of places k * TOGETHER and on."""
        draw = Draw(seed, "sample", k, device="cpu")
        if self.sampler is None:
            return self.objective.prior(TOGETHER, draw)
        if labels is not None:
            own = labels[k * TOGETHER : (k + 1) * TOGETHER]
            labels = torch.cat([own, own.new_zeros(TOGETHER - len(own))])
        return self.sampler.sample(TOGETHER, labels, draw)

    def sample(self, n: int, *, label: int | str | None = None, labels: Tensor | None = None, seed: int = 0) -> Tensor:
        """New images (n, C, H, W).

        Image i of a seed is the same whatever n is, up to the last bit of its numbers before they are rounded.

        Args:
            n: How many.
            label: Class index or name, for a conditional model; by default the classes in turn.
            labels: Classes (n,) for a conditional model, in place of `label`.
            seed: The same seed gives the same latents.
        """
        n = count_of(n, "images", "n")
        check_memory(n, self.image.pixels)
        if label is not None and labels is not None:
            raise ParibusError("Classes are asked for in one way.", where="label, labels", got="both", fix="give one")
        if labels is not None and not self.image.classes:
            raise self._unconditional("labels", shown(labels))
        return torch.cat(list(self.sample_batches(n, label=label, labels=labels, seed=seed)))

    def sample_batches(
        self,
        n: int,
        *,
        label: int | str | None = None,
        labels: Tensor | None = None,
        seed: int = 0,
        batch_size: int = 8 * TOGETHER,
        rows: tuple[int, int] | None = None,
    ) -> Iterator[Tensor]:
        """The images of `sample`, a batch at a time, so that memory does not grow with n.

        `rows` are where to begin and to end among them; all by default.

        Raises:
            ParibusError: n is no number of images.
        """
        n = count_of(n, "images", "n")
        check_memory(n, 8)
        labels = self.sample_labels(n, label) if labels is None else self._condition(labels, n)
        first, last = rows or (0, n)
        for start in range(first, last, batch_size):
            part = (start, min(start + batch_size, last))
            yield self.decode(self.latents(n, seed, labels, part), None if labels is None else labels[slice(*part)])

    def class_change(
        self, first: int | str, second: int | str, *, rows: int = 8, steps: int = 8, seed: int = 0
    ) -> Tensor:
        """One class turning into another: images (rows * steps, C, H, W), z the same along a row.

        Args:
            first: Class that a row begins with, index or name.
            second: Class that it ends with; in between the networks get mixtures of the two classes' codes.
            rows: Latents.
            steps: Images of a row, at least 2.
            seed: The same seed gives the same latents.
        """
        rows, steps = count_of(rows, "rows", "rows"), count_of(steps, "images of a row", "steps", least=2)
        check_memory(rows * steps, self.image.pixels)
        labels = [self.sample_labels(1, label) for label in (first, second)]
        start, end = (one_hot(label, self.image.classes).float() for label in labels if label is not None)
        weights = torch.linspace(0, 1, steps)[:, None]
        mixtures = (1 - weights) * start + weights * end
        z = self.latents(rows, seed, self.sample_labels(rows, first))
        return self.decode(z.repeat_interleave(steps, 0), mixtures.repeat(rows, 1))

    def sample_labels(self, n: int, label: int | str | None = None) -> Tensor | None:
        """Labels (n,) that `sample` uses; None for an unconditional model.

        Raises:
            ParibusError: The model is unconditional and a label was asked for, or the label is unknown.
        """
        n = count_of(n, "labels", "n")
        if label is None:
            return torch.arange(n) % self.image.classes if self.image.classes else None
        return torch.full((n,), self._label_index(label), dtype=torch.int64)

    def decode(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images (N, C, H, W) of latents (N, latent_dim).

        Args:
            z: A tensor, an array or a list of finite numbers.
            labels: Of a conditional model: see `class_indices`.

        Raises:
            ParibusError: They are of another kind or shape.
        """
        z = network_latents(z, self.latent_width)
        labels = self._condition(labels, len(z))
        with torch.inference_mode():
            return to_bytes(self.generate(z, labels)).cpu()

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The images of `decode` before they are rounded: in [-1, 1], on the model's device, differentiable in z."""
        labels = self._condition(labels)
        return self.objective.generate(self.nets, self._on_device(z), self._on_device(labels))

    def encode(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Posterior means (N, latent_dim) of images (N, C, H, W).

        Args:
            images: uint8 from 0 to 255, or floats from 0 to 1.
            labels: Of a conditional model: see `class_indices`.

        Raises:
            ParibusError: The model has no encoder, or the images' type, range or shape is another.
        """
        objective = self.objective
        if not isinstance(objective, EncodingObjective):
            raise self._lacks("encoder", "encode")
        with torch.inference_mode():
            x = self._on_device(network_images(images, self.image))
            return objective.encode(self.nets, x, self._on_device(self._condition(labels, len(x)))).cpu()

    def reconstruct(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """Images decoded from their posterior means."""
        return self.decode(self.encode(images, labels), labels)

    def kl_by_dimension(self, images: Tensor, labels: Tensor | None = None) -> Tensor:
        """KL in nats (latent_dim,) of each latent dimension's posterior from the prior, the mean over images.

        Raises:
            ParibusError: The model has no posterior.
        """
        objective = self.objective
        if not isinstance(objective, PosteriorObjective):
            raise self._lacks("posterior", "kl_by_dimension")
        with torch.inference_mode():
            batches = self._drawn_for(images, labels, 500, 0, "KL")
            return torch.cat([objective.kl_by_dimension(self.nets, x, y) for x, y, _ in batches]).mean(0).cpu()

    def first_layer(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Output (N, features) of the decoder's first layer for latents z: see `first_layer_output`."""
        z = network_latents(z, self.latent_width)
        z, labels = self._on_device(z), self._on_device(self._condition(labels, len(z)))
        return first_layer_output(self.nets["G"], z, labels).cpu()

    def likelihood_terms(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int = 0, batch_size: int = 500
    ) -> dict[str, Tensor]:
        """Per image, at beta 1 with one draw of z: reconstruction_nats, kl_nats (N,) and posterior_means (N, Z).

        Raises:
            ParibusError: The model has no likelihood.
        """
        objective = self.objective
        if not isinstance(objective, LikelihoodObjective):
            raise self._lacks("likelihood", "likelihood_terms")
        with torch.inference_mode():
            parts = [
                {name: term.cpu() for name, term in objective.likelihood_terms(self.nets, x, y, draw).items()}
                for x, y, draw in self._drawn_for(images, labels, batch_size, seed, "likelihood")
            ]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}

    def log_weights(
        self, images: Tensor, labels: Tensor | None = None, *, count: int = 64, seed: int = 0, batch_size: int = 500
    ) -> Tensor:
        """Log p(x|z_k) p(z_k) / q(z_k|x) (N, count) of `count` draws of z for each image, encoded once.

        Raises:
            ParibusError: The model has no posterior of known density, or is not trained by a bound.
        """
        objective = self.objective
        if not isinstance(objective, VariationalObjective):
            raise self._lacks("importance weights", "log_weights")
        count = count_of(count, "draws", "count")
        with torch.inference_mode():
            parts = [
                objective.log_weights(self.nets, x, y, draw, count).cpu()
                for x, y, draw in self._drawn_for(images, labels, batch_size, seed, "log weights")
            ]
        return torch.cat(parts)

    def _drawn_for(
        self, images: Tensor, labels: Tensor | None, batch_size: int, seed: int, purpose: str
    ) -> Iterator[tuple[Tensor, Tensor | None, Draw]]:
        """Batches on the device, each with random numbers of its own."""
        seed, images = seed_of(seed), stack_of(images)
        if not len(images):
            raise ParibusError("There are no images.", where="images", got=shown(images), expected="at least one")
        labels = self._condition(labels, len(images))
        for start in range(0, len(images), batch_size):
            part = slice(start, start + batch_size)
            x = self._on_device(network_images(images[part], self.image))
            y = None if labels is None else self._on_device(labels[part])
            yield x, y, Draw(seed, purpose, start, device=x.device)

    def _lacks(self, part: str, where: str) -> ParibusError:
        return ParibusError(
            f"The model '{self.config.model}' has no {part}.",
            where=where,
            got=f"objective '{self.objective.name}'",
            expected="a model with one, such as vae",
        )

    def _condition(self, labels: Tensor | None, count: int | None = None) -> Tensor | None:
        """What the networks are told of classes, of so many images."""
        if not self.image.classes:
            return None  # labels that come with the data are no concern of an unconditional model
        if labels is None:
            raise ParibusError(f"The conditional model '{self.config.model}' needs labels.", where="labels")
        found = class_indices(labels, self.image.classes, self.class_names or ())
        if count is not None and len(found) != count:
            raise ParibusError("Each image has one label.", where="labels", got=f"{len(found)} labels", expected=count)
        return found

    def _unconditional(self, where: str, got: object) -> ParibusError:
        return ParibusError(
            f"The model '{self.config.model}' is not conditional.",
            where=where,
            got=got,
            fix=f"leave {where} out, or train with -o objective.conditional=true",
        )

    def _label_index(self, label: int | str) -> int:
        if not self.image.classes:
            raise self._unconditional("--label", label)
        return label_index(label, self.image.classes, self.class_names or (), "--label")

    def _on_device(self, tensor: Any) -> Any:
        if tensor is None:
            return None
        return tensor.to(next(next(iter(self.nets.values())).parameters()).device)


def to_bytes(images: Tensor) -> Tensor:
    """Numbers in [-1, 1] to bytes, rounded."""
    return ((images.float() + 1) * 127.5).round_().clamp_(0, 255).to(torch.uint8)
