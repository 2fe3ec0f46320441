"""Real or fake: pictures of which a visitor says whether they are samples or test images."""

from __future__ import annotations

from typing import Any

import torch

from paribus.base.randomness import generator
from paribus.explorer.exhibits import Exhibit
from paribus.explorer.pictures import data_url


def game_round(exhibit: Exhibit, seed: int, count: int) -> list[dict[str, Any]]:
    """Pictures, each real or a sample by the toss of a coin.

    Real ones are test images, which the model has not seen. A conditional model is asked for the classes that test
    images have, as often as they have them.

    Args:
        exhibit: The model.
        seed: The same seed gives the same round.
        count: Pictures.

    Raises:
        ParibusError: The images are unavailable.
    """
    model, test = exhibit.subject.model, exhibit.subject.data.test
    random = generator("real or fake", seed)
    chosen = torch.randint(len(test), (count,), generator=random)
    is_real = torch.rand(count, generator=random) < 0.5
    labels = None
    if model.image.classes and test.labels is not None:
        labels = test.labels[torch.randint(len(test), (count,), generator=random)]
    samples = model.decode(model.latents(count, int(torch.randint(1 << 53, (), generator=random)), labels), labels)
    return [
        {"image": data_url(test.images[chosen[k]] if is_real[k] else samples[k]), "real": bool(is_real[k])}
        for k in range(count)
    ]
