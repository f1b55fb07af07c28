"""A ladder that steps the dtype sets two knobs at once: cases say that."""

from __future__ import annotations

from typing import Any, NamedTuple

from harness.spec.optimizations import Rung

_KNOB = "optimizations"
Partial = dict[str, tuple[Any, ...]]


class WithoutRungs(NamedTuple):
    """Sweeps and cases without a ``Rung``, and the place in the file that each case comes from."""

    sweeps: Partial
    cases: tuple[Partial, ...]
    case_places: tuple[str, ...]


def without_rungs(sweeps: Partial, cases: tuple[Partial, ...]) -> WithoutRungs:
    """The same combinations without a ``Rung``: every case once for each dtype that a ladder comes to."""
    places = tuple(f"cases[{number}]" for number in range(len(cases)))
    if not any(isinstance(value, Rung) for part in (sweeps, *cases) for value in part.get(_KNOB, ())):
        return WithoutRungs(sweeps, cases, places)
    asked = zip(cases or ({},), places or (_KNOB,), strict=True)
    spread = [(one, place) for case, place in asked for one in _cases({**_named(sweeps), **case})]
    rest = {knob: values for knob, values in sweeps.items() if knob != _KNOB}
    return WithoutRungs(rest, tuple(one for one, _ in spread), tuple(place for _, place in spread))


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
