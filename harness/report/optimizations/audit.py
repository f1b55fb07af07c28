"""The audit as data: cells with an optimization beside their references, in families that share all else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.catalog.optimizations import FAMILY, OPTIMIZATIONS
from harness.catalog.stacks import label_of_stack
from harness.errors import UsageError
from harness.report.optimizations.costs import FirstCall, Saved, first_call, memory_saved, speed_up
from harness.report.optimizations.divergence import Divergence, divergence
from harness.report.optimizations.looks import Looks, looks
from harness.report.optimizations.proof import AGAIN, Proof, Word, overall, proofs
from harness.report.text import knob_text
from harness.report.view import RunView, own_knobs
from harness.stats.ratio import OverVisits
from harness.store.measured import latency_in_turns
from harness.store.records import CellRecord

_GENERAL = "`harness report RUN` writes the general report of it."


@dataclass(frozen=True)
class Audited:
    """One cell. What is measured against a reference is ``None`` for the reference and for cells without a result.

    ``name``: its stack, with its dtype where that is not the one of the family's reference. ``wants_timing``: the plan
    has a timing pass.
    """

    cell: CellRecord
    reference: CellRecord | None
    name: str
    proofs: tuple[Proof, ...]
    speed: OverVisits | None
    memory: Saved | None
    first: FirstCall
    looks: Looks | None
    divergence: Divergence | None
    wants_timing: bool

    @property
    def is_reference(self) -> bool:
        """Others are compared with it, and it with nothing."""
        return self.cell.is_reference and self.reference is None

    @property
    def in_turns(self) -> bool:
        """Whether its speed-up is of calls in turns with its reference."""
        return self.reference is not None and latency_in_turns(self.cell, self.reference) is not None

    @property
    def outcome(self) -> Word | None:
        """Whether its stack was on; ``None`` where nothing was asked for or nothing ran."""
        return overall(self.proofs) if self.cell.status == "done" else None

    @property
    def is_again(self) -> bool:
        """The same pipeline twice: an A/A pair with its reference."""
        names = [choice.name for choice in self.cell.settings.optimizations]
        return names == [AGAIN] and self.reference is not None and _same_dtype(self.cell, self.reference)

    @property
    def promises_identity(self) -> bool:
        """Whether each of its optimizations should leave the pictures as they are, to the bit."""
        stack = self.cell.settings.optimizations
        rows = [OPTIMIZATIONS.get(choice.name) for choice in stack]
        own = bool(stack) and self.reference is not None and not self.reference.settings.optimizations
        return own and all(row is not None and row.exact for row in rows) and self._same_dtype

    @property
    def _same_dtype(self) -> bool:
        return self.reference is not None and _same_dtype(self.cell, self.reference)


def _same_dtype(one: CellRecord, other: CellRecord) -> bool:
    return one.settings.dtype == other.settings.dtype


@dataclass(frozen=True)
class Family:
    """Cells that differ in their stack and dtype alone; ``title``: the model, the task, and what else is swept."""

    model: str
    title: str
    cells: tuple[Audited, ...]

    @property
    def compared(self) -> tuple[Audited, ...]:
        """Those that have a result and a reference."""
        return tuple(one for one in self.cells if one.looks is not None)


@dataclass(frozen=True)
class Audit:
    """The whole of it."""

    view: RunView
    families: tuple[Family, ...]

    @property
    def cells(self) -> tuple[Audited, ...]:
        """Every cell, family by family."""
        return tuple(one for family in self.families for one in family.cells)

    @property
    def several(self) -> bool:
        """Whether there is more than one family, so that each must be named."""
        return len(self.families) > 1


def read_audit(view: RunView) -> Audit:
    """The audit of a run.

    Raises:
        UsageError: the run has no optimization and one dtype, or compares nothing with a reference.
    """
    _check(view)
    groups: dict[str, list[CellRecord]] = {}
    for cell in view.cells:
        groups.setdefault(cell.settings.model_dump_json(exclude=set(FAMILY)), []).append(cell)
    return Audit(view, tuple(_family(view, cells) for cells in groups.values()))


def _check(view: RunView) -> None:
    stacks = {label_of_stack(cell.settings.optimizations) for cell in view.cells}
    if len(stacks) < 2 and len({cell.settings.dtype for cell in view.cells}) < 2:
        raise UsageError(
            f"Run {view.run.run_id} compares no optimizations: every cell has the stack {', '.join(stacks) or 'none'}.",
            expected="a spec with optimizations: [none, channels-last, compile] and compare_to: {optimizations: none}",
            do=_GENERAL,
        )
    if not any(cell.reference for cell in view.cells):
        raise UsageError(
            f"Run {view.run.run_id} has no reference: nothing says what its optimizations are compared with.",
            expected="in the spec, for example, compare_to: {optimizations: none}",
            do=f"Add it and run the spec again (pictures and timings are reused). {_GENERAL}",
        )


def _family(view: RunView, cells: Sequence[CellRecord]) -> Family:
    model, task = cells[0].settings.model, cells[0].settings.task
    said = {"model", "task", *FAMILY}
    rest = [knob_text(knob, value) for knob, value in own_knobs(cells[0]).items() if knob not in said]
    ordered = sorted(cells, key=lambda cell: not cell.is_reference)
    several = len({cell.settings.dtype for cell in cells}) > 1
    dtype = ordered[0].settings.dtype if several else None
    audited = tuple(_audited(view, cell, _name(cell, dtype)) for cell in ordered)
    return Family(model, " · ".join([model, task, *rest]), audited)


def _name(cell: CellRecord, dtype: str | None) -> str:
    """The stack; of several dtypes also the cell's, where it is a reference or has another than the first one."""
    stack, own = label_of_stack(cell.settings.optimizations), cell.settings.dtype
    return f"{own} · {stack}" if dtype is not None and (own != dtype or cell.is_reference) else stack


def _audited(view: RunView, cell: CellRecord, name: str) -> Audited:
    reference = view.cell(cell.reference) if cell.reference and cell.reference != cell.cell_id else None
    both = reference is not None and reference.status == cell.status == "done"
    speed = speed_up(cell, reference) if both and reference else None
    return Audited(
        cell=cell,
        reference=reference,
        name=name,
        proofs=proofs(cell) if cell.status == "done" else (),
        speed=speed,
        memory=memory_saved(cell, reference) if both and reference else None,
        first=first_call(cell, reference, speed),
        looks=looks(view, cell, reference) if both and reference else None,
        divergence=divergence(view, cell, reference) if both and reference else None,
        wants_timing=view.plan.timing.enabled,
    )
