"""Metrics of given images: how likely they are, how well they are remade, how sharp they are."""

from __future__ import annotations

from paribus.metrics.catalogue.entry import SAME_IMAGES, SAME_LIKELIHOOD, Metric, metric

IMAGES: dict[str, Metric] = {
    "elbo": metric(
        "−ELBO",
        "nats per image",
        "lower",
        "Bound on the negative log-likelihood of test images: reconstruction plus KL, with the KL weighted by 1. Not "
        "in bits per dimension, since no likelihood here is of discrete or dequantised pixels.",
        SAME_LIKELIHOOD,
    ),
    "iwae": metric(
        "IWAE-K",
        "nats per image",
        "lower",
        "Bound on the negative log-likelihood of test images from the mean weight of K latents an image (K is in the "
        "protocol): tighter than −ELBO, the more so the larger K.",
        "Comparable only when K, the likelihood, the images and their resolution agree.",
    ),
    "reconstruction_nats": metric(
        "Reconstruction",
        "nats per image",
        "none",
        "Negative log-likelihood of test images given their latents, summed over pixels.",
        SAME_LIKELIHOOD,
    ),
    "kl_nats": metric(
        "KL",
        "nats per image",
        "none",
        "How many nats about an image its latent carries, on average; near 0 the latent is ignored.",
        "Comparable only when the prior and the images agree.",
    ),
    "active_units": metric(
        "Active units",
        "latent units",
        "none",
        "Number of latent units whose posterior mean varies over test images by more than 0.01; 0 is a collapse.",
        "Comparable only when latent size, prior and images agree.",
    ),
    "mse": metric(
        "Reconstruction error",
        "squared, white = 1",
        "lower",
        "Mean squared error of reconstructed test images over all pixels, on the scale from 0 to 1.",
        SAME_IMAGES,
    ),
    "psnr": metric(
        "PSNR",
        "dB",
        "higher",
        "Peak signal-to-noise ratio of reconstructed test images, from the mean squared error over all pixels.",
        SAME_IMAGES,
    ),
    "ssim": metric(
        "SSIM",
        "",
        "higher",
        "Structural similarity of test images and their reconstructions, averaged over images; 1 if they were equal.",
        SAME_IMAGES,
    ),
    "feature_distance": metric(
        "Feature distance",
        "× two real images",
        "lower",
        "Mean distance in the encoder's features of test images from their reconstructions, over that of two different "
        "test images: 0 is perfect, 1 no nearer than any other image.",
        "Comparable only when the encoder, the images and their resolution agree.",
    ),
}

_FOUND = "images that the decoder comes nearest to them with, found by gradient descent on its latents"
_ASKED = "It needs no encoder. Measured only where it is named, since it costs as much as many samples."
_SAME_DESCENT = "Comparable only when the descent's steps and starts, the images and their resolution agree."

INVERSION: dict[str, Metric] = {
    "inversion_mse": metric(
        "Inversion error",
        "squared, white = 1",
        "lower",
        f"Mean squared error over all pixels of test images and the {_FOUND}. {_ASKED}",
        _SAME_DESCENT,
    ),
    "inversion_psnr": metric(
        "PSNR by inversion",
        "dB",
        "higher",
        f"Peak signal-to-noise ratio of the {_FOUND}. {_ASKED}",
        _SAME_DESCENT,
    ),
    "inversion_ssim": metric(
        "SSIM by inversion",
        "",
        "higher",
        f"Structural similarity of test images and the {_FOUND}. {_ASKED}",
        _SAME_DESCENT,
    ),
    "inversion_feature_distance": metric(
        "Feature distance by inversion",
        "× two real images",
        "lower",
        f"Mean distance in the encoder's features of test images from the {_FOUND}, over that of two different test "
        f"images. {_ASKED}",
        "Comparable only when encoder, the descent's steps and starts, the images and their resolution agree.",
    ),
}

SHARPNESS = {
    "sharpness": ("Sharpness", "Variance of the Laplacian"),
    "high_frequency": ("High frequencies", "Share of power above half the Nyquist frequency"),
}
"""Measures of single images, reported as a ratio to real ones."""

_NOTE = "below 1 they are blurred, above 1 noisy or too crisp."

SHARPNESS_OF: dict[str, Metric] = {}
for _name, (_label, _what) in SHARPNESS.items():
    SHARPNESS_OF[_name] = metric(
        _label, "× real images", "towards", f"{_what} of samples over that of real images: {_NOTE}", SAME_IMAGES, 1.0
    )
    SHARPNESS_OF[f"reconstruction_{_name}"] = metric(
        f"{_label} of reconstructions",
        "× real images",
        "towards",
        f"{_what} of reconstructed test images over that of the images themselves: {_NOTE}",
        SAME_IMAGES,
        1.0,
    )
    SHARPNESS_OF[f"real_{_name}"] = metric(
        f"{_label} of real images", "", "none", f"{_what} of test images, grey values from 0 to 1.", SAME_IMAGES
    )
