"""One run over several processes, which torchrun starts: what they tell each other, and who decides.

All processes hold the same networks and optimisers. Batch k and the numbers drawn for it are those of one process, and
each process has its rows of them. The mean of the processes' losses is the batch's loss (`training.whole_batch`), and
the mean of their gradients its gradient.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn

from paribus.base.errors import ParibusError, ProcessLost
from paribus.base.processes import place
from paribus.training.hardware import choose_device

ASK_SECONDS = 0.1
"""How often the processes ask each other for the time, and whether to stop."""

T = TypeVar("T")


@contextlib.contextmanager
def join_processes() -> Iterator[None]:
    """Joins the processes that torchrun started together, until the block ends; nothing where there is one.

    Tensors on the CPU go by gloo, those on GPUs by NCCL; the GPU of a process is that of its LOCAL_RANK.
    """
    here = place()
    if here.count == 1:
        yield
        return
    threading.Thread(target=_end_with_parent, args=(os.getppid(),), daemon=True).start()
    has_gpus = torch.cuda.is_available() and distributed.is_nccl_available()
    if has_gpus and here.local_rank < torch.cuda.device_count():
        torch.cuda.set_device(here.local_rank)
    with _naming_lost_processes():
        distributed.init_process_group("cpu:gloo,cuda:nccl" if has_gpus else "gloo")
    yield
    distributed.destroy_process_group()  # not after an error: it could wait for processes that are gone


def on_first_process(decide: Callable[[], T]) -> T:
    """What `decide` returns or which ParibusError it raises in the first process, in every process."""
    if place().count == 1:
        return decide()
    outcome: list[Any] = [None, None]  # what it returns, the error that it raises
    if place().is_first:
        try:
            outcome[0] = decide()
        except ParibusError as error:
            outcome[1] = error
    with _naming_lost_processes():
        distributed.broadcast_object_list(outcome, src=0, device=torch.device("cpu"))
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


@contextlib.contextmanager
def raise_together() -> Iterator[None]:
    """Lets the processes leave a block together: each of them with the first ParibusError that any of them met."""
    raised = None
    try:
        yield
    except ParibusError as error:
        raised = error
    for error_of_process in _all_gather(raised):
        if error_of_process is not None:
            raise error_of_process


def check_alike(values: dict[str, str]) -> None:
    """Refuses processes that differ in what must be the same in all; `values` by the setting that each belongs to.

    Raises:
        ParibusError: They differ.
    """
    everywhere = _all_gather(values)
    for where, expected in everywhere[0].items():
        for rank, found in enumerate(everywhere):
            if found[where] != expected:
                raise ParibusError(
                    "The processes of a run must not differ here.",
                    where=where,
                    got=f"{found[where]} in process {rank}",
                    expected=f"{expected}, as in process 0",
                )


def gather_on_first_process(value: T) -> list[T]:
    """The values of all processes in their order, in the first one; nothing in the others."""
    if place().count == 1:
        return [value]
    values: list[Any] = [None] * place().count if place().is_first else []
    with _naming_lost_processes():
        distributed.gather_object(value, values or None, dst=0)
    return values


def process_device(name: str) -> torch.device:
    """The device for `training.device`, this process's own among those of its host.

    Raises:
        ParibusError: The device is not there, or there is not one for each process.
    """
    device, processes = choose_device(name), place().local_count
    if place().count > 1 and device.type != "cpu":
        devices = torch.cuda.device_count() if device.type == "cuda" else 0
        if devices < processes:
            raise ParibusError(
                f"There is not a {device.type} device for each process.",
                where="training.device",
                got=f"{processes} processes here and {devices} devices for them",
                fix="start fewer processes (--nproc_per_node), or train with -o training.device=cpu",
            )
    return device


class Clock:
    """The first process's seconds of training, and whether any process was asked to stop, alike in all processes.

    They ask each other about every `ASK_SECONDS`, after so many steps as the first process says; other steps wait for
    no network and see what was said last.
    """

    def __init__(self, step: int, seconds: float) -> None:
        self._step, self._seconds, self._stop = step, seconds, False
        self._next = step + 1

    def __call__(self, step: int, seconds: float, stop: bool) -> tuple[float, bool]:
        """What counts after a step, given this process's own seconds and whether it was asked to stop."""
        if place().count == 1:
            return seconds, stop
        if step >= self._next:
            seconds_a_step = (seconds - self._seconds) / (step - self._step)
            shared = torch.zeros(3, dtype=torch.float64)
            if place().is_first:
                shared[0], shared[1] = seconds, max(1, round(ASK_SECONDS / max(seconds_a_step, 1e-6)))
            shared[2] = stop
            self._seconds, steps, asked = all_reduce(shared).tolist()
            self._step, self._next, self._stop = step, step + int(steps), asked > 0
        return self._seconds, self._stop


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Makes each gradient its mean over the processes, by one all-reduce; in place, so that strides stay."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    means = all_reduce(torch.cat([gradient.reshape(-1) for gradient in gradients])).div_(place().count)
    for gradient, mean in zip(gradients, means.split([gradient.numel() for gradient in gradients]), strict=True):
        gradient.copy_(mean.view_as(gradient))


def all_reduce(tensor: Tensor, how: Any = distributed.ReduceOp.SUM) -> Tensor:
    """The tensor itself, which becomes its sum over the processes; without gradients."""
    with _naming_lost_processes():
        distributed.all_reduce(tensor, how)
    return tensor


def mean_over_processes(tensor: Tensor) -> Tensor:
    """Mean of a tensor over the processes, without gradients."""
    return tensor if place().count == 1 else all_reduce(tensor.clone()) / place().count


def minimum_over_processes(tensor: Tensor) -> Tensor:
    """The least value of each number over the processes."""
    return tensor if place().count == 1 else all_reduce(tensor.clone(), distributed.ReduceOp.MIN)


def _all_gather(value: T) -> list[T]:
    """The values of all processes in their order, in every process."""
    if place().count == 1:
        return [value]
    values: list[Any] = [None] * place().count
    with _naming_lost_processes():
        distributed.all_gather_object(values, value)
    return values


@contextlib.contextmanager
def _naming_lost_processes() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:  # gloo has no error of its own for a connection that ended
        raise ProcessLost(
            "Another process of this run is gone.",
            where=f"process {place().rank} of {place().count}",
            got=str(error).partition(". ")[0],
            fix="see what it said, or torchrun's summary; the same command with --resume carries on",
        ) from None


def _end_with_parent(parent: int) -> None:
    # torchrun ends its processes itself unless it is killed, and they would hold the run's folder
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(3)
