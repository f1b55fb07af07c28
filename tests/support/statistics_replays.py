"""Pairs of runs of one thing, drawn from one large stored run, and through `harness compare`'s own functions.

A replay draws prompts of the stored run, with replacement, and halves each prompt's seeds: one half is the baseline's,
the other the run's, so that the two share no picture. Of each cell's visits of the timing pass it draws disjoint ones
for either side, the same visits for all cells, as in a run. So nothing differs between the two but chance.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.compare.compare import compare
from harness.compare.types import Compared
from harness.plan.types import InputRow
from harness.report.view import RunView
from harness.stats.pairing import pair
from harness.store.records import CellRecord, Memory, Timing

VISITS = 3  # of each side's timing pass
Rows = dict[str, dict[str, Any]]


@dataclass(frozen=True)
class Shape:
    """How a replay is drawn. ``drift``: as recorded by the timing pass of such visits; else none is."""

    prompts: int = 32
    visits: int = VISITS
    margins: Mapping[str, float | str] | None = None
    drift: bool = True


@dataclass(frozen=True)
class Plant:
    """A loss of so many units of a metric in every picture of one cell of the run."""

    place: int
    metric: str
    loss: float


class Replays:
    """Draws from one stored run that is whole: every cell done, with the same prompts, seeds and visits.

    ``timed``: a run of the same cells whose timings stand for those of ``view``.
    """

    def __init__(self, view: RunView, timed: RunView | None = None) -> None:
        self.view = view if timed is None else _with_timings(view, timed)
        self.source = f"run {view.run.run_id}" + (f", its timings run {timed.run.run_id}" if timed is not None else "")
        self._by_prompt: dict[str, list[InputRow]] = {}
        for row in view.rows_of(view.cells[0]):
            self._by_prompt.setdefault(row.prompt_id, []).append(row)

    @property
    def seeds(self) -> int:
        """Of each side of a replay."""
        return min(map(len, self._by_prompt.values())) // 2

    def draw(self, rng: np.random.Generator, shape: Shape, plant: Plant | None = None) -> Compared:
        """One pair of runs, compared."""
        prompts = rng.choice(list(self._by_prompt), shape.prompts)
        halves = [rng.permutation(len(self._by_prompt[prompt])) for prompt in prompts]
        timed = rng.permutation(self._visits())
        sides = []
        for side in (0, 1):
            rows = [
                (number, seed, self._by_prompt[prompt][half[side * self.seeds + seed]])
                for number, (prompt, half) in enumerate(zip(prompts, halves, strict=True))
                for seed in range(self.seeds)
            ]
            visits = [int(visit) for visit in timed[side * shape.visits : (side + 1) * shape.visits]]
            sides.append(self._side(side, rows, visits, shape, plant if side else None))
        compared, _ = compare(sides[0], sides[1], places=("baseline", "run"))
        return compared

    def spread(self, metric: str, rng: np.random.Generator, draws: int = 20) -> float:
        """Standard deviation of a prompt's difference between two halves of its seeds, of the cell that has most."""
        variances = np.zeros((draws, len(self.view.cells)))
        for draw in range(draws):
            halves = {prompt: rng.permutation(len(rows)) for prompt, rows in self._by_prompt.items()}
            for place, cell in enumerate(self.view.cells):
                one, other = (self._half(cell, metric, halves, side) for side in (0, 1))
                found = pair(one, other, {name: name.rpartition("-")[0] for name in one})
                variances[draw, place] = (found.cell - found.reference).var(ddof=1)
        return float(np.sqrt(variances.mean(axis=0).max()))

    def _half(self, cell: CellRecord, metric: str, halves: Mapping[str, Any], side: int) -> dict[str, float]:
        values = self.view.image_values(cell.cell_id)
        chosen = {
            f"{prompt}-{seed}": rows[halves[prompt][side * self.seeds + seed]].id
            for prompt, rows in self._by_prompt.items()
            for seed in range(self.seeds)
        }
        return {name: float(values[row_id][metric]) for name, row_id in chosen.items()}

    def _visits(self) -> list[int]:
        timing = self.view.cells[0].timing
        return sorted(set(timing.round_of_call)) if timing is not None else []

    def _side(
        self,
        side: int,
        rows: list[tuple[int, int, InputRow]],
        visits: list[int],
        shape: Shape,
        plant: Plant | None,
    ) -> RunView:
        made = {f"p{number}-s{seed}": (_renamed(row, number, seed), row.id) for number, seed, row in rows}
        changes: dict[str, Any] = {"rows": tuple(row for row, _ in made.values())}
        if shape.margins is not None:
            changes["margins"] = dict(shape.margins)
        plan, run_id = self.view.plan.model_copy(update=changes), f"replay-{side}"
        run = self.view.run.model_copy(update={"run_id": run_id, "plan": plan})
        records = tuple(_record(cell, run_id, visits, drift=shape.drift) for cell in self.view.cells)
        values = {
            cell.cell_id: self._values(cell, made, plant if plant is not None and plant.place == place else None)
            for place, cell in enumerate(records)
        }
        return RunView(self.view.store, run, records, {}, values)

    def _values(self, cell: CellRecord, made: dict[str, tuple[InputRow, str]], plant: Plant | None) -> Rows:
        stored = self.view.image_values(cell.cell_id)
        found = {row_id: {**stored[source], "row_id": row_id} for row_id, (_, source) in made.items()}
        if plant is not None:
            for values in found.values():
                values[plant.metric] -= plant.loss
        return found


def _with_timings(view: RunView, timed: RunView) -> RunView:
    by_label = {cell.label: cell for cell in timed.cells}
    records = tuple(
        cell.model_copy(update={"timing": by_label[cell.label].timing, "memory": by_label[cell.label].memory})
        for cell in view.records
    )
    return RunView(view.store, view.run, records)


def _renamed(row: InputRow, number: int, seed: int) -> InputRow:
    """The same row under another name: a prompt that was drawn twice is two."""
    text = f"{number}: {row.prompt}"
    known = {"id": f"p{number}-s{seed}", "prompt_id": f"p{number}", "prompt": text, "seed": seed}
    return row.model_copy(update=known)


def _record(cell: CellRecord, run_id: str, visits: list[int], *, drift: bool) -> CellRecord:
    return cell.model_copy(
        update={"run_id": run_id, "batches": [], "timing": _timing(cell.timing, run_id, visits, drift=drift),
                "memory": _memory(cell.memory, visits)}
    )  # fmt: skip


def _timing(timing: Timing | None, run_id: str, visits: list[int], *, drift: bool) -> Timing | None:
    """Of those visits only; ``drift`` between them, for what brackets a visit is not recorded."""
    if timing is None:
        return None
    calls: dict[int, list[float]] = {visit: [] for visit in visits}
    for second, visit in zip(timing.steady_s, timing.round_of_call, strict=True):
        if visit in calls:
            calls[visit].append(second)
    steady = [second for visit in visits for second in calls[visit]]
    whole = statistics.median(steady)
    moved = max(abs(statistics.median(seconds) / whole - 1) for seconds in calls.values())
    changes = {
        "steady_s": steady,
        "round_of_call": [place for place, visit in enumerate(visits) for _ in calls[visit]],
        "latency_s": whole / timing.batch,
        "measured_in": run_id,
        "drift": moved if drift else 0.0,
        "disturbances": [],
    }
    return timing.model_copy(update=changes)


def _memory(memory: Memory | None, visits: list[int]) -> Memory | None:
    if memory is None:
        return None
    peaks = [memory.visit_peaks_bytes[visit] for visit in visits]
    return memory.model_copy(update={"visit_peaks_bytes": peaks, "peak_bytes": max(peaks)})
