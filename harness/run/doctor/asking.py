"""Asks the probing process, within a time limit; what kills or stops it is the answer of what it was at."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_QUIET = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_OFFLINE": "1"}
_COMMAND = ("-W", "ignore", "-m", "harness.run.doctor.probe")


@dataclass(frozen=True)
class Answer:
    """``error``: why it failed, ``None`` if it did not; ``asked``: whether there was time to ask."""

    error: str | None
    content: dict[str, Any] | None = None
    asked: bool = True


def ask(targets: Sequence[str], limit_s: float) -> dict[str, Answer]:
    """Target → answer. A process that dies is replaced by one that goes on with the next target.

    Args:
        targets: as the probe takes them.
        limit_s: seconds for all of them together.
    """
    ends = time.monotonic() + limit_s
    found: dict[str, Answer] = {}
    left, over = list(targets), f"the {limit_s:g} s for all packages were over"
    while left and (rest := ends - time.monotonic()) > 0:
        answers, death = _one(left, rest)
        found |= answers
        left = [target for target in left if target not in found]
        if left:
            found[left.pop(0)] = Answer(death or f"gave no answer before {over}")
    late = f"not looked at: {over}; --timeout gives more"
    return found | {target: Answer(late, asked=False) for target in left}


def _one(targets: list[str], limit_s: float) -> tuple[dict[str, Answer], str | None]:
    """One process's answers and, if it died, how; ``None`` if it ran out of time."""
    process = subprocess.Popen(
        [sys.executable, *_COMMAND, *targets],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
        env={**os.environ, **_QUIET}, start_new_session=True,
    )  # fmt: skip
    timed_out = False
    try:
        out, err = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        timed_out = True
        _kill(process)
        out, err = process.communicate()
    except BaseException:
        _kill(process)
        raise
    return _answers(out), None if timed_out else _death(process.returncode, err)


def _kill(process: subprocess.Popen[str]) -> None:
    """With whatever it has started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _answers(out: str) -> dict[str, Answer]:
    """The lines that are whole: the last one of a process that was killed may not be."""
    found: dict[str, Answer] = {}
    for line in out.splitlines():
        with contextlib.suppress(ValueError, KeyError, TypeError):
            told = json.loads(line)
            found[told["target"]] = Answer(told["error"], told["content"])
    return found


def _death(status: int, err: str) -> str:
    lines = [line for line in err.splitlines() if line.strip()]
    last = f": {lines[-1].strip()[:200]}" if lines else ""
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"killed its process ({signal.Signals(-status).name}){last}"
    return f"ended its process (status {status}){last}"
