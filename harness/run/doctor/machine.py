"""The machine without torch: processor, memory, system, driver, and the compiler that torch.compile calls."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig

from harness.measure.environment import hardware, software, state
from harness.run.doctor.limits import cgroup_limits
from harness.run.doctor.types import Machine, Program
from harness.run.probing import NVIDIA, nvidia_texts

COMPILER = "C++ compiler"
_COMPILERS = ("g++", "clang++", "c++")
_INSTALL = "install the system's C++ compiler and Python's headers (on Debian: apt install g++ python3-dev)"
_PATIENCE_S = 30.0
_TINY = "#include <Python.h>\n#include <vector>\nint main() { return (int)std::vector<int>().size(); }\n"


def machine() -> Machine:
    """Processor, cores, memory, limits, governor, load, system and driver."""
    hard, soft, busy = hardware(), software(), state()
    cpus, limit = cgroup_limits()
    named = ("architecture", "cpu_model", "cores_physical", "cores_logical", "cores_usable", "memory_bytes")
    return Machine(
        **{name: hard[name] for name in named},
        **{name: soft[name] for name in ("system", "kernel", "python")},
        **{name: busy[name] for name in ("governor", "memory_available_bytes")},
        load_average=tuple(busy["load_average"]),
        cgroup_cpus=cpus,
        cgroup_memory_bytes=limit,
        interpreter=sys.executable,
        nvidia_driver=next(iter(nvidia_texts(NVIDIA).get("version", "").splitlines()), None),
    )


def compiler() -> Program:
    """The compiler that torch.compile would call on a CPU, tried with Python's own headers."""
    command = shlex.split(os.environ.get("CXX", "")) or [name for name in _COMPILERS if shutil.which(name)][:1]
    path = shutil.which(command[0]) if command else None
    if path is None:
        tried = f"CXX names {command[0]}, which is not" if command else f"none of {', '.join(_COMPILERS)} is"
        return Program(name=COMPILER, path=None, reason=f"{tried} on the PATH", do=_INSTALL)
    reason = _fault(command)
    return Program(name=COMPILER, path=path, reason=reason, do="" if reason is None else _INSTALL)


def _fault(command: list[str]) -> str | None:
    """Why a small file with Python's headers does not pass; ``None`` if it does."""
    include = f"-I{sysconfig.get_path('include')}"
    try:
        done = subprocess.run(
            [*command, "-x", "c++", "-fsyntax-only", include, "-"],
            input=_TINY, capture_output=True, text=True, timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        return f"{command[0]} does not run: {error}"
    if done.returncode == 0:
        return None
    lines = [line for line in done.stderr.splitlines() if "error" in line] or done.stderr.splitlines()
    return f"{command[0]} refuses a small file: {lines[0][:200] if lines else f'status {done.returncode}'}"
