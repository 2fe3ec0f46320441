"""What metrics are called elsewhere, and what they are here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from paribus.base.errors import ParibusError
from paribus.config import EvaluationSettings

INCEPTION = "inception-2048"


@dataclass(frozen=True)
class Usual:
    """A metric's usual name.

    Attributes:
        metrics: What it is here.
        meaning: The same in words.
        encoder: What it is seen through wherever it has this name; "" for that of the evaluation.
    """

    metrics: tuple[str, ...]
    meaning: str
    encoder: str = ""


USUAL = {
    "fid": Usual(("frechet",), f"frechet with {INCEPTION}", INCEPTION),
    "is": Usual(("inception_score",), f"inception_score with {INCEPTION}", INCEPTION),
    "prdc": Usual(
        ("precision", "recall", "density", "coverage"),
        "precision, recall, density and coverage, through the evaluation's own encoder",
    ),
    "ppl": Usual(("smoothness",), "smoothness, in the evaluation's own features and not LPIPS's"),
    "fd": Usual(("frechet",), "frechet, through the evaluation's own encoder"),
    "mmd": Usual(("kid",), "kid, through the evaluation's own encoder"),
}
"""By name in small letters, without marks."""

NOT_HERE = {
    "lpips": "a distance through a network whose weights do not come with Paribus: 'diversity' says how alike samples "
    "are, 'ssim' how near reconstructions are",
    "sfid": "the FID of spatial features: 'frechet' with -o evaluation.encoder=inception-768 is nearest",
    "clipfid": "the FID through CLIP, whose weights do not come with Paribus: 'frechet' is nearest",
}
_SAME = {"inceptionscore": "is", "frechetinceptiondistance": "fid", "pr": "prdc", "perceptualpathlength": "ppl"}


def plain_name(name: str) -> str:
    """A name in small letters without marks: FID, f-id and fid are one."""
    plain = "".join(letter for letter in name.lower() if letter.isalnum())
    return _SAME.get(plain, plain)


def in_own_names(
    settings: EvaluationSettings, known: Sequence[str]
) -> tuple[EvaluationSettings, dict[str, tuple[str, str]]]:
    """The settings with metrics and encoders by the names that they have here.

    Args:
        settings: As they were given.
        known: The metrics' own names.

    Returns:
        The settings, and by metric the usual name that it was asked for by, with its meaning.

    Raises:
        ParibusError: A metric is one that Paribus does not have.
    """
    metrics: list[str] = []
    asked: dict[str, tuple[str, str]] = {}
    encoders: list[str] = []
    for name in settings.metrics or ():
        plain = plain_name(name)
        if name in known:
            metrics.append(name)
        elif plain in NOT_HERE:
            raise _not_here(name)
        elif (usual := USUAL.get(plain)) is not None:
            metrics += usual.metrics
            asked |= dict.fromkeys(usual.metrics, (name, usual.meaning))
            encoders += [usual.encoder] if usual.encoder else []
        else:
            metrics.append(name)
    if not asked:
        return settings, {}
    change: dict[str, object] = {"metrics": list(dict.fromkeys(metrics))}
    if encoders:
        own = [settings.encoder] if isinstance(settings.encoder, str) else list(settings.encoder)
        change["encoder"] = list(dict.fromkeys([*(own if own != ["auto"] else []), *encoders]))
    return settings.model_copy(update=change), asked


def refuse_usual_name(name: str) -> None:
    """Says what a usual name is here, where own names alone are taken: in a configuration, which is kept and compared.

    Raises:
        ParibusError: The name is a usual one, or one of a metric that Paribus does not have.
    """
    plain = plain_name(name)
    if plain in NOT_HERE:
        raise _not_here(name)
    if (usual := USUAL.get(plain)) is not None:
        encoder = f" -o evaluation.encoder={usual.encoder}" if usual.encoder else ""
        raise ParibusError(
            f"The metric '{name}' has another name here.",
            where="evaluation.metrics",
            got=name,
            expected=usual.meaning,
            fix=f"-o evaluation.metrics=[{','.join(usual.metrics)}]{encoder}; paribus evaluate takes '{name}', too",
        )


def _not_here(name: str) -> ParibusError:
    expected = NOT_HERE[plain_name(name)]
    return ParibusError(f"There is no metric '{name}' here.", where="evaluation.metrics", got=name, expected=expected)
