"""What each metric means: one table for `paribus list metrics`, the report's tooltips and the evaluation's checks.

Imports nothing heavy.
"""

from __future__ import annotations

from typing import Literal, TypedDict

Direction = Literal["lower", "higher", "towards", "none"]


class Metric(TypedDict):
    """A metric in words.

    Args:
        label: What a table's header says.
        unit: Unit of the value; empty for a pure number.
        direction: Which way is better; "towards" a target.
        target: The best value of a metric with direction "towards"; None otherwise.
        meaning: One sentence.
        comparable: "Comparable only when ...".
    """

    label: str
    unit: str
    direction: Direction
    target: float | None
    meaning: str
    comparable: str


_SAME_VIEW = "Comparable only when encoder, reference split, number of samples and resolution agree."
_SAME_CLASSES = "Comparable only when the classifier, the reference split and the number of samples agree."
_SAME_LIKELIHOOD = "Comparable only when the likelihood, the images and their resolution agree."
_SAME_IMAGES = "Comparable only when the images and their resolution agree."
_SAME_TRAINING = "Comparable only when encoder, training and held-out images and resolution agree."
_SAME_MACHINE = "Comparable only when machine, load, threads, precision and batch size agree."
_SAME_COUNT = "Comparable only when both were counted by the same version of this program."


def _metric(
    label: str, unit: str, direction: Direction, meaning: str, comparable: str, target: float | None = None
) -> Metric:
    return Metric(label=label, unit=unit, direction=direction, target=target, meaning=meaning, comparable=comparable)


METRICS: dict[str, Metric] = {
    "frechet": _metric(
        "Fréchet distance",
        "squared feature units",
        "lower",
        "Distance between Gaussians fitted to the features of real images and of samples (the FID's formula).",
        _SAME_VIEW,
    ),
    "frechet_infinity": _metric(
        "Fréchet distance, n → ∞",
        "squared feature units",
        "lower",
        "Fréchet distance extrapolated to infinitely many samples, linearly in 1/n: without the bias of their number.",
        _SAME_VIEW,
    ),
    "frechet_within_classes": _metric(
        "Fréchet distance within classes",
        "squared feature units",
        "lower",
        "Mean over classes of the Fréchet distance between real images of a class and a conditional model's samples "
        "that were asked for it (intra-class FID): sees ignored classes and too little variety within one.",
        "Comparable only when encoder, reference split, number of samples of each class and resolution agree.",
    ),
    "kid": _metric(
        "KID",
        "",
        "lower",
        "Squared maximum mean discrepancy with a cubic kernel between features of real images and of samples; "
        "unbiased, near 0 (or just below) for a perfect model.",
        "Comparable only when encoder, reference split and resolution agree.",
    ),
    "mind": _metric(
        "MIND",
        "squared feature units",
        "lower",
        "Squared sliced Wasserstein distance between the features of real images and of samples, over 1,000 random "
        "directions: it sees whole distributions, not means and covariances alone.",
        _SAME_VIEW,
    ),
    "precision": _metric(
        "Precision",
        "",
        "higher",
        "Share of samples that lie where real images are: how real they look.",
        _SAME_VIEW,
    ),
    "recall": _metric(
        "Recall",
        "",
        "higher",
        "Share of real images that lie where samples are: how much of the data the model reaches.",
        _SAME_VIEW,
    ),
    "density": _metric(
        "Density",
        "",
        "higher",
        "How many real images' neighbourhoods a sample lies in, over k: precision that outliers cannot inflate.",
        _SAME_VIEW,
    ),
    "coverage": _metric(
        "Coverage",
        "",
        "higher",
        "Share of real images with a sample in their neighbourhood: recall that outliers cannot inflate.",
        _SAME_VIEW,
    ),
    "diversity": _metric(
        "Diversity",
        "× real images",
        "towards",
        "Mean distance of two samples in the encoder's features over that of two real images: below 1 samples are too "
        "alike, above 1 there are outliers or noise.",
        "Comparable only when encoder, reference split and resolution agree.",
        target=1.0,
    ),
    "copying": _metric(
        "Copying",
        "",
        "towards",
        "Share of samples nearer to a training image than to any held-out one, as of equally many of both: "
        "0.5 is clean, 1 is copies.",
        _SAME_TRAINING,
        target=0.5,
    ),
    "authenticity": _metric(
        "Authenticity",
        "",
        "higher",
        "Share of samples farther from their nearest training image than that one is from its own nearest (AuthPct): "
        "0 for copies. Noise gets 1, so read it beside real images.",
        _SAME_TRAINING,
    ),
    "inception_score": _metric(
        "Inception Score",
        "",
        "higher",
        "Whether Inception is sure of each sample and finds many classes among them; it never looks at real images.",
        "Comparable only when the Inception weights agree and the numbers of samples are near each other.",
    ),
    "classifier_score": _metric(
        "Classifier score",
        "",
        "higher",
        "Whether the data's own classifier is sure of each sample and finds all classes among them, "
        "from 1 to the number of classes; it never looks at real images.",
        _SAME_CLASSES,
    ),
    "mode_score": _metric(
        "Mode score",
        "",
        "higher",
        "Classifier score, lowered where classes come in other shares than among real images.",
        _SAME_CLASSES,
    ),
    "class_agreement": _metric(
        "Class agreement",
        "",
        "higher",
        "Share of a conditional model's samples that the data's own classifier reads as the class that was asked for; "
        "real images score its accuracy.",
        _SAME_CLASSES,
    ),
    "class_divergence": _metric(
        "Class divergence",
        "nats",
        "lower",
        "KL divergence of the classes' shares among samples from those among real images, as the classifier sees both.",
        _SAME_CLASSES,
    ),
    "missing_classes": _metric(
        "Missing classes",
        "classes",
        "lower",
        "Number of classes whose share among samples is under a tenth of their share among real images.",
        _SAME_CLASSES,
    ),
    "modes_found": _metric(
        "Modes found",
        "classes",
        "higher",
        "Number of classes that at least one sample is recognised as.",
        _SAME_CLASSES,
    ),
    "elbo": _metric(
        "−ELBO",
        "nats per image",
        "lower",
        "Bound on the negative log-likelihood of test images: reconstruction plus KL, with the KL weighted by 1. Not "
        "in bits per dimension, since no likelihood here is of discrete or dequantised pixels.",
        _SAME_LIKELIHOOD,
    ),
    "iwae": _metric(
        "IWAE-K",
        "nats per image",
        "lower",
        "Bound on the negative log-likelihood of test images from the mean weight of K latents an image (K is in the "
        "protocol): tighter than −ELBO, the more so the larger K.",
        "Comparable only when K, the likelihood, the images and their resolution agree.",
    ),
    "reconstruction_nats": _metric(
        "Reconstruction",
        "nats per image",
        "none",
        "Negative log-likelihood of test images given their latents, summed over pixels.",
        _SAME_LIKELIHOOD,
    ),
    "kl_nats": _metric(
        "KL",
        "nats per image",
        "none",
        "How many nats about an image its latent carries, on average; near 0 the latent is ignored.",
        "Comparable only when the prior and the images agree.",
    ),
    "active_units": _metric(
        "Active units",
        "latent units",
        "none",
        "Number of latent units whose posterior mean varies over test images by more than 0.01; 0 is a collapse.",
        "Comparable only when latent size, prior and images agree.",
    ),
    "mse": _metric(
        "Reconstruction error",
        "squared, white = 1",
        "lower",
        "Mean squared error of reconstructed test images over all pixels, on the scale from 0 to 1.",
        _SAME_IMAGES,
    ),
    "psnr": _metric(
        "PSNR",
        "dB",
        "higher",
        "Peak signal-to-noise ratio of reconstructed test images, from the mean squared error over all pixels.",
        _SAME_IMAGES,
    ),
    "ssim": _metric(
        "SSIM",
        "",
        "higher",
        "Structural similarity of test images and their reconstructions, averaged over images; 1 if they were equal.",
        _SAME_IMAGES,
    ),
    "smoothness": _metric(
        "Path length",
        "squared feature units",
        "lower",
        "How fast images change with their latents (perceptual path length): mean squared change of the features over "
        "a small step. Lower is smoother; a model of one image gets 0, so read it beside recall and diversity.",
        "Comparable only when encoder, step and resolution agree.",
    ),
    "parameters": _metric(
        "Parameters",
        "numbers",
        "none",
        "Trained numbers in all of the model's networks.",
        _SAME_COUNT,
    ),
    "samples_per_second": _metric(
        "Sampling speed", "images/s", "higher", "Images generated in a second, after a warm-up.", _SAME_MACHINE
    ),
    "train_seconds": _metric(
        "Training time", "s", "lower", "Seconds of training alone, without evaluation and start-up.", _SAME_MACHINE
    ),
    "sampler_seconds": _metric(
        "Sampler fit",
        "s",
        "lower",
        "Seconds of fitting what latents are drawn from, after training and outside its budget.",
        _SAME_MACHINE,
    ),
    "images_seen": _metric(
        "Images seen", "images", "none", "Training images that went through the model, repeats counted.", _SAME_COUNT
    ),
    "peak_memory_bytes": _metric(
        "Peak memory", "bytes", "lower", "Most memory that training held at once.", _SAME_MACHINE
    ),
    "flops_per_image": _metric(
        "Work per image", "FLOP", "lower", "Floating-point operations of training for each image seen.", _SAME_COUNT
    ),
}

ALIASES = {"histogram_kl": "class_divergence"}
"""Other names that a metric may be asked for by."""

SHARPNESS = {
    "sharpness": ("Sharpness", "Variance of the Laplacian"),
    "high_frequency": ("High frequencies", "Share of power above half the Nyquist frequency"),
}
"""Measures of single images, reported as a ratio to real ones."""

for _name, (_label, _what) in SHARPNESS.items():
    _note = "below 1 they are blurred, above 1 noisy or too crisp."
    METRICS[_name] = _metric(
        _label,
        "× real images",
        "towards",
        f"{_what} of samples over that of real images: {_note}",
        _SAME_IMAGES,
        target=1.0,
    )
    METRICS[f"reconstruction_{_name}"] = _metric(
        f"{_label} of reconstructions",
        "× real images",
        "towards",
        f"{_what} of reconstructed test images over that of the images themselves: {_note}",
        _SAME_IMAGES,
        target=1.0,
    )
    METRICS[f"real_{_name}"] = _metric(
        f"{_label} of real images", "", "none", f"{_what} of test images, grey values from 0 to 1.", _SAME_IMAGES
    )

FLOORED = ("frechet", "frechet_infinity", "kid", "mind", "precision", "recall", "density", "coverage", "diversity")
"""Metrics with a floor: what real training images score in the samples' place."""

for _name in (*FLOORED, "frechet_within_classes"):  # the last for conditional models alone
    METRICS[f"floor_{_name}"] = _metric(
        f"{METRICS[_name]['label']}, real against real",
        METRICS[_name]["unit"],
        "none",
        f"{METRICS[_name]['label']} of real training images in the samples' place: what a perfect model would score "
        "at this number of samples.",
        METRICS[_name]["comparable"],
    )

MEMORIZATION = ("copying", "authenticity")
"""Metrics that ask for copies of training images; their floor is what validation images score."""

for _name in MEMORIZATION:
    METRICS[f"floor_{_name}"] = _metric(
        f"{METRICS[_name]['label']}, real images",
        "",
        "none",
        f"{METRICS[_name]['label']} of validation images in the samples' place: what copying nothing scores.",
        _SAME_TRAINING,
    )

PRIOR_HOLE = {
    "prior": (
        "from the prior",
        "of samples whose latents come from the prior, beside those of a sampler that was fitted after training",
    ),
    "reconstruction": (
        "of reconstructions",
        "of reconstructed test images from the same images (0 if they were perfect): what the decoder can do. How much "
        "worse samples are, beyond their floor, is due to their latents: the prior hole",
    ),
}
"""Where latents come from, for scores that tell a weak decoder from latents that it never saw."""

for _source, (_where, _what) in PRIOR_HOLE.items():
    for _name in ("frechet", "kid"):
        METRICS[f"{_source}_{_name}"] = _metric(
            f"{METRICS[_name]['label']} {_where}",
            METRICS[_name]["unit"],
            "lower",
            f"{METRICS[_name]['label']} {_what}.",
            METRICS[_name]["comparable"],
        )
