"""Numbers, amounts and lists as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence

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


def size(amount: float | None) -> str:
    """Bytes as people say them: 512 B, 3.4 MiB, 1.2 GiB."""
    if amount is None:
        return NONE
    for power, unit in ((2.0**40, "TiB"), (2.0**30, "GiB"), (2.0**20, "MiB"), (2.0**10, "KiB")):
        if amount >= power:
            return f"{number(amount / power)}{NARROW}{unit}"
    return f"{amount:.0f}{NARROW}B"


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
    """A number of things: "1 seed", "2 seeds", "3 classes"."""
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}{'es' if word.endswith('s') else 's'}"


def clause(text: str) -> str:
    """The text as it goes on after a colon or in brackets: a small letter, no full stop."""
    text = text.strip().rstrip(".")
    return text if text[:2].isupper() or text[1:2] in {"", " ", "-", "/"} else text[:1].lower() + text[1:]


def sentence(text: str) -> str:
    """The text with a capital letter and a full stop."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""


def stage_words(stage: str, done: int, total: int) -> str:
    """A piece of work, and how much of it is done where it has parts."""
    return f"{stage} {done:,} of {total:,}" if total > 1 else stage
