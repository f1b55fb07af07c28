"""The schedulers: a row for every class that diffusers exports, right or refused with the reason."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from functools import cache
from typing import Any

from harness.catalog.diffusers_table import table
from harness.catalog.scheduler_rows import BARE, FORCIBLE, REFUSED, RIGHT, Right
from harness.catalog.types import SchedulerRow

SUFFIX = "Scheduler"
#: Overrides of which at most one may be on: they spread the sigmas anew.
SPACINGS = ("use_karras_sigmas", "use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas")
_UNPROVEN = "not yet proven right under Kandinsky's calling convention"


@cache
def schedulers() -> dict[str, SchedulerRow]:
    """Name (without the suffix) → row."""
    return {name.removesuffix(SUFFIX): _row(name.removesuffix(SUFFIX)) for name in table()["schedulers"]}


def scheduler_row(name: str) -> SchedulerRow:
    """The row of a class, with or without the suffix; ``KeyError`` if diffusers has none of that name."""
    return schedulers()[name.removesuffix(SUFFIX)]


def _row(name: str) -> SchedulerRow:
    known = RIGHT.get(name, Right(BARE, None, step=FORCIBLE.get(name, ())))
    absent = known.needs is not None and importlib.util.find_spec(known.needs) is None
    reason = f"it needs {known.needs}: pip install {known.needs}" if absent else REFUSED.get(name, _UNPROVEN)
    right = name in RIGHT and not absent
    return SchedulerRow(
        name=name,
        class_name=name + SUFFIX,
        adapter=known.adapter,
        stochastic=known.order is None,
        order=known.order,
        calls=known.calls,
        verdict="right" if right else "refused",
        reason="" if right else reason,
        forcible=name in FORCIBLE,
        needs=known.needs,
        parameters=table()["schedulers"][name + SUFFIX],
        step_parameters=known.step,
    )


def adapter_of(name: str, config: Mapping[str, Any], step: Mapping[str, Any]) -> str:
    """What a scheduler with these overrides takes to be right: a word of ``SchedulerRow.adapter``.

    A bare one needs the adapter for arguments of its steps, and where its sigmas are so dense that several share one
    timestep: it would look for its place by that timestep, and begin one step late.
    """
    row = scheduler_row(name)
    dense = any(config.get(key) for key in SPACINGS)
    return "calls" if row.adapter == BARE and (step or dense) else row.adapter


def is_stochastic(name: str, config: Mapping[str, Any], step: Mapping[str, Any]) -> bool:
    """Whether each step draws noise."""
    row = scheduler_row(name)
    return row.stochastic or bool(step.get("eta")) or str(config.get("algorithm_type", "")).startswith("sde-")


def claimed_order(name: str, config: Mapping[str, Any], step: Mapping[str, Any]) -> int | None:
    """The order that its authors claim with these overrides; ``None`` for a stochastic one."""
    row = scheduler_row(name)
    if row.order is None or is_stochastic(name, config, step):
        return None
    ordered = config.get("solver_order", row.parameters.get("solver_order"))
    return row.order + int(ordered) - int(row.parameters["solver_order"]) if ordered is not None else row.order


def model_calls(name: str, config: Mapping[str, Any], steps: int, taken: int | None = None) -> int:
    """Calls of the model for one picture.

    Args:
        name: the class, with or without the suffix; one that nobody knows counts a call for each step.
        config: overrides.
        steps: ``num_inference_steps``.
        taken: how many of them a start in the middle leaves; ``None`` for a task without one.
    """
    left = steps if taken is None else taken
    row = schedulers().get(name.removesuffix(SUFFIX))
    calls = "one" if row is None else row.calls
    if calls == "two":  # but for the last step, which ends without noise
        return 2 * left - 1
    if calls == "pndm":  # a start in the middle, and skip_prk_steps, begin with one step twice; else Runge-Kutta
        return left + min(1, left - 1) if taken is not None or config.get("skip_prk_steps") else left + 9
    return left
