"""One training step: the phases of an objective in order, each an optimiser update as often as it asks for."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from paribus.base.processes import place
from paribus.base.randomness import keyed_seed
from paribus.base.torch_internals import FlopCounter
from paribus.objectives.base import Batch, Draw, Nets, Phase, batches_per_step
from paribus.recipes import RunConfig
from paribus.training.distributed import average_gradients
from paribus.training.hardware import autocast_dtype
from paribus.training.optimizers import check_layouts, clip_gradients, gradient_clips, set_scheduled
from paribus.training.whole_batch import part_of_batch


class TrainingStep:
    """Trains networks by one step of a configuration's objective.

    Attributes:
        phases: The objective's.
        batches: Batches of one step whose images reach a loss.
    """

    def __init__(
        self, config: RunConfig, nets: Nets, optimizers: dict[str, torch.optim.Optimizer], device: torch.device
    ) -> None:
        self.phases = config.objective.phases()
        self.batches = batches_per_step(self.phases)
        self._config, self._nets, self._optimizers, self._device = config, nets, optimizers, device
        self._clips = gradient_clips(config)
        self._dtype = autocast_dtype(config.training.precision, device)
        self._alternate = any(set(phase.trains) != set(nets) for phase in self.phases)
        self._unchecked = {role for phase in self.phases for role in phase.trains}
        modules = [module for net in nets.values() for module in net.modules()]
        self._normed = [(module, name) for module in modules for name in getattr(module, "parametrizations", ())]

    def __call__(self, step: int, batch: Callable[[int], Batch]) -> Iterator[tuple[str, dict[str, Tensor]]]:
        """Runs the updates of a step one by one, and yields each one's phase and terms.

        Args:
            step: Steps done before this one.
            batch: Gives batch k, counted from 0 over the whole run; repeat r of every phase sees the same one, and one
                that sees no images and asks for more begins again with the step's first.
        """
        drawn: dict[int, Batch] = {}
        for phase in self.phases:
            if step % phase.every:
                continue
            for repeat in range(phase.repeats):
                k = repeat % self.batches
                if k not in drawn:
                    drawn[k] = batch(step * self.batches + k)
                yield phase.name, self._update(phase, drawn[k], repeat, step)

    def _update(self, phase: Phase, batch: Batch, repeat: int, step: int) -> dict[str, Tensor]:
        key = (self._config.seed, phase.name, repeat, step)
        self._seed_default_generator(key)
        if self._alternate:
            for role, net in self._nets.items():
                net.requires_grad_(role in phase.trains)
        with parametrize.cached():
            for module, name in self._normed:  # once an update, before a pass without gradients could be the first use
                getattr(module, name)
            terms = self._backward(phase, batch, key)
        if place().count > 1:
            average_gradients(weight for role in phase.trains for weight in self._nets[role].parameters())
        if self._unchecked & set(phase.trains):
            self._unchecked -= set(phase.trains)
            check_layouts({role: self._optimizers[role] for role in phase.trains})
        for role in phase.trains:
            if role in self._clips:
                clip_gradients(self._optimizers[role], self._clips[role])
            set_scheduled(self._optimizers[role], self._config.training.optimizer[role], batch.images_seen)
            self._optimizers[role].step()
            self._optimizers[role].zero_grad(set_to_none=True)
        if phase.after is not None:
            with torch.no_grad():
                phase.after(self._nets, batch)
        return terms

    def _backward(self, phase: Phase, batch: Batch, key: tuple[int | str, ...]) -> dict[str, Tensor]:
        total = len(batch)
        part = self._config.training.micro_batch or total
        before, whole = place().rank * total, place().count * total
        terms: dict[str, Tensor] = {}
        for start in range(0, total, part):
            stop = min(start + part, total)
            rows = (before + start, before + stop, whole)
            draw = Draw(*key, device=self._device, rows=rows)
            autocast = torch.autocast(self._device.type, torch.bfloat16, enabled=self._dtype is not None)
            with autocast, part_of_batch(rows, f"phase '{phase.name}' of objective '{self._config.objective.name}'"):
                found = phase.loss(self._nets, batch.rows(start, stop), draw)
            share = (stop - start) / total
            # the parts share the graph of the normed weights
            (found["loss"] * share).backward(retain_graph=bool(self._normed) and stop < total)
            if part >= total:
                return found
            terms = {name: terms.get(name, 0) + value.detach() * share for name, value in found.items()}
        return terms

    def _seed_default_generator(self, key: tuple[int | str, ...]) -> None:
        # what modules draw by themselves (dropout) must not depend on the past either
        seed = keyed_seed("modules", *key)
        torch.default_generator.manual_seed(seed)
        if self._device.type == "cuda":
            torch.cuda.manual_seed(seed)


def flop_per_image(nets: Nets, phases: tuple[Phase, ...], batch: Batch) -> float:
    """Operations (a multiply-add counts two) of one training step, divided by the training images that it sees.

    Counted over the matrix products and convolutions, forward and backward, on copies of the networks and the first
    few images of the batch; phases that run only in some steps count by their share. Torch's random state is left as it
    was.
    """
    with torch.random.fork_rng(devices=[]):
        return _counted(copy.deepcopy(nets), phases, batch.rows(0, min(len(batch), 4)))


def _counted(nets: Nets, phases: tuple[Phase, ...], batch: Batch) -> float:
    total = 0.0
    for phase in phases:
        for role, net in nets.items():
            net.requires_grad_(role in phase.trains)
        with FlopCounter() as counter:
            phase.loss(nets, batch, Draw(0, "flop", device=batch.images.device))["loss"].backward()
        total += counter.total * phase.repeats / phase.every
    return total / (len(batch) * batches_per_step(phases))
