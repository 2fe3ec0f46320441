"""Metrics of samples beside real images, through an encoder."""

from __future__ import annotations

from paribus.metrics.catalogue.entry import SAME_TRAINING, SAME_VIEW, Metric, metric

SAMPLES: dict[str, Metric] = {
    "frechet": metric(
        "Fréchet distance",
        "squared feature units",
        "lower",
        "Distance between Gaussians fitted to the features of real images and of samples (the FID's formula).",
        SAME_VIEW,
    ),
    "frechet_infinity": metric(
        "Fréchet distance, n → ∞",
        "squared feature units",
        "lower",
        "Fréchet distance extrapolated to infinitely many samples, linearly in 1/n: without the bias of their number.",
        SAME_VIEW,
    ),
    "frechet_within_classes": metric(
        "Fréchet distance within classes",
        "squared feature units",
        "lower",
        "Mean over classes of the Fréchet distance between real images of a class and a conditional model's samples "
        "that were asked for it (intra-class FID): sees ignored classes and too little variety within one.",
        "Comparable only when encoder, reference split, number of samples of each class and resolution agree.",
    ),
    "kid": metric(
        "KID",
        "",
        "lower",
        "Squared maximum mean discrepancy with a cubic kernel between features of real images and of samples; "
        "unbiased, near 0 (or just below) for a perfect model.",
        "Comparable only when encoder, reference split and resolution agree.",
    ),
    "mind": metric(
        "MIND",
        "squared feature units",
        "lower",
        "Squared sliced Wasserstein distance between the features of real images and of samples, over 1,000 random "
        "directions: it sees whole distributions, not means and covariances alone.",
        SAME_VIEW,
    ),
    "precision": metric(
        "Precision",
        "",
        "higher",
        "Share of samples that lie where real images are: how real they look.",
        SAME_VIEW,
    ),
    "recall": metric(
        "Recall",
        "",
        "higher",
        "Share of real images that lie where samples are: how much of the data the model reaches.",
        SAME_VIEW,
    ),
    "density": metric(
        "Density",
        "",
        "higher",
        "How many real images' neighbourhoods a sample lies in, over k: precision that outliers cannot inflate.",
        SAME_VIEW,
    ),
    "coverage": metric(
        "Coverage",
        "",
        "higher",
        "Share of real images with a sample in their neighbourhood: recall that outliers cannot inflate.",
        SAME_VIEW,
    ),
    "diversity": metric(
        "Diversity",
        "× real images",
        "towards",
        "Mean distance of two samples in the encoder's features over that of two real images: below 1 samples are too "
        "alike, above 1 there are outliers or noise.",
        "Comparable only when encoder, reference split and resolution agree.",
        target=1.0,
    ),
    "copying": metric(
        "Copying",
        "",
        "towards",
        "Share of samples nearer to a training image than to any held-out one, as of equally many of both: "
        "0.5 is clean, 1 is copies.",
        SAME_TRAINING,
        target=0.5,
    ),
    "authenticity": metric(
        "Authenticity",
        "",
        "higher",
        "Share of samples farther from their nearest training image than that one is from its own nearest (AuthPct): "
        "0 for copies. Noise gets 1, so read it beside real images.",
        SAME_TRAINING,
    ),
    "smoothness": metric(
        "Path length",
        "squared feature units",
        "lower",
        "How fast images change with their latents (perceptual path length): mean squared change of the features over "
        "a small step. Lower is smoother; a model of one image gets 0, so read it beside recall and diversity.",
        "Comparable only when encoder, step and resolution agree.",
    ),
}

RARITY: dict[str, Metric] = {
    "rare_share": metric(
        "Rare kinds",
        "× real images",
        "towards",
        "Share of samples that are of the rarest kinds of images (a tenth of the training images: combinations of "
        "content, brightness and asymmetry) over their share among test images: below 1 a model neglects them.",
        SAME_VIEW,
        target=1.0,
    ),
    "rare_coverage": metric(
        "Coverage of rare kinds",
        "",
        "higher",
        "Share of the test images of the rarest kinds that have a sample in their neighbourhood.",
        SAME_VIEW,
    ),
}
"""Metrics of groups that need no labels, measured where they are named."""

FLOORED = ("frechet", "frechet_infinity", "kid", "mind", "precision", "recall", "density", "coverage", "diversity")
"""Metrics with a floor: what real training images score in the samples' place."""

FLOORS: dict[str, Metric] = {
    f"floor_{name}": metric(
        f"{SAMPLES[name]['label']}, real against real",
        SAMPLES[name]["unit"],
        "none",
        f"{SAMPLES[name]['label']} of real training images in the samples' place: what a perfect model would score "
        "at this number of samples.",
        SAMPLES[name]["comparable"],
    )
    for name in (*FLOORED, "frechet_within_classes")  # the last for conditional models alone
}

MEMORIZATION = ("copying", "authenticity")
"""Metrics that ask for copies of training images; their floor is what validation images score."""

FLOORS |= {
    f"floor_{name}": metric(
        f"{SAMPLES[name]['label']}, real images",
        "",
        "none",
        f"{SAMPLES[name]['label']} of validation images in the samples' place: what copying nothing scores.",
        SAME_TRAINING,
    )
    for name in MEMORIZATION
}

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

LATENT_SOURCES: dict[str, Metric] = {
    f"{source}_{name}": metric(
        f"{SAMPLES[name]['label']} {where}",
        SAMPLES[name]["unit"],
        "lower",
        f"{SAMPLES[name]['label']} {what}.",
        SAMPLES[name]["comparable"],
    )
    for source, (where, what) in PRIOR_HOLE.items()
    for name in ("frechet", "kid")
}
