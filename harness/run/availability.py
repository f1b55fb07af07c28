"""Which optimizations this machine cannot have, and why: found out without torch, before anything is loaded."""

from __future__ import annotations

from functools import cache

from harness.catalog.optimizations import COMPILERS, OPTIMIZATIONS
from harness.catalog.types import OptimizationRow
from harness.errors import MissingError
from harness.run.devices import kinds
from harness.run.doctor.machine import compiler
from harness.run.doctor.packages import installed_version, least_versions, pip, release


@cache
def lack_of(asked: str, name: str) -> str | None:
    """Why an optimization is unavailable on the device that is asked for ("auto", "cuda", …); ``None`` if it is not."""
    return _lack(OPTIMIZATIONS[name], _kind(asked))


def _unfit(package: str) -> str | None:
    """Why an installed package will not do; ``None`` if it will."""
    version, least = installed_version(package), least_versions().get(package)
    line = f"{pip()} install {package}" if least is None else f"{pip()} install '{package}>={least}'"
    if version is None:
        return f"{package} is not installed ({line})"
    if least is not None and release(version) < release(least):
        return f"{package} {version} is older than {least} ({line})"
    return None


def _kind(asked: str) -> str:
    """A device that is not there is told by the run itself: here it counts as what was asked for."""
    try:
        return kinds(asked)[0]
    except MissingError:
        return asked


def _lack(row: OptimizationRow, kind: str) -> str | None:
    if row.needs_device is not None and kind != row.needs_device:
        return f"{row.name} needs a {row.needs_device} device: {row.why_device}; this run is on {kind}"
    if row.needs_package is not None and (reason := _unfit(row.needs_package)) is not None:
        return reason
    needs = COMPILERS.get(kind) if row.needs_program else None
    if needs is not None and (reason := _unfit(needs)) is not None:
        return f"{row.name} on a {kind} device needs {needs}: {reason}"
    if row.needs_program and (found := compiler()).reason is not None:
        return f"{row.name} needs a C++ compiler: {found.reason}"
    return None
