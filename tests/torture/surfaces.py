"""All surfaces. A file holds those of one kind; each is listed here, in the order of the document's table."""

from __future__ import annotations

from tests.torture.arguments import Arguments
from tests.torture.damage import Damage
from tests.torture.folders import Runs, StudyFolders
from tests.torture.foreign import ForeignModels, ForeignNames
from tests.torture.harness import Surface
from tests.torture.links import Links
from tests.torture.machine import Faults, Kills, Signals
from tests.torture.pictures import Arrays, Images, Names, Parquet
from tests.torture.requests import Requests
from tests.torture.settings import Budgets, Configs, Overrides, Studies

SURFACES: tuple[Surface, ...] = (
    Overrides(),
    Configs(),
    Studies(),
    Budgets(),
    Names(),
    Images(),
    Arrays(),
    Parquet(),
    Runs(),
    StudyFolders(),
    Arguments(),
    Kills(),
    Signals(),
    Faults(),
    Damage(),
    Requests(),
    Links(),
    ForeignNames(),
    ForeignModels(),
)
