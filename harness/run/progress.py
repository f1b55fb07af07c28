"""Telling a person how far a run is: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import TimeRemainingColumn as TimeLeftColumn

from harness.streams import say

_PLAIN_EVERY_S = 10.0


class Reporter(Protocol):
    """What the passes tell."""

    def begin(self, stage: str, total: int, done: int = 0) -> None:
        """A stage starts: ``total`` steps, of which ``done`` need no work."""
        ...

    def advance(self, stage: str, detail: str = "", steps: int = 1) -> None:
        """So many steps of it are done."""
        ...

    def say(self, text: str) -> None:
        """A line worth keeping."""
        ...


class LiveReporter:
    """A bar for each stage, with time left."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            TextColumn("{task.fields[stage]:<9}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeLeftColumn(),
            TextColumn("{task.fields[detail]}"),
            console=console,
        )
        self._tasks: dict[str, TaskID] = {}

    def begin(self, stage: str, total: int, done: int = 0) -> None:
        """Add the stage's bar."""
        self._tasks[stage] = self._progress.add_task("", total=total, completed=done, stage=stage, detail="")

    def advance(self, stage: str, detail: str = "", steps: int = 1) -> None:
        """Move the stage's bar."""
        self._progress.update(self._tasks[stage], advance=steps, detail=detail)

    def say(self, text: str) -> None:
        """Print above the bars."""
        self._console.print(text, markup=False, highlight=False)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._progress.stop()


@dataclass
class _Stage:
    total: int
    skipped: int
    done: int
    began: float
    told: float

    def line(self, name: str, now: float) -> str:
        elapsed = now - self.began
        if self.done >= self.total:
            return f"{name}: {self.done}/{self.total} in {elapsed:.0f} s"
        left = elapsed / max(self.done - self.skipped, 1) * (self.total - self.done)
        return f"{name}: {self.done}/{self.total}, about {left:.0f} s left"


class PlainReporter:
    """Lines for logs: one when a stage begins and ends, and one about every ten seconds between."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stages: dict[str, _Stage] = {}

    def begin(self, stage: str, total: int, done: int = 0) -> None:
        """Say what is ahead."""
        with self._lock:
            self._stages[stage] = _Stage(total, done, done, time.monotonic(), time.monotonic())
        if total:
            self.say(f"{stage}: {total - done} of {total} to do" if done else f"{stage}: {total} to do")

    def advance(self, stage: str, detail: str = "", steps: int = 1) -> None:
        """Count, and say so now and then."""
        with self._lock:
            state, now = self._stages[stage], time.monotonic()
            state.done += steps
            speak = state.done == state.total or now - state.told >= _PLAIN_EVERY_S
            state.told = now if speak else state.told
        if speak:
            self.say(state.line(stage, now) + (f" ({detail})" if detail else ""))

    def say(self, text: str) -> None:
        """One line on standard error, so that standard output stays the result's."""
        say(text, error=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        return None


def reporter() -> LiveReporter | PlainReporter:
    """The live one on a terminal, the plain one elsewhere."""
    console = Console(stderr=True)
    return LiveReporter(console) if console.is_terminal else PlainReporter()
