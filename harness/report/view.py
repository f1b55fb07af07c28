"""A run as the report sees it: its records, its per-image rows and its pictures. Works for an unfinished run."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

from harness.catalog.schedulers import model_calls
from harness.errors import MissingError, StoreError
from harness.plan.forecast import taken
from harness.plan.types import Cell, InputRow, Plan
from harness.spec.knobs import NONE
from harness.store.plain_zip import plain_entries
from harness.store.records import CellRecord, Comparison, RunRecord, Score
from harness.store.store import Store

COSTS = ("latency", "peak_memory")  # compared like metrics, but about cost, not quality


@dataclass(frozen=True)
class RunView:
    """One run, read once; ``records`` has every cell of the plan, in its order, pending ones too.

    ``cells`` are those that the question is about; the others are there only to be converged solutions.
    """

    store: Store
    run: RunRecord
    records: tuple[CellRecord, ...]
    _archives: dict[str, dict[str, bytes]] = field(default_factory=dict, repr=False, compare=False)
    _values: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict, repr=False, compare=False)

    @property
    def plan(self) -> Plan:
        """The plan that the run executes."""
        return self.run.plan

    @cached_property
    def cells(self) -> tuple[CellRecord, ...]:
        """The cells of every table, answer, count and chart."""
        return tuple(cell for cell in self.records if cell.cell_id not in self._solution_ids)

    @cached_property
    def solutions(self) -> tuple[CellRecord, ...]:
        """The cells whose pictures others' distances are measured to; no report shows them."""
        return tuple(cell for cell in self.records if cell.cell_id in self._solution_ids)

    @cached_property
    def _solution_ids(self) -> frozenset[str]:
        return frozenset(cell.id for cell in self.plan.cells if cell.is_converged)

    @cached_property
    def done(self) -> tuple[CellRecord, ...]:
        """The cells that have a result."""
        return tuple(cell for cell in self.cells if cell.status == "done")

    @property
    def failed(self) -> tuple[CellRecord, ...]:
        """The cells whose failure is their result."""
        return tuple(cell for cell in self.cells if cell.status == "failed")

    @property
    def pending(self) -> tuple[CellRecord, ...]:
        """The cells that have not been made yet."""
        return tuple(cell for cell in self.cells if cell.status == "pending")

    @property
    def unfinished(self) -> str | None:
        """What to say of a run that is not finished; ``None`` for a finished one."""
        if self.run.status in ("finished", "failed-cells"):
            return None
        if self.pending:
            return f"This run is unfinished: {len(self.done)} of {len(self.cells)} cells are done so far."
        timed = f"its timing pass is at {self.run.timed_calls} of {self.run.calls_to_time} model calls"
        left = timed if self.run.calls_to_time else "what comes after the pictures is not"
        if not any(cell.comparisons for cell in self.done) and any(cell.reference for cell in self.cells):
            left = f"{left}, and cells are compared with their reference at its end"
        return f"This run is unfinished: all its pictures are made, {left}."

    def cell(self, cell_id: str) -> CellRecord:
        """The cell of that id; ``KeyError`` if there is none."""
        return self._by_id[cell_id]

    @cached_property
    def _by_id(self) -> dict[str, CellRecord]:
        return {cell.cell_id: cell for cell in self.records}

    @cached_property
    def quality_metrics(self) -> tuple[str, ...]:
        """Metrics with a score in this run: those that were compared first, each group in the plan's order."""
        scored = {score.metric for cell in self.done for score in cell.scores}
        compared = {c.metric for cell in self.done for c in cell.comparisons}
        order = [*self.plan.metrics, *sorted(scored - set(self.plan.metrics))]
        named = [metric for metric in order if metric in scored]
        return tuple(sorted(named, key=lambda metric: metric not in compared))

    def model_calls(self, cell: CellRecord) -> int:
        """Decoder calls for one image: what it costs, whatever the machine."""
        settings = cell.settings
        class_name = cell.scheduler.get("class_name") or settings.scheduler.class_name or ""
        config = {**cell.scheduler.get("config", {}), **settings.scheduler.config}
        steps = settings.num_inference_steps
        return model_calls(class_name, config, steps, taken(steps, settings.strength))

    def rows_of(self, cell: CellRecord) -> tuple[InputRow, ...]:
        """The rows that a cell makes images of."""
        return self.plan.rows_of(self.plan.cell(cell.cell_id))

    @property
    def pictures_a_cell(self) -> str:
        """How many pictures a cell has: "64", or "8 to 16" where they differ."""
        counts = {len(self.rows_of(cell)) for cell in self.cells} or {0}
        return f"{min(counts)} to {max(counts)}" if len(counts) > 1 else f"{max(counts)}"

    def image_values(self, cell_id: str) -> dict[str, dict[str, Any]]:
        """The per-image row of each row id; empty where there is none."""
        if cell_id not in self._values:
            rows = self.store.image_rows(self.run.run_id, cell_id) or []
            self._values[cell_id] = {row["row_id"]: row for row in rows}
        return self._values[cell_id]

    def picture(self, cell: CellRecord, row: InputRow) -> bytes | None:
        """A picture's PNG bytes; ``None`` if it was not made, or is no longer in the store as the record names it.

        ``--fresh`` may have put another picture in the place of one that an older run made.
        """
        batch = cell.batch_of(row.id)
        if batch is None:
            return None
        archive = self._archive(batch.key)
        png = archive.get(batch.entry(list(archive), row.id) or "")
        return png if png is not None and sha256(png).hexdigest() == batch.sum_of(row.id) else None

    def stored(self, stage: str, key: str) -> bytes | None:
        """An input's or a hint's PNG bytes; ``None`` if it is not, or no longer, in the store."""
        try:
            return self.store.get(stage, key) if key else None
        except StoreError:
            return None

    def _archive(self, key: str) -> dict[str, bytes]:
        if key not in self._archives:
            self._archives[key] = _read_archive(self.store, key)
        return self._archives[key]


def _read_archive(store: Store, key: str) -> dict[str, bytes]:
    """The pictures under a key; none if they were removed or damaged, which a report shows and does not die of."""
    try:
        data = store.get("images", key)
    except StoreError:
        return {}
    return plain_entries(data) or {}


def head_label(reference: CellRecord) -> str:
    """A reference's label; where a sentence would swallow it as a word of its own, what it is."""
    return f"the reference ({reference.label})" if reference.label == "none" else reference.label


def load_view(store: Store, run_id: str) -> RunView:
    """Read a run's records.

    Raises:
        HarnessError: the run or one of its records cannot be read.
    """
    run = store.load_run(run_id)
    known = {record.cell_id: record for record in store.load_cells(run_id)}
    return RunView(store, run, tuple(known.get(cell.id) or _pending(run_id, cell) for cell in run.plan.cells))


def _pending(run_id: str, cell: Cell) -> CellRecord:
    return CellRecord(
        run_id=run_id,
        cell_id=cell.id,
        label=cell.label,
        settings=cell.settings,
        swept=cell.swept,
        reference=cell.reference,
        is_reference=cell.is_reference,
        status="pending",
    )


def find_cell(view: RunView, text: str) -> CellRecord:
    """The cell that a person means: its id, its label, or an unambiguous part of either.

    Raises:
        MissingError: none or several match; lists the cells there are.
    """
    exact = [cell for cell in view.records if text in (cell.cell_id, cell.label)]
    found = exact or [cell for cell in view.records if _part_of(text, cell)]
    if len(found) == 1:
        return found[0]
    names = "\n".join(f"  {cell.cell_id}  ({cell.label})" for cell in view.records)
    raise MissingError(
        f"{'Several cells match' if found else 'No cell matches'} {text!r} in run {view.run.run_id}.",
        expected=f"one of\n{names}",
        do="Give the id, or enough of it to be the only one.",
    )


def _part_of(text: str, cell: CellRecord) -> bool:
    return text.lower() in cell.cell_id.lower() or text.lower() in cell.label.lower()


def own_knobs(cell: CellRecord) -> dict[str, str | int | float]:
    """Swept knob → value, without those that the cell's task or model does not know."""
    return {knob: value for knob, value in cell.swept.items() if value != NONE}


def score_of(cell: CellRecord, metric: str) -> Score | None:
    """The cell's score of that metric."""
    return next((score for score in cell.scores if score.metric == metric), None)


def comparison_of(cell: CellRecord, metric: str) -> Comparison | None:
    """The cell's comparison of that metric with its reference."""
    return next((c for c in cell.comparisons if c.metric == metric), None)


def quality_comparisons(cell: CellRecord) -> list[Comparison]:
    """The comparisons about quality, not cost."""
    return [c for c in cell.comparisons if c.metric not in COSTS]
