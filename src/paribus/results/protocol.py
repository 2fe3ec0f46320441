"""How a number was measured, as fields: what was compared with what, how many, which seed, in which form.

What belongs to the model (what its latents are drawn from) is no part of a protocol: two models that are measured alike
have equal protocols. The sentence that a person reads is made in `results.words`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from paribus.config import Settings

Origin = Literal[
    "samples", "given", "train", "validation", "test", "against", "reconstructions", "inversions", "linear_model"
]

Labels = Literal["as in training", "evenly"]


class Resized(Settings):
    """How images were brought to their form, by PIL: Lanczos, antialiased, to reduce them, bicubic to enlarge them.

    Attributes:
        images: How many were resized.
        cropped: Images that were no squares, and were cut to their central one.
    """

    images: int
    cropped: int = 0


class ImageSet(Settings):
    """Some images.

    Attributes:
        origin: Where they come from: a model's samples, images that any program made ("given"), a split, the other of
            two folders ("against"), or what a model made of a split's images.
        count: How many.
        whole: Whether these are all that there are, and not a choice by a fixed seed.
        resized: How they were brought to their form; None where they had it, and of data sets, whose settings say it.
    """

    origin: Origin
    count: int
    whole: bool = True
    resized: Resized | None = None


class ImageForm(Settings):
    """The form of images: uint8 of so many pixels and channels."""

    height: int
    width: int
    channels: int


class Likelihood(Settings):
    """What the nats of a likelihood mean.

    Attributes:
        density: Of a pixel: Bernoulli for grey values as chances, or Gaussian.
        pixels: The range that pixels have under it.
        deviation: Of a Gaussian; None where there is none, or where it is learned or fitted ("fitted").
        trained_for: Whether the model is trained by it.
        is_bound: Whether the KL is that of a known posterior: the nats are a bound then, else an estimate.
        given_class: Whether it is of an image given its class.
    """

    density: Literal["bernoulli", "gaussian"]
    pixels: Literal["[0, 1]", "[-1, 1]"]
    deviation: float | Literal["fitted"] | None = None
    trained_for: bool = True
    is_bound: bool = True
    given_class: bool = False


class Descent(Settings):
    """How latents are found whose images are nearest to given ones.

    Attributes:
        steps: Of Adam on the squared error, from each start.
        starts: Descents for each image, from the best of the candidates.
        candidates: Latents of the prior that starts are chosen among.
        prior_weight: Times the latents' mean square, added to the error.
    """

    steps: int
    starts: int
    candidates: int
    prior_weight: float = 0.0


class Path(Settings):
    """Steps between latents of the prior, whose images are compared: how many, and their angle in radian."""

    steps: int
    angle: float


class Timing(Settings):
    """How a speed was timed: the median of so many batches, with so many CPU threads."""

    batches: int
    batch_size: int
    threads: int


class Spread(Settings):
    """What a spread is of.

    Attributes:
        metric: The values' metric.
        over: What varies.
        counts: Values that each spread is of.
        spreads: Spreads that the number is the mean of; 1 where it is one spread.
        seeds: Seeds that came to an end.
    """

    metric: str
    over: Literal["seeds", "snapshots"]
    counts: tuple[int, ...]
    spreads: int
    seeds: int


class Protocol(Settings):
    """How a number was measured; a field is None where it has no part in it.

    Attributes:
        images: What is measured.
        reference: What it is held against.
        form: Of all images.
        seed: Of what is drawn.
        labels: How often each class of a conditional model's samples was asked for: as often as it is among the
            training images, or, where these have other classes or none, every class equally often.
        stands_in: Whether the measured images stand in the samples' place, for a floor.
        searched: Images among which the nearest is looked for.
        held_out: Images that those are held against.
        rare: Images of the reference that are of the rarest kinds.
        rare_among: Images that the rarest kinds were found among.
        likelihood: What the nats mean.
        draws: Latents for each image (K of IWAE).
        latents: How the latents of given images are found: posterior means.
        window: Side of SSIM's window in pixels.
        pairs_among: Images whose pairs give the unit of a distance.
        descent: How inversion finds latents.
        path: Steps of the path length.
        least_per_class: Images of the class that has the fewest.
        timing: How a speed was timed.
        spread: What a spread is of.
        counted_by: Who counted a cost.
        ended: Seeds that came to an end.
        further: Named values of measures from outside this package.
    """

    images: ImageSet | None = None
    reference: ImageSet | None = None
    form: ImageForm | None = None
    seed: int | None = None
    labels: Labels | None = None
    stands_in: bool = False
    searched: ImageSet | None = None
    held_out: ImageSet | None = None
    rare: int | None = None
    rare_among: int | None = None
    likelihood: Likelihood | None = None
    draws: int | None = None
    latents: Literal["posterior means"] | None = None
    window: int | None = None
    pairs_among: ImageSet | None = None
    descent: Descent | None = None
    path: Path | None = None
    least_per_class: int | None = None
    timing: Timing | None = None
    spread: Spread | None = None
    counted_by: Literal["training", "networks"] | None = None
    ended: int | None = None
    further: dict[str, str | float] = Field(default_factory=dict)

    def differences(self, other: Protocol) -> tuple[str, ...]:
        """The names of the fields in which two protocols differ; none where numbers were measured alike.

        Seeds may differ: each model has draws of its own. A model that is asked for no classes is measured like one
        whose labels are drawn in some way.
        """
        differing = tuple(name for name in type(self).model_fields if getattr(self, name) != getattr(other, name))
        unasked = self.labels is None or other.labels is None
        alike = {"seed", "labels"} if unasked else {"seed"}
        return tuple(name for name in differing if name not in alike)
