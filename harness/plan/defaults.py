"""What a spec leaves open, and the value that stands there instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from harness.catalog.metrics import METRICS
from harness.catalog.tasks import TASKS
from harness.plan.cells import default_batch_size
from harness.plan.types import Cell, Settings
from harness.spec.knobs import KNOBS, NONE, label_of
from harness.spec.types import Spec

_WHO = ("model", "task", "api")
_FEW, _ELSE = 4, "all others"


def resolved_defaults(
    spec: Spec, cells: Sequence[Cell], metrics: tuple[str, ...], margins: dict[str, float | str]
) -> dict[str, Any]:
    """Key → value, for all that the file leaves open; a mapping by model, task and form where those differ.

    Args:
        spec: the checked spec.
        cells: those of the plan.
        metrics: those that will be computed.
        margins: those that will be judged by.
    """
    settings = [cell.settings for cell in cells]
    found: dict[str, Any] = {} if "model" in spec.lines else {"model": settings[0].model}
    for knob in KNOBS:
        if knob != "model" and _left_open(spec, knob):
            found[knob] = _alike(_left_so(spec, knob, settings), lambda one, knob=knob: _shown(spec, one, knob))  # type: ignore[misc]
    if spec.batch_size is None:
        found["batch_size"] = _alike(settings, lambda one: default_batch_size(spec, one.model))
    rest = {
        "seeds": [0],
        "metrics": list(metrics),
        "device": spec.device,
        "threads": "the physical cores",
        "cell_timeout": "none",
    }
    if any(METRICS[name].against_set for name in metrics if name in METRICS):
        rest["reference_set"] = "the extractor's own statistics"
    found |= {key: value for key, value in rest.items() if key not in spec.lines}
    if spec.timing.enabled:
        timing = {f"timing.{key}": value for key, value in spec.timing.model_dump(exclude={"enabled"}).items()}
        found |= {key: value for key, value in timing.items() if key not in spec.lines}
    if spec.converged is not None:
        converged = {f"converged.{key}": value for key, value in spec.converged}
        found |= {key: value for key, value in converged.items() if key not in spec.lines}
    found |= {f"margins.{name}": margin for name, margin in margins.items() if name not in spec.margins}
    return {key: value for key, value in found.items() if value is not None}


def _left_open(spec: Spec, knob: str) -> bool:
    return knob not in spec.sweeps and not (spec.cases and all(knob in case for case in spec.cases))


def _left_so(spec: Spec, knob: str, settings: list[Settings]) -> list[Settings]:
    """The cells whose value of a knob no case has set."""
    set_to = [value for case in spec.cases for value in case.get(knob, ())]
    return [one for one in settings if not set_to or getattr(one, knob, None) not in set_to]


def _shown(spec: Spec, settings: Settings, knob: str) -> Any:
    """A value as tables show it; ``None`` for a knob that the cell does not have."""
    if knob == "scheduler":
        own = spec.models[settings.model].default_schedulers.get(TASKS[settings.task].part)
        return f"{settings.scheduler.label} ({own or 'named in its folder'})"
    value = (settings.height, settings.width) if knob == "size" else getattr(settings, knob)
    if knob == "weights" and settings.task != "interpolation":
        return None
    shown = label_of(knob, value)
    return None if shown == NONE else shown


def _alike(settings: Sequence[Settings], value: Callable[[Settings], Any]) -> Any:
    """One value where all cells that have one share it; else by what differs among model, task and form."""
    having = [(one, value(one)) for one in settings]
    having = [(one, shown) for one, shown in having if shown is not None]
    values = list(dict.fromkeys(shown for _, shown in having))
    if len(values) <= 1:
        return values[0] if values else None
    names = _telling([(tuple(getattr(one, name) for name in _WHO), shown) for one, shown in having])
    found = {", ".join(name): shown for name, shown in names.items()}
    if len(found) <= _FEW:
        return found
    usual, _ = Counter(found.values()).most_common(1)[0]
    return {_ELSE: usual, **{name: shown for name, shown in found.items() if shown != usual}}


def _telling(pairs: list[tuple[tuple[str, ...], Any]]) -> dict[tuple[str, ...], Any]:
    """The pairs by as few of the three names as tell their values apart."""
    for size in range(1, 2 ** len(_WHO)):
        kept = [place for place in range(len(_WHO)) if _ORDER[size] >> place & 1]
        seen: dict[tuple[str, ...], set[Any]] = {}
        for who, shown in pairs:
            seen.setdefault(tuple(who[place] for place in kept), set()).add(shown)
        if all(len(shown) == 1 for shown in seen.values()):
            return {who: next(iter(shown)) for who, shown in seen.items()}
    return dict(pairs)


_ORDER = (0, 1, 2, 4, 3, 5, 6, 7)  # sets of names as bits: one alone first, all three last
