"""How a number was measured, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from paribus.base.wording import NARROW, count, listed, plural
from paribus.results.comparison import Obstacle
from paribus.results.protocol import Descent, ImageForm, ImageSet, Likelihood, Protocol, Resized, Spread
from paribus.results.run import RunResult
from paribus.results.score import EncoderRecord

SPLITS = {"train": "training", "validation": "validation", "test": "test"}
ENCODERS = {
    "classifier": "a classifier of the data's own classes",
    "self": "filters learned from the images themselves",
    "pixels": "the pixels' principal components",
    "efficientnet": "a middle layer of a network that learned from photographs",
    "inception": "a layer of the network behind the FID",
}
"""By the first word of an encoder's name: classifier-2, inception-768."""
FIELDS = {
    "encoder": "the encoders",
    "n": "the numbers of images compared",
    "split": "the reference splits",
    "size": "the resolutions",
    "data": "the data",
    "protocol.images": "the measured images",
    "protocol.reference": "the images that they are held against",
    "protocol.form": "the forms of the images",
    "protocol.seed": "the seeds of what is drawn",
    "protocol.labels": "the ways in which labels were drawn",
    "protocol.draws": "the numbers of latents for each image",
    "protocol.descent": "the descents",
    "protocol.path": "the steps",
    "protocol.timing": "the timings",
    "protocol.window": "the windows of SSIM",
    "protocol.searched": "the images that were searched",
}
"""What is said to differ."""
NOT_RECORDED = "not recorded"


def encoder_words(encoder: EncoderRecord) -> str:
    """What an encoder is, as a sentence goes on: "classifier-3f9a, a classifier of 98.9 % test accuracy"."""
    if encoder.accuracy is not None:
        return f"{encoder.id}, a classifier of {accuracy_words(encoder.accuracy)} test accuracy"
    kind = ENCODERS.get(encoder.name.split("-")[0])
    return f"{encoder.id}, {kind}" if kind else encoder.id


def accuracy_words(accuracy: float) -> str:
    """A classifier's accuracy: "98.9 %"."""
    return f"{100 * accuracy:.1f}{NARROW}%"


def protocol_words(protocol: Protocol, *others: Protocol) -> str:
    """A protocol as a clause, "359 samples (seed 0) against all 359 test images"; empty where nothing is known.

    Args:
        protocol: Which.
        others: What was measured alike but for its seeds, which are named, too.
    """
    parts = [
        _images(protocol, _seeds([protocol, *others])),
        _further_images(protocol),
        _draws(protocol.draws),
        f"likelihood: {_likelihood(protocol.likelihood)}" if protocol.likelihood else "",
        f"window of {protocol.window}x{protocol.window} pixels" if protocol.window else "",
        f"over pairs among {_whole(protocol.pairs_among)}" if protocol.pairs_among else "",
        f"at least {count(protocol.least_per_class)} of each class" if protocol.least_per_class is not None else "",
        _timing(protocol),
        _spread(protocol.spread) if protocol.spread else "",
        f"of {plural(protocol.ended, 'seed')} that came to an end" if protocol.ended is not None else "",
        {"training": "counted by the training run", "networks": "all networks"}.get(protocol.counted_by or "", ""),
        *(f"{name.replace('_', ' ')} {value}" for name, value in protocol.further.items()),
    ]
    return "; ".join(part for part in parts if part)


def _images(protocol: Protocol, seeds: str) -> str:
    """What is measured, and what it is held against."""
    if protocol.path:
        steps = f"{count(protocol.path.steps)} steps of {protocol.path.angle:g} radian from latents of the prior"
        return f"{steps}{_brackets(seeds)}, images as uint8"
    if protocol.images is None:
        return seeds
    images, reference = protocol.images, protocol.reference
    brackets = [seeds, "given" if images.origin == "given" else ""]
    brackets += [_form(protocol.form), _resized(images.resized)]
    text = _set(images)
    if protocol.stands_in:
        text += " in the samples' place"
    if images.origin == "reconstructions" and protocol.latents:
        text += f" from {protocol.latents}"
    if protocol.descent:
        text += f", found by {_descent(protocol.descent)}"
    chosen = "fixed choice" if images.origin in SPLITS and not images.whole else ""
    text += _brackets(chosen, *brackets)
    return f"{text} against {_whole(reference)}" if reference else text


def _further_images(protocol: Protocol) -> str:
    parts = []
    if protocol.searched:
        held = f" and {_whole(protocol.held_out)}" if protocol.held_out else ""
        parts.append(f"nearest among {_whole(protocol.searched)}{held}")
    if protocol.rare is not None:
        among = f" among {count(protocol.rare_among)} training images" if protocol.rare_among is not None else ""
        parts.append(f"{count(protocol.rare)} of the latter are of the rarest kinds{among}")
    return "; ".join(parts)


def _set(images: ImageSet) -> str:
    """So many images, of what."""
    n = count(images.count)
    if images.origin in ("samples", "given"):
        return f"{n} samples"
    if images.origin in ("reconstructions", "inversions"):
        return f"{n} {images.origin}"
    if images.origin == "against":
        return f"{n} others"
    if images.origin == "linear_model":
        return f"{n} draws from a normal distribution of pixels"
    of = f"{n} {SPLITS[images.origin]} images"
    return f"all {of}" if images.whole else of


def _whole(images: ImageSet) -> str:
    """The same, and whether they were chosen."""
    chosen = "fixed choice" if images.origin in SPLITS and not images.whole else ""
    return _set(images) + _brackets(chosen, _resized(images.resized))


def _resized(resized: Resized | None) -> str:
    if resized is None:
        return ""
    said = f"{count(resized.images)} resized by PIL's Lanczos or, to enlarge, bicubic filter"
    cropped = f"{count(resized.cropped)} cut to the central square" if resized.cropped else ""
    return ", ".join(part for part in (said if resized.images else "", cropped) if part)


def _draws(draws: int | None) -> str:
    if draws is None:
        return ""
    return "one latent an image" if draws == 1 else f"K = {draws} latents an image"


def _seeds(protocols: Sequence[Protocol]) -> str:
    seeds = sorted({protocol.seed for protocol in protocols if protocol.seed is not None})
    return seeds_words(seeds) if seeds else ""


def _form(form: ImageForm | None) -> str:
    return f"uint8 {form.height}x{form.width}x{form.channels}" if form else ""


def _brackets(*parts: str) -> str:
    found = [part for part in parts if part]
    return f" ({', '.join(found)})" if found else ""


def _likelihood(likelihood: Likelihood) -> str:
    if likelihood.density == "bernoulli":
        text = "binary cross-entropy on grey pixels (a surrogate, not a likelihood)"
    else:
        deviation = likelihood.deviation
        said = f", deviation {deviation if isinstance(deviation, str) else f'{deviation:g}'}" if deviation else ""
        text = f"Gaussian density of pixels in {likelihood.pixels}{said}"
    notes = ["" if likelihood.trained_for else " (not what is trained for)"]
    notes += ["" if likelihood.is_bound else "; KL estimated by a critic (no bound)"]
    notes += [", of an image given its class" if likelihood.given_class else ""]
    return text + "".join(notes)


def _descent(descent: Descent) -> str:
    held = f" plus {descent.prior_weight:g} of the latents' mean square" if descent.prior_weight else ""
    return (
        f"{descent.steps} steps of Adam on the squared error{held} from each of the {descent.starts} best of "
        f"{descent.candidates} latents of the prior"
    )


def _timing(protocol: Protocol) -> str:
    timing = protocol.timing
    if timing is None:
        return ""
    return f"median of {timing.batches} batches of {timing.batch_size}, {plural(timing.threads, 'thread')}"


def _spread(spread: Spread) -> str:
    counts = listed([str(n) for n in spread.counts], "or")
    if spread.over == "seeds":
        return f"{spread.metric} of {counts} seeds, last weights"
    return f"{spread.metric} of the last {counts} snapshots; mean over {spread.spreads} of {spread.seeds} seeds"


def obstacle_words(obstacle: Obstacle) -> str:
    """Why runs may not be ranked: "the encoders differ (pixels for vae (seed 0); self for gan (seed 0))"."""
    if obstacle.field == "fitted" and (encoder := obstacle.groups[0][0].scores[obstacle.metric].encoder):
        return (
            f"the encoder '{encoder.name}' was fitted to {plural(encoder.fitted_on or 0, 'image')}, too few to tell "
            "better from worse; -o evaluation.encoder=efficientnet, trained elsewhere, can"
        )
    what = FIELDS.get(obstacle.field) or f"the protocols' {obstacle.field.split('.')[-1].replace('_', ' ')} entries"
    values = [f"{_value(obstacle, runs[0])} for {runs_words(runs)}" for runs in obstacle.groups]
    return f"{what} differ ({'; '.join(values)})"


def _value(obstacle: Obstacle, run: RunResult) -> str:
    """What a run has in the field."""
    if obstacle.field == "size":
        return f"{run.size} × {run.size} pixels" if run.size else NOT_RECORDED
    if obstacle.field == "data":
        return (run.fingerprint or NOT_RECORDED).removeprefix("sha256:")[:12]
    score = run.scores[obstacle.metric]
    if obstacle.field == "encoder":
        return score.encoder.id if score.encoder else NOT_RECORDED
    if obstacle.field == "n":
        return count(score.n) if score.n is not None else NOT_RECORDED
    if obstacle.field == "split":
        return score.split or NOT_RECORDED
    name = obstacle.field.split(".")[-1]
    value = getattr(score.protocol, name)
    if isinstance(value, ImageSet):
        return _whole(value)
    return NOT_RECORDED if value is None else protocol_words(Protocol(**{name: value})) or str(value)


def runs_words(runs: Iterable[RunResult]) -> str:
    """Runs by model, with the seeds: "vae (seeds 0 and 1) and gan (seed 0)"."""
    seeds: dict[str, list[int]] = {}
    for run in runs:
        seeds.setdefault(run.model, []).append(run.seed)
    return listed([f"{model} ({seeds_words(found)})" for model, found in seeds.items()])


def seeds_words(seeds: Sequence[int]) -> str:
    """Some seeds: "seed 0", "seeds 0 and 1"."""
    return f"{'seed' if len(seeds) == 1 else 'seeds'} {listed([str(seed) for seed in seeds])}"
