"""All surfaces. A file holds those of one kind; each is listed here, in the order of the document's table."""

from __future__ import annotations

from tests.torture.foreign import ForeignModels, Names
from tests.torture.harness import Surface
from tests.torture.links import Links
from tests.torture.requests import Requests
from tests.torture.settings import Overrides

SURFACES: tuple[Surface, ...] = (Overrides(), Requests(), Links(), Names(), ForeignModels())
