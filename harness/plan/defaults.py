"""What a spec leaves open, and the value that stands there instead."""

from __future__ import annotations

from typing import Any

from harness.plan.cells import default_batch_size
from harness.plan.select import value_of
from harness.spec.knobs import KNOBS, label_of
from harness.spec.types import Spec


def resolved_defaults(
    spec: Spec, models: list[str], metrics: tuple[str, ...], margins: dict[str, float | str]
) -> dict[str, Any]:
    """Key → value, for all that the file leaves open; a mapping by model where models differ.

    Args:
        spec: the checked spec.
        models: names of the models that are used.
        metrics: those that will be computed.
        margins: those that will be judged by.
    """
    found: dict[str, Any] = {} if "model" in spec.lines else {"model": models[0]}
    for knob in KNOBS:
        if knob != "model" and _left_open(spec, knob):
            found[knob] = _alike({model: _shown(spec, model, knob) for model in models})
    if spec.batch_size is None:
        found["batch_size"] = _alike({model: default_batch_size(spec, model) for model in models})
    rest = {
        "seeds": [0],
        "metrics": list(metrics),
        "device": spec.device,
        "threads": "the physical cores",
        "cell_timeout": "none",
    }
    found |= {key: value for key, value in rest.items() if key not in spec.lines}
    if spec.timing.enabled:
        timing = {f"timing.{key}": value for key, value in spec.timing.model_dump(exclude={"enabled"}).items()}
        found |= {key: value for key, value in timing.items() if key not in spec.lines}
    return found | {f"margins.{name}": margin for name, margin in margins.items() if name not in spec.margins}


def _left_open(spec: Spec, knob: str) -> bool:
    return knob not in spec.sweeps and not (spec.cases and all(knob in case for case in spec.cases))


def _shown(spec: Spec, model: str, knob: str) -> Any:
    value = label_of(knob, value_of(spec, {"model": model}, knob))
    own = spec.models[model].default_scheduler
    if knob == "scheduler":
        return f"{value} ({own or 'named in its folder'})"
    return value


def _alike(values: dict[str, Any]) -> Any:
    """One value where all models share it."""
    return next(iter(values.values())) if len(set(values.values())) == 1 else values
