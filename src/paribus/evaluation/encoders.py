"""Which encoders an evaluation uses, and how they are made: trained, fitted, or read from a file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from torch import Tensor

from paribus.base.cache import cache_folder
from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings
from paribus.data import ImageData, Split
from paribus.evaluation.encoding import StageProgress, check_known, silent
from paribus.metrics.classifier import (
    ChannelClassifier,
    channel_labels,
    dataset_classifier,
    is_at_hand,
    rehearsed,
    single_channels,
)
from paribus.metrics.efficientnet import EfficientNetEncoder
from paribus.metrics.encoders import Encoder, PixelEncoder
from paribus.metrics.inception import InceptionNetwork
from paribus.metrics.inception_layers import STAGES
from paribus.metrics.inception_weights import is_at_hand as inception_at_hand
from paribus.metrics.inception_weights import read_weights, weights_file, widest_tap
from paribus.metrics.self_trained import SelfTrainedEncoder
from paribus.results.score import LEAST_FITTED
from paribus.training.hardware import choose_device

LEAST_PER_CLASS = 20
"""Training images of a class, on average, for a classifier to be chosen by itself; of all, `LEAST_FITTED`."""
CLASSIFIERS = {"classifier": 0, "classifier-2": 1}
"""Encoders trained with the data's labels, and their seeds: a second one shows whether a ranking holds."""

UNLABELLED: dict[str, Callable[..., Encoder]] = {"self": SelfTrainedEncoder, "pixels": PixelEncoder}
"""Encoders made from training images alone."""

CARRIED: dict[str, Callable[..., Encoder]] = {"efficientnet": EfficientNetEncoder}
"""Encoders that were trained elsewhere, whose weights an installed package carries."""

TAPS = {f"inception-{dimensions}": dimensions for dimensions in STAGES}
"""Encoders that were trained elsewhere: layers of one network."""

ENCODERS = (*CLASSIFIERS, *UNLABELLED, *CARRIED, *TAPS)
_WIDEST = "inception"  # the last layer that the given file suffices for


def encoder_names(data: ImageData, settings: EvaluationSettings) -> list[str]:
    """The encoders that the settings ask for, each once.

    Who gives a file of Inception's weights wants Inception: as far as the file goes, where no layer is named.

    Raises:
        ParibusError: One is unknown.
    """
    return _names(settings, _automatic(data))


def encoders_for(data: ImageData, settings: EvaluationSettings, progress: StageProgress) -> list[Encoder]:
    """The encoders that the settings name, trained, fitted or downloaded where the cache does not hold them."""
    return _for_data(encoder_names(data, settings), data, settings, progress)


def rehearsed_encoders(data: ImageData, settings: EvaluationSettings) -> tuple[list[Encoder], float]:
    """Encoders as fast as those of `encoders_for`, and the seconds that preparing them would take.

    What the cache does not hold is trained for a few updates only, and kept nowhere. Layers of Inception whose weights
    would have to be downloaded are left out.
    """
    names, seconds = encoder_names(data, settings), 0.0
    if not inception_at_hand(settings.inception_weights, cache_folder()):
        names = [name for name in names if not _taps_among([name])]
    found: dict[str, Encoder] = {}
    for name in names:
        if name in CLASSIFIERS and not _classifier_at_hand(name, data):
            images, labels = _labelled(data.train, data)
            network, taken = rehearsed(images, labels, _classes(data), seed=CLASSIFIERS[name])
            found[name] = ChannelClassifier(network, data.shape.channels) if data.channel_classes else network
            seconds += taken
        elif name in UNLABELLED:
            start = time.perf_counter()
            found[name] = UNLABELLED[name](data.train.images, fingerprint=data.fingerprint, cache=None)
            seconds += time.perf_counter() - start
    others = [name for name in names if name not in found]
    made = dict(zip(others, _for_data(others, data, settings, silent), strict=True))
    return [(found | made)[name] for name in names], seconds


def main_encoder(data: ImageData, settings: EvaluationSettings, progress: StageProgress) -> Encoder:
    """The first of `encoders_for`, without the others."""
    return _for_data(encoder_names(data, settings)[:1], data, settings, progress)[0]


def check_encoders(settings: EvaluationSettings, data: ImageData | None, progress: StageProgress) -> None:
    """Finds out before the training, not after it, that an encoder is unknown or its weights are unavailable.

    Args:
        settings: They name the encoders.
        data: What `auto` is chosen by; None checks those that are named alone.
        progress: Told of a download.

    Raises:
        ParibusError: It is so.
    """
    names = _names(settings, [] if data is None else _automatic(data))
    for name in names:
        if name in CARRIED:
            CARRIED[name]()
    if taps := _taps_among(names):
        _weights(taps, settings, progress)


def encoders_between(against: Tensor, settings: EvaluationSettings, progress: StageProgress) -> list[Encoder]:
    """The encoders for two sets of images without a data set: by default one that is fitted to neither.

    Raises:
        ParibusError: A classifier is asked for.
    """
    names = _names(settings, ["efficientnet"])
    if asked := [name for name in names if name in CLASSIFIERS]:
        raise ParibusError(
            f"The encoder '{asked[0]}' needs a data set.",
            where="evaluation.encoder",
            got="two folders of images",
            fix="compare with --data NAME, or leave the encoder out",
        )
    return _made(names, lambda name: _unlabelled(name, against, None, progress), settings, progress)


def _names(settings: EvaluationSettings, automatic: Sequence[str]) -> list[str]:
    """What the settings ask for; `automatic` stand for auto."""
    asked = [settings.encoder] if isinstance(settings.encoder, str) else settings.encoder
    for name in asked:
        check_known(name, ("auto", *ENCODERS), "encoder")
    names = [own for name in asked for own in (automatic if name == "auto" else [name])]
    if settings.inception_weights is not None and not _taps_among(names):
        names.append(_WIDEST)
    return list(dict.fromkeys(names))


def _automatic(data: ImageData) -> list[str]:
    """What suits the data: a classifier where labelled images are enough, else what was trained on photographs.

    docs/judges.md shows why.
    """
    labelled = data.train.labels is not None and 2 <= _classes(data) <= len(data.train) // LEAST_PER_CLASS
    if len(data.train) < LEAST_FITTED:
        return ["efficientnet", "classifier"] if labelled else ["efficientnet"]  # which says what is of which class
    return ["classifier"] if labelled else ["efficientnet", "pixels"]


def _taps_among(names: Sequence[str]) -> list[str]:
    return [name for name in names if name in TAPS or name == _WIDEST]


def _for_data(
    names: Sequence[str], data: ImageData, settings: EvaluationSettings, progress: StageProgress
) -> list[Encoder]:
    def own(name: str) -> Encoder:
        if name in CLASSIFIERS:
            return _classifier(name, data, progress)
        return _unlabelled(name, data.train.images, data.fingerprint, progress)

    return _made(names, own, settings, progress)


def _made(
    names: Sequence[str], own: Callable[[str], Encoder], settings: EvaluationSettings, progress: StageProgress
) -> list[Encoder]:
    """The named encoders: `own` makes those of the data; the layers of Inception share one network."""
    found = {name: own(name) for name in names if name in CLASSIFIERS or name in UNLABELLED}
    found |= {name: CARRIED[name](device=choose_device("auto")) for name in names if name in CARRIED}
    if taps := _taps_among(names):
        weights = _weights(taps, settings, progress)
        network = InceptionNetwork(
            weights,
            [TAPS.get(name) or widest_tap(weights) for name in taps],
            device=choose_device("auto"),
            precision=settings.inception_precision,
        )
        found |= dict(zip(taps, network.encoders, strict=True))
    return [found[name] for name in names]


def _classifier(name: str, data: ImageData, progress: StageProgress) -> Encoder:
    train, test = data.train, data.test
    if train.labels is None or test.labels is None or data.shape.classes < 2:
        raise ParibusError(
            f"The encoder '{name}' needs labelled data.",
            where="evaluation.encoder",
            got=f"data '{data.name}' without labels",
            fix="use -o evaluation.encoder=self or pixels",
        )
    progress(f"preparing the encoder '{name}' (trained once for a data set)", 0, 1)
    channels = data.shape.channels
    encoder = dataset_classifier(
        *_labelled(train, data),
        *_labelled(test, data),
        _classes(data),
        seed=CLASSIFIERS[name],
        cache=cache_folder(),
        fingerprint=data.fingerprint,
    )
    return ChannelClassifier(encoder, channels) if data.channel_classes else encoder


def _labelled(split: Split, data: ImageData) -> tuple[Tensor, Tensor]:
    """Images and classes that a classifier learns: where each channel has a class of its own, channels."""
    assert split.labels is not None
    if not data.channel_classes:
        return split.images, split.labels
    labels = channel_labels(split.labels, data.channel_classes, data.shape.channels)
    return single_channels(split.images), labels


def _classifier_at_hand(name: str, data: ImageData) -> bool:
    """Whether a classifier need not be trained: it is in the cache, or cannot be, which making it says."""
    if data.train.labels is None or data.test.labels is None or data.shape.classes < 2:
        return True
    images, _ = _labelled(data.train, data)
    seed = CLASSIFIERS[name]
    return is_at_hand(images, _classes(data), fingerprint=data.fingerprint, seed=seed, cache=cache_folder())


def _classes(data: ImageData) -> int:
    """Classes that a classifier has to tell apart."""
    return data.channel_classes or data.shape.classes


def _unlabelled(name: str, images: Tensor, fingerprint: str | None, progress: StageProgress) -> Encoder:
    progress(f"preparing the encoder '{name}' (once for a data set)", 0, 1)
    return UNLABELLED[name](images, fingerprint=fingerprint, cache=cache_folder())


def _weights(taps: Sequence[str], settings: EvaluationSettings, progress: StageProgress) -> dict[str, Tensor]:
    """Inception's weights up to the deepest of the taps, from the file that is given, known or downloaded."""

    def tell(done: int, total: int) -> None:
        progress("downloading Inception's weights, MB", done // 10**6, total // 10**6)

    file = weights_file(settings.inception_weights, cache_folder(), tell)
    return read_weights(file, max((TAPS[name] for name in taps if name in TAPS), default=None))
