"""A command of the harness as a process under watch: its time, its memory, whether it imported torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_EVERY_S = 0.2
_SPY = """
import runpy, sys
sys.argv = ["harness", *sys.argv[2:]]
try:
    runpy.run_module("harness", run_name="__main__", alter_sys=True)
finally:
    open({told!r}, "w").write(" ".join(sorted(name for name in sys.modules if "." not in name)))
"""


@dataclass(frozen=True)
class Watched:
    """How a command went. ``peak_bytes``: resident memory, summed over the process and its workers."""

    arguments: tuple[str, ...]
    code: int
    seconds: float
    peak_bytes: int
    modules: frozenset[str]
    err: str

    @property
    def torch(self) -> bool:
        """Whether the command's own process imported torch; its workers may."""
        return "torch" in self.modules


def watch(arguments: Sequence[str], folder: Path) -> Watched:
    """Run ``harness ARGUMENTS`` in ``folder``, with nothing of the person's own environment in its way."""
    told = folder / "modules.txt"
    command = [sys.executable, "-c", _SPY.format(told=str(told)), "harness", *arguments]
    peak = [0]
    began = time.perf_counter()
    with (folder / "said.txt").open("w+") as said:
        process = subprocess.Popen(command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, stderr=said)
        watcher = threading.Thread(target=_sample, args=(process, peak), daemon=True)
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - began
        watcher.join()
        said.seek(0)
        err = said.read()
    modules = frozenset(told.read_text().split())
    return Watched(tuple(arguments), code, seconds, peak[0], modules, err)


def bare_seconds(arguments: Sequence[str], folder: Path, times: int) -> list[float]:
    """Seconds of the installed script itself, again and again."""
    script = str(Path(sys.executable).with_name("harness"))
    return [_seconds([script, *arguments], folder) for _ in range(times)]


def answer(arguments: Sequence[str], folder: Path) -> object:
    """What a command says in JSON."""
    command = [sys.executable, "-m", "harness", *arguments, "--json"]
    done = subprocess.run(command, cwd=folder, env=_environment(), capture_output=True, text=True, check=True)
    found: object = json.loads(done.stdout)
    return found


def _seconds(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, env=_environment(), stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def _environment() -> dict[str, str]:
    """The person's, without what would lead results elsewhere, and without threads set from outside."""
    own = ("HARNESS_STORE", "MLFLOW_TRACKING_URI", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in own}


def _sample(process: subprocess.Popen[bytes], peak: list[int]) -> None:
    """The largest sum of resident memory; pages that processes share are counted in each."""
    while process.poll() is None:
        peak[0] = max(peak[0], _resident(process.pid))
        time.sleep(_EVERY_S)


def _resident(pid: int) -> int:
    total = 0
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    except psutil.Error:
        return 0
    for one in family:
        try:
            total += one.memory_info().rss
        except psutil.Error:
            continue
    return total
