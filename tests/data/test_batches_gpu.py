"""Batches on a CUDA device against those on the CPU."""

from __future__ import annotations

import pytest
import torch

from paribus.config import Augmentation
from paribus.data import Batches, Split, batches

pytestmark = pytest.mark.gpu


@pytest.mark.parametrize("fits", [True, False])
@pytest.mark.parametrize("augment", [{}, {"flip": True, "shift": 0.2, "rotation": 20, "color": 0.5}])
def test_equal_to_cpu(monkeypatch, fits, augment):
    monkeypatch.setattr(batches, "_fits", lambda images, device: fits)
    images = torch.randint(0, 256, (50, 3, 16, 16), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    split = Split(images, torch.arange(50) % 7)
    on_cpu, on_gpu = (Batches(split, 32, 1, device, Augmentation(**augment)) for device in ("cpu", "cuda"))
    for k in (0, 1, 5):
        expected, got = on_cpu[k], on_gpu[k]
        assert all(part.is_cuda for part in got)
        torch.testing.assert_close(got[0].cpu(), expected[0], atol=1e-4 if augment else 2e-7, rtol=0)
        assert torch.equal(got[1].cpu(), expected[1])
        assert torch.equal(got[2].cpu(), expected[2])
