"""Numbers, amounts and lists as people write them, and the metrics' standard descriptions."""

from __future__ import annotations

import math
from collections.abc import Sequence

from paribus.budget import Budget
from paribus.errors import ParibusError
from paribus.report.contents import Metric

NARROW = "\u202f"  # a narrow space that does not break: 20 s
MINUS = "\u2212"
NONE = "–"


def number(value: float | None, digits: int = 3) -> str:
    """A number with `digits` significant digits, thousands separated: 0.0123, 12.3, 12,345."""
    if value is None or not math.isfinite(value):
        return NONE
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    if places > 8:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", MINUS)
    return fixed(value, max(places, 0))


def fixed(value: float, places: int) -> str:
    """A number with a fixed number of decimal places, thousands separated, with a true minus sign."""
    text = f"{value:,.{places}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) else text.removeprefix("-")


def estimate(mean: float, half: float | None) -> tuple[str, str]:
    """A mean and its uncertainty to the same place: two digits of the uncertainty, at most four of the mean.

    Returns:
        ("12.3", "1.4"), or ("12.3", "") where there is no uncertainty.
    """
    if half is None:
        return number(mean), ""
    if half == 0:
        return number(mean), "0"
    places = 1 - math.floor(math.log10(half))
    if mean:
        places = min(places, 3 - math.floor(math.log10(abs(mean))))
    if places > 8:
        return number(mean), number(half, 2)
    width = fixed(half, max(places, 0))
    return fixed(mean, max(places, 0)), width if float(width.replace(",", "")) else number(half, 1)


def plus_minus(mean: float, half: float | None) -> str:
    """An estimate as one text: "12.3 ± 1.4"."""
    centre, width = estimate(mean, half)
    return f"{centre} ± {width}" if width else centre


def count(value: float | None) -> str:
    """A whole number, thousands separated."""
    return NONE if value is None else f"{round(value):,}"


def compact(value: float | None, unit: str = "") -> str:
    """A large number in three digits with k, M, G, T: 1.23 M."""
    if value is None:
        return NONE
    for power, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= power * 0.9995:
            return f"{_trimmed(value / power)}{NARROW}{letter}{unit}"
    return f"{_trimmed(value)}{NARROW}{unit}" if unit else _trimmed(value)


def _trimmed(value: float) -> str:
    text = number(value)
    return text.rstrip("0").rstrip(".") if "." in text else text


def memory(value: float | None) -> str:
    """Bytes as MiB or GiB."""
    if value is None:
        return NONE
    return f"{number(value / 2**30)}{NARROW}GiB" if value >= 2**30 else f"{number(value / 2**20)}{NARROW}MiB"


def duration(seconds: float | None) -> str:
    """Seconds as people say them: 20 s, 12 min, 3.4 h."""
    if seconds is None:
        return NONE
    for size, unit in ((86400.0, "days"), (3600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{_trimmed(seconds / size)}{NARROW}{unit}"
    return f"{_trimmed(seconds)}{NARROW}s"


def listed(words: Sequence[str], last: str = "and") -> str:
    """Words in a row: "a", "a and b", "a, b and c"."""
    words = list(words)
    return f"{', '.join(words[:-1])} {last} {words[-1]}" if len(words) > 1 else "".join(words)


def plural(n: int, word: str) -> str:
    """A number of things: "1 seed", "2 seeds"."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def budget_words(text: str) -> str:
    """A budget: "20 s of training", "200,000 images of training"; empty where it is missing or unreadable."""
    try:
        budget = Budget.parse(text)
    except ParibusError:
        return ""
    if budget.unit == "seconds":
        return f"{duration(budget.amount)} of training"
    if budget.unit == "flop":
        return f"{compact(budget.amount, 'FLOP')} of training"
    unit = budget.unit if budget.amount != 1 else budget.unit.removesuffix("s")
    return f"{budget.amount:,.10g} {unit} of training"


def clause(text: str) -> str:
    """The text as it goes on after a colon or in brackets: a small letter, no full stop."""
    text = text.strip().rstrip(".")
    return text if text[:2].isupper() or text[1:2] in {"", " ", "-", "/"} else text[:1].lower() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


_SAME_VIEW = "encoder, number of images, reference split and resolution are the same"
_SAME_MACHINE = "measured on the same machine with the same number of threads"
METRICS: dict[str, Metric] = {
    name: Metric(name, label, unit, direction, meaning, comparable)
    for name, label, unit, direction, meaning, comparable in (
        ("frechet", "Fréchet distance", "", "lower",
         "How far apart the features of samples and of real images lie, as the distance between two Gaussians.",
         _SAME_VIEW),
        ("kid", "KID", "", "lower",
         "Kernel distance between the features of samples and of real images; unbiased, so good for few images.",
         _SAME_VIEW),
        ("precision", "Precision", "", "higher",
         "Share of samples that lie close to some real image: are they believable?", _SAME_VIEW),
        ("recall", "Recall", "", "higher",
         "Share of real images that lie close to some sample: is all of the variety there?", _SAME_VIEW),
        ("density", "Density", "", "higher",
         "How many real neighbourhoods a sample falls into, on average; a sturdier precision.", _SAME_VIEW),
        ("coverage", "Coverage", "", "higher",
         "Share of real images whose neighbourhood holds a sample; a sturdier recall.", _SAME_VIEW),
        ("classifier_score", "Classifier score", "", "higher",
         "High where a classifier is sure of each sample and the samples spread over all classes.",
         "the classifier and the number of images are the same"),
        ("class_divergence", "Class divergence", "nats", "lower",
         "How far the samples' mix of classes is from the data's.",
         "the classifier and the number of images are the same"),
        ("missing_classes", "Missing classes", "classes", "lower",
         "Classes of the data that hardly appear among the samples.",
         "the classifier and the number of images are the same"),
        ("elbo", "−ELBO", "nats", "lower",
         "A bound on how surprised the model is by unseen images, per image.",
         "the likelihood and the resolution are the same"),
        ("reconstruction_nats", "Reconstruction", "nats", "lower",
         "The part of −ELBO paid for what the code does not say about the image.",
         "the likelihood and the resolution are the same"),
        ("kl_nats", "KL", "nats", "none",
         "How much the code says about the image; near zero means that it is ignored.",
         "the likelihood and the latent size are the same"),
        ("active_units", "Active units", "", "none",
         "Latent dimensions that react to the image at all.", "the latent size is the same"),
        ("mse", "Reconstruction MSE", "", "lower",
         "Mean squared error between an image and its reconstruction.",
         "the resolution and the range of pixel values are the same"),
        ("parameters", "Parameters", "", "none", "Weights of all networks together.", ""),
        ("samples_per_second", "Samples per second", "1/s", "higher", "How fast new images are made.", _SAME_MACHINE),
        ("train_seconds", "Training time", "s", "none", "Seconds of training alone.", _SAME_MACHINE),
        ("images_seen", "Images seen", "", "none", "Training images shown, repeats included.", ""),
        ("peak_memory_bytes", "Peak memory", "B", "lower", "The most memory that training held at once.",
         _SAME_MACHINE),
        ("flops_per_image", "FLOPs per image", "", "none", "Arithmetic of training, per image shown.", ""),
        ("floor_frechet", "Fréchet distance of real images", "", "none",
         "What real images score against other real images: the floor.", _SAME_VIEW),
        ("floor_kid", "KID of real images", "", "none",
         "What real images score against other real images: the floor.", _SAME_VIEW),
    )
}  # fmt: skip
