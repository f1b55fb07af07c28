"""Which devices a run's workers sit on: what the spec and ``--devices`` ask for, and what this machine shows."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from harness.errors import MissingError, UsageError
from harness.plan.types import Plan
from harness.run.station import Post

NVIDIA_NODES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/dxg")  # shown by a driver, whatever torch makes of it


def kinds(asked: str) -> tuple[str, ...]:
    """The kinds of device to try, best first; of ``auto`` the processor is the last.

    Raises:
        MissingError: the machine does not show the one kind that was asked for.
    """
    shown = {"cuda": any(Path(path).exists() for path in NVIDIA_NODES), "mps": _is_apple(), "cpu": True}
    if asked == "auto":
        return tuple(kind for kind, there in shown.items() if there)
    if not shown[asked]:
        raise MissingError(
            f"This machine shows no {asked} device.", do="use --device auto or cpu, or run on a machine that has one"
        )
    return (asked,)


def posts_on(kind: str, plan: Plan, devices: str | None, store_root: Path) -> list[Post]:
    """One post for each device asked for; without ``--devices``, one. Workers on the processor share its cores."""
    numbers = _numbers(devices)
    threads = plan.threads or _cores()
    if kind == "cpu":
        threads = max(threads // len(numbers), 1)
    names = [f"cuda:{n}" for n in numbers] if kind == "cuda" else [kind] * (len(numbers) if kind == "cpu" else 1)
    log = store_root / "logs" / f"worker-{os.getpid()}.log"
    return [Post(name, threads, store_root, log.with_suffix(f".{i}.log")) for i, name in enumerate(names)]


def _numbers(devices: str | None) -> list[int]:
    texts = [text.strip() for text in (devices or "0").split(",")]
    if not all(text.isdecimal() for text in texts) or len(set(map(int, texts))) < len(texts):
        raise UsageError(f"--devices {devices}: no list of devices.", expected="numbers such as 0 or 0,1, each once")
    return [int(text) for text in texts]


def _is_apple() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"


def _cores() -> int:
    """Physical cores that this process may use."""
    import psutil

    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else psutil.cpu_count()
    return max(min(psutil.cpu_count(logical=False) or 1, usable or 1), 1)
