"""How long a run trains, counted in one unit that a study holds equal."""

from __future__ import annotations

import re
from dataclasses import dataclass

from paribus.base.errors import ParibusError, shown

_FORM = re.compile(r"^\s*((?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:e[+-]?[0-9]+)?)\s*(s|kimg|img|epochs?|updates?|flop)\s*$")
LEAST, MOST = 1e-9, 1e30
"""In any unit: more than all machines will ever compute, and far from where floats end."""
_UNITS = {
    "s": "seconds",
    "kimg": "images",
    "img": "images",
    "epoch": "epochs",
    "epochs": "epochs",
    "update": "updates",
    "updates": "updates",
    "flop": "flop",
}


@dataclass(frozen=True)
class Budget:
    """An amount of training.

    Args:
        amount: How much, in `unit`.
        unit: "seconds" (of training alone), "images", "epochs", "updates" (of the first phase) or "flop".
    """

    amount: float
    unit: str

    @classmethod
    def parse(cls, text: str | Budget, where: str = "training.budget") -> Budget:
        """Reads `60s`, `200kimg`, `5000img`, `20epochs`, `5000updates` or `3e15flop`.

        Raises:
            ParibusError: The text has another form, or the amount is not positive.
        """
        if isinstance(text, Budget):
            return text
        match = _FORM.match(str(text)) if isinstance(text, (str, float, int)) else None
        if match is None or not LEAST <= float(match[1]) <= MOST:
            raise ParibusError(
                "A budget must be a positive number with a unit.",
                where=where,
                got=shown(text),
                expected=f"60s, 200kimg, 5000img, 20epochs, 5000updates or 3e15flop, {LEAST:g} to {MOST:g} of them",
                fix="write the number and the unit without a space, for example --budget 60s",
            )
        amount = float(match[1]) * (1000 if match[2] == "kimg" else 1)
        return cls(amount, _UNITS[match[2]])

    def __str__(self) -> str:
        if self.unit == "images" and self.amount >= 1000 and self.amount % 1000 == 0:
            return f"{self.amount / 1000:g}kimg"
        unit = {"seconds": "s", "images": "img"}.get(self.unit, self.unit)
        return f"{self.amount:.10g}{unit}"

    @property
    def is_timed(self) -> bool:
        """Whether the end depends on the speed of the machine, so that reruns may differ."""
        return self.unit == "seconds"
