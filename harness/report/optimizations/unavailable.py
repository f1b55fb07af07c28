"""Combinations that did not run: not available here, or refused; each with its reason."""

from __future__ import annotations

from collections.abc import Sequence

from harness.plan.select import UNAVAILABLE
from harness.plan.types import Refusal
from harness.report.view import RunView


def unavailable(view: RunView) -> tuple[tuple[str, str], ...]:
    """What this machine cannot run, with the reason."""
    return _listed([r for r in view.plan.refused if r.reason.startswith(UNAVAILABLE)])


def refused(view: RunView) -> tuple[tuple[str, str], ...]:
    """What cannot be anywhere, with the reason."""
    return _listed([r for r in view.plan.refused if not r.reason.startswith(UNAVAILABLE)])


def _listed(found: Sequence[Refusal]) -> tuple[tuple[str, str], ...]:
    """A line for each combination; the stack first, for it is what the audit is about."""
    return tuple((_name(one.swept), one.reason) for one in found)


def _name(swept: dict[str, str | int | float]) -> str:
    rest = [f"{knob} {value}" for knob, value in swept.items() if knob != "optimizations"]
    return " · ".join([str(swept["optimizations"]), *rest] if "optimizations" in swept else rest)
