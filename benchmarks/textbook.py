"""The training loop as tutorials write it: per-sample PIL work, a DataLoader, eager fp32, plain Adam, .item() a step.

Networks, batch size, losses and optimiser settings are those of the run it stands beside.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset

from paribus.config import ImageShape
from paribus.models import build_networks
from paribus.recipes import RunConfig


class PictureDataset(Dataset):
    """Hands out one image at a time, by way of PIL, as float in [-1, 1]."""

    def __init__(self, images: Tensor) -> None:
        self.images = images.permute(0, 2, 3, 1).contiguous().numpy()

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        array = self.images[index]
        picture = Image.fromarray(array[:, :, 0] if array.shape[2] == 1 else array)
        pixels = np.asarray(picture, dtype=np.uint8)
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
        tensor = torch.from_numpy(pixels.copy()).permute(2, 0, 1).contiguous().float().div(255)
        return (tensor - 0.5) / 0.5


def train(
    config: RunConfig, images: Tensor, finished: Callable[[int, float], bool], workers: int = 0
) -> tuple[dict[str, nn.Module], int, float]:
    """Trains until `finished(images, seconds)`; returns the networks, the images seen and the seconds."""
    shape = ImageShape(images.shape[1], images.shape[2])
    torch.manual_seed(config.seed)
    nets = build_networks(config, shape)
    optimizers = {
        role: torch.optim.Adam(
            net.parameters(),
            lr=config.training.optimizer[role].learning_rate,
            betas=(config.training.optimizer[role].beta1, config.training.optimizer[role].beta2),
        )
        for role, net in nets.items()
    }
    step = {"gan": _gan_step, "vae": _vae_step}[config.objective.name]
    loader = DataLoader(
        PictureDataset(images), config.training.batch_size, shuffle=True, drop_last=True, num_workers=workers
    )
    seen, start = 0, time.perf_counter()
    while True:
        for batch in loader:
            step(nets, optimizers, batch, config)
            seen += len(batch)
            seconds = time.perf_counter() - start
            if finished(seen, seconds):
                return nets, seen, seconds


def _gan_step(
    nets: dict[str, nn.Module], optimizers: dict[str, torch.optim.Optimizer], real: Tensor, config: RunConfig
) -> tuple[float, float]:
    generator, discriminator = nets["G"], nets["D"]
    n = len(real)
    fake = torch.tanh(generator(torch.randn(n, config.objective.latent_dim), None))
    optimizers["D"].zero_grad()
    of_real, of_fake = discriminator(real), discriminator(fake.detach())
    d_loss = binary_cross_entropy_with_logits(of_real, torch.ones(n, 1))
    d_loss = d_loss + binary_cross_entropy_with_logits(of_fake, torch.zeros(n, 1))
    d_loss.backward()
    optimizers["D"].step()
    optimizers["G"].zero_grad()
    g_loss = binary_cross_entropy_with_logits(discriminator(fake), torch.ones(n, 1))
    g_loss.backward()
    optimizers["G"].step()
    return d_loss.item(), g_loss.item()


def _vae_step(
    nets: dict[str, nn.Module], optimizers: dict[str, torch.optim.Optimizer], images: Tensor, config: RunConfig
) -> float:
    mean, log_variance = nets["E"](images).chunk(2, dim=1)
    z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
    logits = nets["G"](z, None)
    reconstruction = binary_cross_entropy_with_logits(logits, (images + 1) / 2, reduction="sum") / len(images)
    kl = -0.5 * (1 + log_variance - mean.pow(2) - log_variance.exp()).sum() / len(images)
    loss = reconstruction + kl
    for optimizer in optimizers.values():
        optimizer.zero_grad()
    loss.backward()
    for optimizer in optimizers.values():
        optimizer.step()
    return loss.item()
