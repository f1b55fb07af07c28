"""Errors written for the person who reads them, and the exit codes they carry."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import IntEnum


class ExitCode(IntEnum):
    """What a verb's exit status means, everywhere the same."""

    DONE = 0
    REGRESSED = 1
    USAGE = 2
    INCONCLUSIVE = 3
    NOT_COMPARABLE = 4
    FAILED_CELLS = 5
    MISSING = 6
    STORE = 7
    INTERRUPTED = 130


_LONG = 120  # letters of what was expected, from which on it is a list


class HarnessError(Exception):
    """Something went wrong that a person can mend.

    Args:
        happened: what happened, one sentence.
        expected: what was expected instead, or empty.
        do: what to do about it, or empty.
    """

    exit_code: ExitCode = ExitCode.USAGE

    def __init__(self, happened: str, *, expected: str = "", do: str = "") -> None:
        super().__init__(happened)
        self.happened, self.expected, self.do = happened, expected, do

    def __str__(self) -> str:
        lines = [self.happened]
        if self.expected:
            lines.append(f"Expected: {self.expected}")
        if self.do:
            lines.append(f"What to do: {self.do}")
        return "\n".join(lines)


class UsageError(HarnessError):
    """The request itself is wrong (exit 2)."""


class MissingError(HarnessError):
    """An input, a model or a package is missing (exit 6)."""

    exit_code = ExitCode.MISSING


class StoreError(HarnessError):
    """The store or the disk under it failed (exit 7)."""

    exit_code = ExitCode.STORE


class CellError(HarnessError):
    """One cell failed; the others go on (exit 5 at the end of the run)."""

    exit_code = ExitCode.FAILED_CELLS


@dataclass(frozen=True)
class Problem:
    """One fault in a spec: where it is, what is wrong, what was expected, and the nearest name that exists."""

    file: str
    line: int | None
    path: str
    happened: str
    expected: str = ""
    nearest: str | None = None
    missing: bool = False  # a file or folder that is not there, rather than a mistake in the text

    def __str__(self) -> str:
        where = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{where}: {self.path}: {self.happened}" if self.path else f"{where}: {self.happened}"
        if self.expected:
            text += f"\n    expected {self.expected}"
        if self.nearest:
            text += f"\n    did you mean {self.nearest if self.nearest.startswith('{') else repr(self.nearest)}?"
        return text


class SpecError(UsageError):
    """A spec has faults: all of them, reported together."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        if all(problem.missing for problem in self.problems):
            self.exit_code = ExitCode.MISSING
        noun = "fault" if len(self.problems) == 1 else "faults"
        told = "\n".join(f"  {problem}" for problem in _lists_once(self.problems))
        super().__init__(f"{len(self.problems)} {noun} in the spec:\n{told}")


def _lists_once(problems: Sequence[Problem]) -> list[Problem]:
    """A long list of what was expected is told of the first fault that it belongs to."""
    told: set[str] = set()
    found = []
    for problem in problems:
        known = len(problem.expected) > _LONG and problem.expected in told
        found.append(replace(problem, expected="one of those named above") if known else problem)
        told.add(problem.expected)
    return found


def explained(error: Exception) -> HarnessError:
    """Any error as one for people: a disk that took no more, or a fault of ours, whose details go into a log file."""
    if isinstance(error, HarnessError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EROFS):
        return StoreError(f"The disk took no more: {error}.", do="free space and repeat; what was stored stays")
    import tempfile
    import traceback

    with tempfile.NamedTemporaryFile("w", prefix="harness-", suffix=".log", delete=False) as log:
        traceback.print_exception(error, file=log)
    return UsageError(
        f"The harness itself failed: {type(error).__name__}: {error}",
        do=f"this is a defect; please report it with {log.name}, which holds the details. No result was lost.",
    )
