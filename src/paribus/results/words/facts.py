"""Facts in words: warnings, why there is no number, and what a study held equal or varied."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from paribus.base.wording import count, listed, number, plural
from paribus.results.score import Fact
from paribus.results.words.settings import sampler_words, words_of

SENTENCES: dict[str, str | Callable[..., str]] = {
    "not_finite": "the value is not finite",
    "too_few_images": lambda n, least: f"{count(n)}, at least {count(least)} are needed",
    "too_few_samples": lambda n, features, least: (
        f"{count(n)} for {features} features, at least {count(least)} are needed"
    ),
    "too_few_of_a_class": lambda least, features, needed: (
        f"{count(least)} for {features} features, at least {count(needed)} are needed"
    ),
    "low_coverage": lambda coverage: (
        f"they reach only {number(100 * coverage, 2)} % of the real images' neighbourhoods"
    ),
    "missing_classes": lambda classes, count: (
        f"{'class' if count == 1 else 'classes'} {', '.join(classes)}"
        f"{', ...' if count > len(classes) else ''} {'is' if count == 1 else 'are'} (almost) never generated"
    ),
    "uneven_classes": lambda divergence: (
        f"the classes' shares among samples are far from those among real images ({number(divergence, 2)} nats)"
    ),
    "unknown_classes": "samples have a class that the compared real images lack: use more images",
    "copies": lambda share: (
        f"of equally many training and held-out images, the training ones are nearest to {share:.0%}"
    ),
    "posterior_collapse": lambda nats=None, units=None: (
        f"the latent carries {nats:.2g} nats, the images are drawn without it"
        if nats is not None
        else f"none of {units} latent units is in use"
    ),
    "kl_estimated": "an estimate by a critic, no bound: likely too small",
    "small_images": lambda least: f"images of fewer than {least} pixels",
    "few_rare_images": "too few test images are of rare kinds",
    "counted_in_training": "counted during training: see the run's done.json",
    "needs_inception_classes": (
        "needs inception-2048 with its last layer; 'classifier_score' is by the data's own classifier"
    ),
    "needs_classifier": "needs the encoder 'classifier', which needs labelled data",
    "not_conditional": "the model is not conditional",
    "needs_class_labels": "the model is not conditional, or the encoder is not 'classifier'",
    "no_likelihood": "the model has no likelihood",
    "no_known_density": "the model is not trained by a bound with a posterior of known density, as VAEs are",
    "prior_not_normal": "needs a model whose prior is a standard normal distribution",
    "draws_from_prior_already": "the model's latents come from the prior already",
    "no_encoder": "the model reconstructs no images",
    "no_decoder": "needs a model: there is no decoder behind these images",
    "measured_over_a_study": "measured over a study's runs: see its results.json",
    "unfinished": lambda images: f"the run is unfinished: its weights after {count(images)} images",
    "needs_training_images": (
        "needs a data set with training images (and validation images, for what real ones score)"
    ),
    "equal_images": lambda equal, n: (
        f"{count(equal)} of the {count(n)} images are equal to images that they are compared with"
        + (": a set against itself says nothing of a model" if equal == n else "")
    ),
    "usual_name": lambda name, meaning: f"'{name}' is {meaning}",
    "does_not_apply": "does not apply here",
    "one_seed": "one seed has no spread",
    "no_seed_scored": "no seed was scored",
    "encoders_differ": "the seeds were measured through different encoders",
    "few_snapshots": "fewer than two snapshots were scored",
    "equal_means": "their means are equal",
    "few_seeds": lambda seeds, least: f"{plural(seeds, 'seed')}, and fewer than {least} name no order",
    "not_after_correction": lambda pairs: f"not after correction for {pairs} pairs",
    "within_spread": "the difference is within the seeds' spread",
    "within_error": "the difference is within what other test images would change",
    "exact_test_disagrees": "the t-test tells them apart, but the exact test does not",
    "both_tests_agree": "the t-test and the exact test agree",
    "interval_excludes_0": "the t-interval excludes 0",
    "worst_failed": lambda runs: (
        f"{f'{runs} of its runs' if runs > 1 else 'one of its runs'} failed, which counts as its worst"
    ),
    "mean_near_zero": "the mean cannot be told from 0, given the error of measuring: a ratio to it says nothing",
}
"""By code, what is the matter; a function is called with the fact's figures."""

KINDS = {
    "too_few_images": "too few images",
    "too_few_samples": "too few samples",
    "too_few_of_a_class": "too few images of a class",
    "low_coverage": "mode collapse, or samples far from the data",
    "missing_classes": "mode collapse",
    "uneven_classes": "mode collapse",
    "copies": "copies",
    "posterior_collapse": "posterior collapse",
}
"""By code, what facts are called together whose figures differ."""


def fact_words(fact: Fact) -> str:
    """A fact as a clause: "posterior collapse: none of 20 latent units is in use"."""
    kind = f"{KINDS[fact.code]}: " if fact.code in KINDS else ""
    return kind + detail_words(fact)


def detail_words(fact: Fact) -> str:
    """The same without what it is called; a code from outside this package is spelt out with its figures."""
    words = SENTENCES.get(fact.code)
    if words is None or not (isinstance(words, str) or _takes(words, fact)):
        figures = ", ".join(f"{name.replace('_', ' ')} {_plain(value)}" for name, value in fact.figures.items())
        return fact.code.replace("_", " ") + (f" ({figures})" if figures else "")
    return words if isinstance(words, str) else words(**fact.figures)


def _takes(words: Callable[..., Any], fact: Fact) -> bool:
    """Whether a fact has the figures that its words are made of: a record may have been edited."""
    try:
        inspect.signature(words).bind(**fact.figures)
    except TypeError:
        return False
    return True


def kind_words(fact: Fact) -> str:
    """What facts of this code are called together."""
    return KINDS.get(fact.code) or fact.code.replace("_", " ")


@dataclass(frozen=True)
class Statement:
    """What a study held equal or varied: what it is about, what is said of it, the setting's path, how many values."""

    words: str
    text: str
    path: str = ""
    values: int = 1

    def __str__(self) -> str:
        return f"{self.words}: {self.text}"


def statement(fact: Fact) -> Statement:
    """A fact about a study's settings, for a list or a paragraph."""
    figures: dict[str, Any] = dict(fact.figures)
    make = STATEMENTS.get(fact.code)
    if make is None or not _takes(make, fact):
        return Statement(fact.code.replace("_", " ").capitalize(), f"{fact_words(fact)}.")
    return make(**figures)


def _data(name: str, images: int, size: int, channels: int) -> Statement:
    form = f"{size} × {size}, {'grey' if channels == 1 else 'colour'}"
    order = "in the same order for every model of a seed"
    return Statement("Data", f"the same {count(images)} training images of {name} ({form}), {order}.")


def _evaluation(encoders: tuple[str, ...], samples: int, seed: int, split: str) -> Statement:
    one = f"one encoder ({encoders[0]})"
    several = f"the same {len(encoders)} encoders ({', '.join(encoders)}; the first ranks)"
    seen = one if len(encoders) == 1 else several
    drawn = f"drawn with the seed of each run's training{f' plus {seed}' if seed else ''}"
    how = f"at most {count(samples)} samples, {drawn}, scored against the {split} split"
    return Statement("Evaluation", f"{seen}, {how}.")


def _machine(threads: int, precision: str) -> Statement:
    return Statement("Machine", f"{plural(threads, 'CPU thread')} a run, precision {precision}.")


def _sampler(name: str) -> Statement:
    return Statement("Sampler", f"every model's latents are drawn from {sampler_words(name)}.")


def _setting(path: str, values: tuple[str, ...], models: tuple[tuple[str, ...], ...] = ()) -> Statement:
    written = [sampler_words(value) if path == "sampler.name" else value for value in values]
    groups = [f"{value} ({', '.join(of)})" for value, of in zip(written, models, strict=True)] if models else []
    text = "; ".join(groups) if models else f"{written[0]} for every model"
    return Statement(words_of(path), f"{text}.", path, len(values))


def _parameters(
    target: int, tolerance: float, models: tuple[str, ...], widths: tuple[int, ...], reached: tuple[int, ...]
) -> Statement:
    each = (
        f"{width} with {count(parameters)}, {parameters / target - 1:+.1%} ({model})"
        for model, width, parameters in zip(models, widths, reached, strict=True)
    )
    held = f"{count(target)} for every model within {tolerance:.0%}, by the backbone's width"
    return Statement("Parameters", f"{held}: {'; '.join(each)}.")


def _seeds(seeds: tuple[int, ...]) -> Statement:
    return Statement("Seeds", f"{', '.join(map(str, seeds))} (initial weights, order of the images, noise).")


def _machines(machines: tuple[str, ...], runs: tuple[tuple[str, ...], ...]) -> Statement:
    kinds = "; ".join(f"{machine} ({', '.join(of)})" for machine, of in zip(machines, runs, strict=True))
    return Statement("Machine", f"{kinds}. Times measured on one do not compare with those of another.")


STATEMENTS: dict[str, Callable[..., Statement]] = {
    "data": _data,
    "budget": lambda budget: Statement("Budget", f"{budget} of training for every run."),
    "evaluation": _evaluation,
    "machine": _machine,
    "sampler": _sampler,
    "setting": _setting,
    "parameters": _parameters,
    "seeds": _seeds,
    "machines": _machines,
}
"""By code; called with the fact's figures."""


def _plain(value: object) -> str:
    return listed([str(entry) for entry in value]) if isinstance(value, tuple) else str(value)
