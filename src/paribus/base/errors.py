"""Errors that a user can act on."""

from __future__ import annotations

import difflib
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
        lines = [what]
        place = where if of is None else f"{where} ({of})"
        for label, value in (("where", place), ("got", got), ("expected", expected), ("fix", fix)):
            if value is not None:
                # no name of a foreign file acts on a terminal, or looks like another of these lines
                text = printable(str(value), line=label == "where").replace("\n", "\n" + " " * 12)
                lines.append(f"  {label + ':':<10}{text}")
        super().__init__("\n".join([printable(what), *lines[1:]]))
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


class Damaged(ParibusError):
    """A file of Paribus's own is not, or no longer, as it was written.

    Args:
        path: The file.
        got: What shows it.
        fix: The way on.
    """

    exit_code = 1

    def __init__(self, path: Path, got: str, fix: str) -> None:
        super().__init__(
            "A file is damaged.", where=str(path), got=got, expected="the file as Paribus wrote it", fix=fix
        )


class NotWritten(ParibusError):
    """The disk is full, may not be written to, or failed: no fault of what was to be written."""

    exit_code = 1

    def __init__(self, path: Path, error: OSError) -> None:
        super().__init__(
            "A file could not be written; the one before it, if there is one, is as it was.",
            where=str(path),
            got=error.strerror or str(error),
            fix="make room or allow writing there, then give the same command again (train with --resume)",
        )


class ProcessLost(ParibusError):
    """Another process of the same run ended; the last checkpoint is kept."""

    exit_code = 1


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Returns " Did you mean 'x'?" for the nearest known name, or an empty string."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""


def unknown(what: str, name: str, known: Iterable[str], *, where: str, fix: str | None = None) -> ParibusError:
    """The error for a name that is none of the known ones; `what` says so, without its full stop."""
    names = list(known)
    return ParibusError(
        f"{what}.{did_you_mean(name, names)}", where=where, got=name, expected=", ".join(names), fix=fix
    )
