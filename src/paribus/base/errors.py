"""Errors that a user can act on."""

from __future__ import annotations

import difflib
import re
import reprlib
from collections.abc import Iterable
from pathlib import Path

from paribus.base.names import printable


class ParibusError(Exception):
    """Bad input: one message that says what, where, got, expected and how to mend it.

    The command line prints the message without a traceback and exits with `exit_code`.

    Attributes:
        where: A setting's path (`objective.latent_dim`), an option, a file or a folder.
        of: Which of several things has the place, such as the model whose setting it is; shown behind `where`.
    """

    exit_code = 2

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        got: object = None,
        expected: object = None,
        fix: str | None = None,
        of: str | None = None,
    ) -> None:
        lines = [printable(what)]
        place = where if of is None else f"{where} ({of})"
        for label, value in (("where", cut(place)), ("got", cut(got)), ("expected", expected), ("fix", fix)):
            if value is not None:
                # no name of a foreign file acts on a terminal, or looks like another of these lines
                text = printable(str(value), line=label == "where").replace("\n", "\n" + " " * 12)
                lines.append(f"  {label + ':':<10}{text}")
        super().__init__("\n".join(lines))
        self.what, self.where, self.got, self.expected, self.fix, self.of = what, where, got, expected, fix, of

    def __reduce__(self) -> tuple[object, ...]:
        return _restored, (type(self), self.args, self.__dict__)  # from one of a run's processes to the others

    def at(self, where: str, of: str | None = None) -> ParibusError:
        """The same error under the name that its place has for the user."""
        moved = ParibusError(
            self.what, where=where, got=self.got, expected=self.expected, fix=self.fix, of=of or self.of
        )
        return _restored(type(self), moved.args, self.__dict__ | moved.__dict__)


def _restored(kind: type[ParibusError], args: tuple[object, ...], state: dict[str, object]) -> ParibusError:
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(state)
    return error


class TrainingDiverged(ParibusError):
    """A loss became infinite, NaN or absurdly large; the last good checkpoint is kept."""

    exit_code = 1


class MachineFault(ParibusError):
    """The disk, the memory, a device or another process failed: what was asked for is interrupted, and has not failed.

    The same command carries on once the machine does what it should.
    """

    exit_code = 1


class Damaged(MachineFault):
    """A file of Paribus's own is not, or no longer, as it was written.

    Args:
        path: The file.
        got: What shows it.
        fix: The way on.
    """

    def __init__(self, path: Path, got: str, fix: str) -> None:
        super().__init__(
            "A file is damaged.", where=str(path), got=got, expected="the file as Paribus wrote it", fix=fix
        )


class NotWritten(MachineFault):
    """The disk is full, may not be written to, or failed: no fault of what was to be written."""

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            "A file could not be written; the one before it, if there is one, is as it was.",
            where=str(path),
            got=error.strerror or str(error),
            fix="make room or allow writing there, then give the same command again (train with --resume)",
        )


class Unavailable(MachineFault):
    """What is needed cannot be had at the moment, which is found before any work.

    It is a folder that may not be written to or that another process holds, or a file that must come over the network.
    """

    exit_code = 2


class ProcessLost(MachineFault):
    """Another process of the same run ended; the last checkpoint is kept."""


class RunsInterrupted(MachineFault):
    """Runs of a study ended before their time, by no fault of theirs; what they resume from is kept."""


# torch raises RuntimeError for what its allocators and devices do not give
_OF_TORCH = re.compile(
    r"out of memory|can't allocate memory|not enough memory|ALLOC_FAILED|std::bad_alloc|can't start new thread"
    r"|(CUDA|cuDNN|HIP|NCCL) error",
    re.IGNORECASE,
)


def machine_fault(error: BaseException) -> MachineFault | None:
    """What the machine did, in words, where it is to blame for an error; None where it is not."""
    if isinstance(error, MachineFault):
        return error
    if isinstance(error, OSError) and error.errno is not None:
        return MachineFault(
            "The system did not read, write or start something.",
            where=None if error.filename is None else str(error.filename),
            got=error.strerror or str(error),
            fix="see to it, then give the same command again (train with --resume)",
        )
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and _OF_TORCH.search(str(error))):
        return MachineFault(
            "The memory or the device did not suffice, or failed.",
            got=next(iter(str(error).strip().splitlines()), type(error).__name__),
            fix="free some, or run fewer at a time (--workers), then give the same command again (train with "
            "--resume); a new run may have smaller batches (-o training.batch_size=...)",
        )
    return None


class AllFailed(ParibusError):
    """Every run of a study failed."""

    exit_code = 1


class Interrupted(Exception):
    """The work was asked to stop, and what it resumes from is written.

    Attributes:
        folder: Where that lies.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.folder = folder


def check_kind(value: object, kinds: type | tuple[type, ...], where: str, expected: str) -> None:
    """Refuses an argument of another type than its function can do anything with.

    Raises:
        ParibusError: It is none of `kinds`.
    """
    if not isinstance(value, kinds):
        got = f"{shown(value)} ({type(value).__name__})"
        raise ParibusError("An argument has a wrong type.", where=where, got=got, expected=expected)


_LONGEST = 600


def cut(value: object) -> object:
    """A value whose text is too long for a message as a text without its middle; any other as it is."""
    if value is None or isinstance(value, int) or len(text := str(value)) <= _LONGEST:
        return value
    return f"{text[: _LONGEST // 2]} ... {text[-_LONGEST // 4 :]}"


class _Shown(reprlib.Repr):
    """What is shown of a value in a message: enough to know it by, and never more."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel, self.maxstring, self.maxother = 4, 160, 160
        self.maxlong, self.maxdict, self.maxlist, self.maxtuple = 40, 12, 12, 12

    def repr_int(self, value: int, level: int) -> str:
        """A number whose digits Python refuses to write, too."""
        return super().repr_int(value, level) if abs(value) < 1 << 1024 else f"a number of {value.bit_length()} bits"


shown = _Shown().repr
"""A value as Python writes it, shortened."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the nearest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def unknown(what: str, name: object, known: Iterable[str], *, where: str, fix: str | None = None) -> ParibusError:
    """The error for a name that is none of the known ones; `what` says so, without its full stop."""
    names = list(known)
    near = did_you_mean(name, names) if isinstance(name, str) else ""
    return ParibusError(
        f"{what}.{near}",
        where=where,
        got=name if isinstance(name, str) else shown(name),
        expected=", ".join(names),
        fix=fix,
    )
