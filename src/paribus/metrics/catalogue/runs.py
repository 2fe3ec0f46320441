"""What training cost."""

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
