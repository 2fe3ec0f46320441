"""Every preset trains by its defaults at every size that it takes: no divergence, and what it is trained for improves.

A cell is one model, size and colour, and 500 updates of its first phase on 600 real images. Choose some of the cells by
-k, for example "dcgan-64-colour" or "-28-grey"; all of them take days on one core.
"""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from torch import Tensor

from paribus.config import DataSettings
from paribus.data import ImageData, Split, load_data
from paribus.models import Model, build_networks
from paribus.objectives.base import EncodingObjective
from paribus.recipes import RunConfig, resolve
from paribus.recipes.presets import model_names
from paribus.results.folder import RunFolder
from tests.conftest import DATA, fit_in

SIZES = (8, 28, 32, 45, 64, 96, 128)
COLOURS = {"grey": 1, "colour": 3}
IMAGES, UPDATES, SEEN = 600, 500, 256

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A folder of anime faces of 64 to 160 pixels, or the built-in digits where there are no faces."""
    faces = Path(DATA or "nowhere") / "anime-faces" / "train-00000-of-00001.parquet"
    if not faces.is_file():
        return "digits"
    from pyarrow.parquet import ParquetFile

    folder = tmp_path_factory.mktemp("faces")
    for place, row in enumerate(next(ParquetFile(faces).iter_batches(batch_size=IMAGES)).to_pylist()):
        width, height = 64 + 16 * (place % 7), 64 + 16 * (place % 5)
        Image.open(io.BytesIO(row["image"]["bytes"])).convert("RGB").resize((width, height)).save(
            folder / f"{place}.png"
        )
    return str(folder)


def images_of(name: str, size: int, channels: int) -> ImageData:
    """The images at a size; those without labels have three classes by brightness."""
    data = load_data(DataSettings(name=name, size=size, channels=channels))  # type: ignore[arg-type]
    if data.class_names is not None:
        return data
    bounds = torch.quantile(brightness(data.train.images), torch.tensor([1 / 3, 2 / 3]))

    def labelled(split: Split) -> Split:
        return replace(split, labels=torch.bucketize(brightness(split.images), bounds))

    splits = {name: labelled(getattr(data, name)) for name in ("train", "validation", "test")}
    return replace(data, class_names=("dark", "middle", "bright"), **splits)


def brightness(images: Tensor) -> Tensor:
    """The mean value (N,) of images."""
    return images.flatten(1).float().mean(1)


def distance(model: Model, data: ImageData) -> float:
    """How far a model is from training images.

    With an encoder, the mean squared error of their reconstructions; else the squared Frechet distance per value
    between samples and images as independent Gaussians, (mean - mean)^2 + (deviation - deviation)^2.
    """
    images = data.train.images[:SEEN]
    if isinstance(model.config.objective, EncodingObjective):
        labels = data.train.labels
        found = model.reconstruct(images, labels[:SEEN] if model.config.objective.conditional else None)  # type: ignore[index]
        return float((found.float() - images.float()).square().mean())
    real, fake = images.float(), model.sample(SEEN).float()
    return float(((real.mean(0) - fake.mean(0)).square() + (real.std(0) - fake.std(0)).square()).mean())


def untrained(config: RunConfig, data: ImageData) -> Model:
    """The model before its first update."""
    nets = build_networks(config, data.shape)
    return Model(config, {role: net.eval() for role, net in nets.items()}, data.shape, data.class_names)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("model", model_names())
def test_a_preset_trains_by_its_defaults(model: str, size: int, colour: str, pictures: str, tmp_path: Path) -> None:
    """No loss leaps to 100 times its first value, and what is trained for comes nearer.

    Of an objective that minimises one number that number falls: a heavy KL may rightly cost reconstructions. Losses
    that play against each other say nothing by themselves; there the model comes nearer to its images.
    """
    data = images_of(pictures, size, COLOURS[colour])
    settings = {"budget": f"{UPDATES}updates", "snapshots": [], "device": "cpu", "threads": torch.get_num_threads()}
    config = resolve(model, {"data": data.settings.given() if data.settings else {}, "training": settings})
    before = distance(untrained(config, data), data)
    trained = fit_in(tmp_path, config, data).model  # raises where a loss diverges
    lines = RunFolder(tmp_path).metrics_lines()
    losses = [name for name in lines[0] if name.endswith("/loss")]
    for term in losses:
        leap = max(abs(line[term]) for line in lines if term in line)
        assert leap <= 100 * max(1.0, abs(lines[0][term])), f"{term} leaps to {leap}"
    after = distance(trained, data)
    first, last = (line[losses[0]] for line in (lines[0], lines[-1]))
    print(f"{model} {size} {colour}: distance {before:.1f} -> {after:.1f}, {losses[0]} {first:.1f} -> {last:.1f}")
    assert last < first if len(losses) == 1 else after < before
