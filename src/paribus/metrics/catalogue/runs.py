"""What training cost, and how steady its result is."""

from __future__ import annotations

from paribus.metrics.catalogue.entry import SAME_COUNT, SAME_MACHINE, Metric, metric

COST: dict[str, Metric] = {
    "parameters": metric(
        "Parameters",
        "numbers",
        "none",
        "Trained numbers in all of the model's networks.",
        SAME_COUNT,
    ),
    "samples_per_second": metric(
        "Sampling speed", "images/s", "higher", "Images generated in a second, after a warm-up.", SAME_MACHINE
    ),
    "train_seconds": metric(
        "Training time", "s", "lower", "Seconds of training alone, without evaluation and start-up.", SAME_MACHINE
    ),
    "sampler_seconds": metric(
        "Sampler fit",
        "s",
        "lower",
        "Seconds of fitting what latents are drawn from, after training and outside its budget.",
        SAME_MACHINE,
    ),
    "images_seen": metric(
        "Images seen", "images", "none", "Training images that went through the model, repeats counted.", SAME_COUNT
    ),
    "peak_memory_bytes": metric(
        "Peak memory", "bytes", "lower", "Most memory that training held at once.", SAME_MACHINE
    ),
    "flops_per_image": metric(
        "Work per image", "FLOP", "lower", "Floating-point operations of training for each image seen.", SAME_COUNT
    ),
}

STEADINESS: dict[str, Metric] = {
    "seed_spread": metric(
        "Spread over seeds",
        "× mean",
        "lower",
        "Standard deviation over a model's seeds of the metric that a study ranks by, over their mean: how much of the "
        "result is the seed's.",
        "Comparable only when metric, encoder, reference split, number of samples and budget agree; of few seeds it is "
        "itself uncertain.",
    ),
    "snapshot_spread": metric(
        "Spread over snapshots",
        "× mean",
        "lower",
        "Standard deviation of a run's snapshots from about half its budget on, by KID on validation images, over "
        "their mean, averaged over seeds: how far quality still moves, for better or worse.",
        "Comparable only when encoder, validation images, budget and the snapshots' places in it agree.",
    ),
    "failed_seeds": metric(
        "Failed seeds",
        "",
        "lower",
        "Share of a model's seeds whose training failed, as when a loss diverged, of those that came to an end.",
        "Comparable only when budget and number of seeds agree.",
    ),
}
"""Of a study's runs together, where all others are of one model."""
