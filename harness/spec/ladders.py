"""A ladder that steps the dtype sets two knobs at once: cases say that."""

from __future__ import annotations

from typing import Any

from harness.spec.optimizations import Rung

_KNOB = "optimizations"
Partial = dict[str, tuple[Any, ...]]


def without_rungs(sweeps: Partial, cases: tuple[Partial, ...]) -> tuple[Partial, tuple[Partial, ...]]:
    """The same combinations without a ``Rung``: every case once for each dtype that a ladder comes to."""
    if not any(isinstance(value, Rung) for part in (sweeps, *cases) for value in part.get(_KNOB, ())):
        return sweeps, cases
    spread = [one for case in cases or ({},) for one in _cases({**_named(sweeps), **case})]
    return {knob: values for knob, values in sweeps.items() if knob != _KNOB}, tuple(spread)


def _named(sweeps: Partial) -> Partial:
    return {_KNOB: sweeps[_KNOB]} if _KNOB in sweeps else {}


def _cases(case: Partial) -> list[Partial]:
    found: dict[str | None, list[Any]] = {}
    for value in case.get(_KNOB, ()):
        dtype, stack = (value.dtype, value.stack) if isinstance(value, Rung) else (None, value)
        found.setdefault(dtype, []).append(stack)
    if not found:
        return [case]
    return [
        {**case, **({"dtype": (dtype,)} if dtype is not None else {}), _KNOB: tuple(stacks)}
        for dtype, stacks in found.items()
    ]
