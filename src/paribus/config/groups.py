"""The groups of settings that a run's configuration is made of."""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, field_validator

from paribus.base.errors import ParibusError
from paribus.config.budget import Budget
from paribus.config.seeds import Seed
from paribus.config.settings import Settings, validated

BudgetField = Annotated[Budget, BeforeValidator(Budget.parse), PlainSerializer(str, return_type=str)]

LARGEST_BATCH = 1 << 20
GradientNorm = Annotated[float, Field(gt=0, le=1e30)]


class Augmentation(Settings):
    """Ordinary augmentation of training images; all off by default, never applied to validation or test images."""

    flip: bool = False
    """Mirror left and right with probability one half."""
    shift: float = Field(0.0, ge=0, le=0.5)
    """Largest shift in each direction, as a fraction of the image size; edges are repeated."""
    rotation: float = Field(0.0, ge=0, le=180)
    """Largest rotation in degrees, in both directions; edges are repeated."""
    color: float = Field(0.0, ge=0, le=1)
    """Strength of random brightness, contrast and (for colour images) saturation changes."""


class DataSettings(Settings):
    """Which images, how they are brought to one size, and how they are split."""

    name: str = "digits"
    """A built-in name, a folder or .zip of images or of parquet files, an .npz file, or a Hugging Face Hub id."""
    size: int | None = Field(None, ge=8, le=128)
    """Height and width in pixels; by default the source's own."""
    channels: Literal[1, 3] | None = None
    """1 (grey) or 3 (RGB); by default the source's own."""
    on_bad: Literal["fail", "skip"] = "fail"
    """What to do with unreadable files, after all of them were named."""
    background: Literal["white", "black"] = "white"
    """What transparent pixels are laid onto."""
    float_range: Literal["0..1", "-1..1"] = "0..1"
    """What is black and what is white where pixels are floats, in files and in memory; bytes need no word."""
    validation: float = Field(0.1, ge=0, lt=1)
    """Share of the training images held out for choosing snapshots (at most 5,000), where the source has no
    validation split; 0 holds none out."""
    augment: Augmentation = Augmentation()


def data_options(**options: Any) -> DataSettings:
    """Settings of the data from options of their names, those that are None left out.

    Raises:
        ParibusError: One has a wrong value; the message names it as an option.
    """
    given = {name: value for name, value in options.items() if value is not None}
    try:
        return validated(DataSettings, given, where="data")
    except ParibusError as error:
        option = f"--{(error.where or '').removeprefix('data.').replace('_', '-')}"
        raise ParibusError(
            f"Option '{option}' has a wrong value.",
            where=option,
            got=error.got,
            expected=error.expected,
            fix=f"change {option}, or leave it out",
        ) from None


class Schedule(Settings):
    """A value that moves from `start` to `end` over the first `images` images along half a cosine."""

    start: float
    end: float
    images: float = Field(ge=1, le=1e30)

    def at(self, images_seen: float) -> float:
        """The value after `images_seen` images."""
        progress = min(images_seen / self.images, 1.0)
        return self.end + (self.start - self.end) * 0.5 * (1 + math.cos(math.pi * progress))


def value_at(value: float | Schedule, images_seen: float) -> float:
    """A number, or what a schedule says after so many images."""
    return value.at(images_seen) if isinstance(value, Schedule) else value


def _ends(value: float | Schedule) -> tuple[float, ...]:
    return (value.start, value.end) if isinstance(value, Schedule) else (value,)


def _not_negative(value: float | Schedule) -> float | Schedule:
    if not all(0 <= end <= LARGEST_WEIGHT for end in _ends(value)):
        raise ValueError(f"must be from 0 to {LARGEST_WEIGHT:g}")
    return value


def _rate(value: float | Schedule) -> float | Schedule:
    if not all(0 <= end <= LARGEST_STEP for end in _ends(value)) or not any(_ends(value)):
        raise ValueError(f"must be above 0 (one end of a schedule may be 0), and at most {LARGEST_STEP:g}")
    return value


def _decay(value: float | Schedule) -> float | Schedule:
    if not all(0 <= end < 1 for end in _ends(value)):
        raise ValueError("must be at least 0 and less than 1")
    return value


LARGEST_WEIGHT = 1e12
"""Of a term of a loss: its product with the term stays far from where single precision ends."""
LARGEST_STEP = 1e6
"""Of an optimiser's updates; the weights that they move are near 1."""
NotNegative = Annotated[float | Schedule, AfterValidator(_not_negative)]
"""A number, or a schedule neither end of which is below 0."""
Rate = Annotated[float | Schedule, AfterValidator(_rate)]
"""A learning rate."""
Decay = Annotated[float | Schedule, AfterValidator(_decay)]
"""The decay of a moving average."""


class Optimizer(Settings):
    """One optimiser; each number may be a `Schedule` (`{start, end, images}`)."""

    kind: Literal["adam", "sgd", "rmsprop"] = "adam"
    """How gradients become updates."""
    learning_rate: Rate = 1e-3
    """Length of an update."""
    beta1: Decay = 0.9
    """Adam's first decay; the momentum of sgd and rmsprop."""
    beta2: Decay = 0.999
    """Adam's second decay; rmsprop's smoothing constant; unused by sgd."""
    eps: float = Field(1e-8, ge=1e-30, le=1)
    """What adam and rmsprop add to the root of the squared gradients' average."""

    def at(self, images_seen: float) -> dict[str, float]:
        """Values of learning_rate, beta1 and beta2 after `images_seen` images."""
        values = {"learning_rate": self.learning_rate, "beta1": self.beta1, "beta2": self.beta2}
        return {name: value_at(value, images_seen) for name, value in values.items()}


class TrainingSettings(Settings):
    """How a run is trained, the same for every objective."""

    budget: BudgetField = Budget(20, "epochs")
    """How long: an amount of seconds, images, epochs, updates or operations."""
    batch_size: int | Literal["full"] = 128
    """Images of one update, at least 2; `full` is the whole training split."""
    micro_batch: int | None = Field(None, ge=1, le=LARGEST_BATCH)
    """Largest number of images in one forward pass; gradients are accumulated to `batch_size`."""
    optimizer: dict[str, Optimizer] = {}
    """An optimiser per role (G, D, E, ...); what is left out comes from the objective's own defaults."""
    rarity: float | None = Field(None, ge=0, le=1e6)
    """Draws images, from the second epoch on, the more often the rarer their latents are by the model's encoder
    (DB-VAE): the constant that is added to each density, the larger the more evenly. By default an epoch has each image
    once."""
    ema_half_life_images: float = Field(500_000, ge=0, le=1e30)
    """Half-life of the averaged weights, at most `ema_rampup_ratio` of the images so far; 0 turns averaging off."""
    ema_rampup_ratio: float = Field(0.05, gt=0, le=1)
    """The averages' half-life is at most this share of the images so far (arXiv:2206.00364): a small one forgets the
    first steps of a short run, a large one steadies a generator that swings with its discriminator."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """auto: bf16 autocast where the hardware has it natively, else fp32."""
    threads: int | None = Field(None, ge=1, le=1024)
    """CPU threads of a process; by default all cores, divided among processes. Recorded, and re-applied on resume."""
    processes: int | None = Field(None, ge=1, le=1 << 20)
    """Processes that share each batch; by default as many as torchrun started. Recorded, and the same on resume."""
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    """What computes; auto: a GPU where there is one."""
    checkpoint_seconds: float = Field(60.0, gt=0, le=1e30)
    """Seconds of training between checkpoints."""
    checkpoint_steps: int | None = Field(None, ge=1)
    """Steps between checkpoints, besides those by time."""
    snapshots: Annotated[list[str], Field(max_length=1000)] | str = ["1/8", "1/4", "1/2", "1/1"]
    """When the averaged model is kept: shares of the budget, amounts ("50kimg"), or an interval ("every 10epochs")."""
    keep_snapshots: int | None = Field(None, ge=1)
    """Keep only the newest so many snapshots; by default all."""
    gradient_clip: GradientNorm | dict[str, GradientNorm] | None = None
    """Largest Euclidean norm of a role's gradient in one update, for every role or by role ({E: 1e4}); a longer
    gradient is shortened to it. null for no bound."""
    divergence_factor: float = Field(1e6, gt=1, le=1e30)
    """A loss beyond this many times max(1, |its first value|) counts as diverged."""
    track: list[Literal["tensorboard", "wandb"]] = []
    """Where the logged lines go besides metrics.jsonl (extra `track`)."""

    @field_validator("batch_size")
    @classmethod
    def _positive(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 2:
            raise ValueError("at least 2 images are needed in a batch")
        if isinstance(value, int) and value > LARGEST_BATCH:
            raise ValueError(f"at most {LARGEST_BATCH:,} images are a batch")
        return value


class EvaluationSettings(Settings):
    """How a trained model is scored."""

    split: Literal["test", "validation"] = "test"
    """What models are scored against; validation leaves the test images untouched, for choosing settings."""
    samples: int = Field(10_000, ge=64, le=10_000_000)
    """Number of samples; at most as many as the reference split holds are compared with it."""
    encoder: list[str] | str = "auto"
    """auto: `classifier` for labelled data, else `efficientnet` (trained on photographs) and `pixels`; under 1,000
    training images `efficientnet`, and `classifier` for what is asked of classes. Or classifier-2 (another seed: do
    rankings hold?), self (trained on the images without labels), inception-64, inception-192, inception-768 or
    inception-2048 (the FID's); or a list, of which the first ranks."""
    inception_weights: str | None = None
    """The file of Inception's weights; by default that of PARIBUS_INCEPTION, or a download kept in the cache. Where it
    is given and `encoder` names no Inception, the last layer that the file suffices for is added."""
    inception_precision: Literal["fp32", "bf16"] = "fp32"
    """bf16 is faster where the hardware has it natively; its scores are another encoder's."""
    metrics: list[str] | None = None
    """Names of metrics; by default all that apply but those of inversion. `default` in the list stands for these."""
    seed: Seed = 0
    """Seed of the generated samples; that of the training is added."""
    iwae_samples: int = Field(64, ge=1, le=100_000)
    """K of `iwae`: latents drawn for each test image."""
    inversion_images: int = Field(64, ge=2, le=1_000_000)
    """Test images that the metrics of inversion (`inversion_mse` and others) are measured on, at most."""
    inversion_starts: int = Field(2, ge=1, le=1000)
    """Descents for each image, from the nearest of 16 times as many latents of the prior; the best end counts."""
    inversion_steps: int = Field(200, ge=1, le=1_000_000)
    """Updates of each descent."""


class SamplerSettings(Settings):
    """What latents are drawn from: the prior, or what is fitted after training to the training images' latents."""

    name: Literal["prior", "gmm", "two-stage"] = "prior"
    """gmm: a mixture of Gaussians; two-stage: a second VAE on the latents."""
    components: int = Field(10, ge=1, le=10_000)
    """Gaussians of the mixture."""
    updates: int = Field(3000, ge=1, le=1_000_000_000)
    """Updates of the second VAE."""
    learning_rate: float = Field(2e-3, gt=0, le=LARGEST_STEP)
    """Of the second VAE, at the start; it falls to 0 along half a cosine."""
    warmup: float = Field(0.25, ge=0, le=1)
    """Share of the second VAE's updates over which its KL's weight rises from 0 to 1."""


class TuningRecord(Settings):
    """How the settings came about: a record alone, which changes neither weights nor scores."""

    trials: int = Field(0, ge=0, le=1_000_000_000)
    """Settings that were tried before these were chosen; a study says where its models differ in it."""
