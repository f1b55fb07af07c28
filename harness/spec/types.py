"""What a checked spec is."""

from __future__ import annotations

from typing import Any

from harness.base import Frozen
from harness.catalog.types import ModelRow


class InputRow(Frozen):
    """One image to make in every cell.

    ``id`` is stable: it depends on the row's content (or its ``id`` column), never on its position.
    """

    id: str  # "<prompt_id>-s<seed>"
    prompt_id: str
    prompt: str
    negative_prompt: str | None
    seed: int


class SchedulerChoice(Frozen):
    """The decoder's scheduler of a cell. ``class_name`` ``None``: the model's own default, recorded when loaded.

    ``config`` holds the overrides only; the rest comes from the model folder's scheduler configuration.
    """

    label: str  # as in tables: "DDIM", "DPMSolverMultistep(use_karras_sigmas=true)", "model default"
    class_name: str | None
    config: dict[str, Any] = {}
    subfolder: str | None = None  # e.g. "ddpm_scheduler": take the base configuration from there


class TimingPlan(Frozen):
    """The timing pass. ``repeats`` steady calls in each of ``rounds`` visits, after ``warmups`` calls of a shape."""

    enabled: bool
    repeats: int
    rounds: int
    warmups: int
    batch: int


class Spec(Frozen):
    """An experiment as asked for, every key checked.

    ``sweeps``: knob → its values in canonical form, only for knobs that the file names. ``models`` holds the row of
    every model named anywhere in it. ``cases`` and ``exclude`` are partial sweeps of the same form.
    """

    path: str
    text: str
    name: str
    question: str
    task: str
    models: dict[str, ModelRow]
    sweeps: dict[str, tuple[Any, ...]]
    cases: tuple[dict[str, tuple[Any, ...]], ...]
    exclude: tuple[dict[str, tuple[Any, ...]], ...]
    compare_to: dict[str, Any] | None
    rows: tuple[InputRow, ...]
    margins: dict[str, float | str]
    metrics: tuple[str, ...] | None
    timing: TimingPlan
    batch_size: int | None
    device: str
    threads: int | None
    cell_timeout_s: float | None
    strict: bool
    lines: dict[str, int]  # dotted place → line, for what only planning can find
