"""The command as a process: how it is started, what it imports, and pipes that close early."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.processes import HEAVY, SPY

from harness import __version__
from harness.store.store import Store

SCRIPT = Path(sys.executable).with_name("harness")


def _harness(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "harness", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload]


def _into_a_closed_pipe(*arguments: str, stderr: bool = False) -> tuple[int, str]:
    """A command whose output's reader has left before the first word; its code, and what else it said."""
    reading, writing = os.pipe()
    os.close(reading)
    streams = (
        {"stderr": writing, "stdout": subprocess.PIPE} if stderr else {"stdout": writing, "stderr": subprocess.PIPE}
    )
    command = [sys.executable, "-m", "harness", *arguments]
    done = subprocess.run(command, text=True, check=False, **streams)  # type: ignore[call-overload]
    os.close(writing)
    return done.returncode, (done.stdout if stderr else done.stderr)


def test_the_script_and_the_module_are_the_same() -> None:
    by_script = subprocess.run([SCRIPT, "--version"], capture_output=True, text=True, check=False)
    by_module = _harness("--version")
    assert by_script.stdout == by_module.stdout and __version__ in by_script.stdout
    assert by_script.returncode == by_module.returncode == 0


def test_the_exit_code_is_the_process_s() -> None:
    assert _harness("plan", "nothing.yaml").returncode == 6
    said = _harness("plan", "quickstart", "--nothing")
    assert said.returncode == 2 and "Traceback" not in said.stderr and not said.stdout
    bare = _harness()
    assert bare.returncode == 2 and "Usage: harness" in bare.stderr


@pytest.mark.parametrize(
    "line", ["--help", "run --help", "plan quickstart", "ls", "status", "status other", "store du"]
)
def test_looking_imports_nothing_heavy(store: Store, line: str) -> None:
    done = subprocess.run([sys.executable, "-c", SPY, *line.split()], capture_output=True, text=True, check=True)
    code, modules = json.loads(done.stderr)
    assert code == 0 and set(HEAVY).isdisjoint(modules)
    assert not line.endswith("--help") or "pydantic" not in modules


@pytest.mark.parametrize("line", ["plan quickstart", "plan quickstart --json", "status --json", "--help", "run --help"])
def test_a_reader_that_leaves_is_no_fault(store: Store, line: str) -> None:
    assert _into_a_closed_pipe(*line.split()) == (0, "")


def test_a_reader_that_leaves_hides_no_exit_code(store: Store) -> None:
    next(store.blobs.all("images")).write_bytes(b"torn")
    assert _into_a_closed_pipe("store", "check") == (7, "")
    assert _into_a_closed_pipe("plan", "nothing", stderr=True) == (6, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_output_to_a_full_disk_is_a_store_error() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "harness", "plan", "quickstart"]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 7 and "took no more" in done.stderr and "Traceback" not in done.stderr


def test_a_terminal_of_few_letters_gets_what_it_can_show() -> None:
    done = _harness("plan", "quickstart", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0 and "10 cells ? 64 images" in done.stdout
