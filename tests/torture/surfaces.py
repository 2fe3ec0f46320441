"""All surfaces. A file holds those of one kind; each is listed here, in the order of the document's table."""

from __future__ import annotations

from tests.torture.damage import Damage
from tests.torture.harness import Surface
from tests.torture.machine import Faults, Kills, Signals
from tests.torture.settings import Overrides

SURFACES: tuple[Surface, ...] = (Overrides(), Kills(), Signals(), Faults(), Damage())
