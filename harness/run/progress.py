"""Telling a person how far a run is: a live bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from types import TracebackType
from typing import Protocol, Self

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from harness.streams import say

_PLAIN_EVERY_S = 10.0
_LEAST_SHARE = 0.05  # of a stage: before, most of its seconds went into starting a worker


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


class Silent:
    """A reporter that nobody hears."""

    def begin(self, stage: str, total: int, done: int = 0) -> None:
        """Nothing."""

    def advance(self, stage: str, detail: str = "", steps: int = 1) -> None:
        """Nothing."""

    def say(self, text: str) -> None:
        """Nothing."""


def left_s(elapsed_s: float, made: float, left: float) -> float | None:
    """Seconds that are left at the pace of the whole stage; ``None`` while that is the pace of its start.

    The pace of the last half-minute, which rich looks at, is that of one cell, or of a pipeline being loaded.
    """
    return elapsed_s / made * left if made > _LEAST_SHARE * (made + left) else None


class TimeLeftColumn(ProgressColumn):
    """``0:05:04``, by ``left_s``."""

    max_refresh = 0.5

    def render(self, task: Task) -> Text:
        """The time, or dashes where it is not known."""
        left = (task.total or 0) - task.completed
        seconds = left_s(task.elapsed or 0.0, task.completed - task.fields["skipped"], left)
        text = "-:--:--" if seconds is None else str(timedelta(seconds=math.ceil(seconds)))
        return Text(text, style="progress.remaining")


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
        self._tasks[stage] = self._progress.add_task(
            "", total=total, completed=done, stage=stage, detail="", skipped=done
        )

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
        left = left_s(elapsed, self.done - self.skipped, self.total - self.done)
        return f"{name}: {self.done}/{self.total}" + ("" if left is None else f", about {left:.0f} s left")


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
