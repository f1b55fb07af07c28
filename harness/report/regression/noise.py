"""How far apart the same thing is from itself: what a difference between two runs must be seen against."""

from __future__ import annotations

import math
from dataclasses import dataclass

from harness.catalog.stacks import label_of_stack
from harness.compare.cases import CellPair
from harness.report.optimizations.looks import looks
from harness.report.optimizations.proof import AGAIN
from harness.report.text import percent
from harness.report.view import RunView, comparison_of
from harness.store.measured import latency_by_visit
from harness.store.records import CellRecord

RULE = (
    "A/A noise: the standard deviation of one visit's latency, over the visits of the same cell in the same run, both "
    "runs together; and by how many of 255 levels a picture differed when the timing pass made it again."
)


@dataclass(frozen=True)
class Noise:
    """Of one cell. ``spread``: a share, of ``visits`` visits; ``levels``: of 255. ``None``: was not measured.

    ``reason``: why there is no spread.
    """

    spread: float | None
    visits: int
    levels: int | None
    reason: str | None = None


def noise_of(pair: CellPair) -> Noise:
    """What the two runs say of it; a timing that both share counts once."""
    records = [pair.old] if pair.old.timing == pair.new.timing else [pair.old, pair.new]
    sides = [[math.log(s) for s in latency_by_visit(record).values() if s > 0] for record in records]
    freedom = sum(len(side) - 1 for side in sides if side)
    visits = sum(map(len, sides))
    levels = _levels(records)
    if freedom < 1:
        return Noise(None, visits, levels, "no cell was visited twice" if visits else "nothing was timed")
    squares = math.fsum((one - math.fsum(side) / len(side)) ** 2 for side in sides for one in side)
    return Noise(math.expm1(math.sqrt(squares / freedom)), visits, levels)


def _levels(records: list[CellRecord]) -> int | None:
    """The largest difference between a cell's pictures and those of its timed calls, which another process made."""
    timed = [record.timing.largest_pixel_difference for record in records if record.timing]
    return max((far for far in timed if far is not None), default=None)


def aa_pairs(view: RunView) -> tuple[str, ...]:
    """A sentence on each cell whose stack is `again`: the same pipeline twice, timed side by side in the run."""
    again = [cell for cell in view.done if label_of_stack(cell.settings.optimizations) == AGAIN and cell.reference]
    pairs = [(cell, view.cell(cell.reference)) for cell in again if cell.reference]
    return tuple(_aa_pair(view, cell, other) for cell, other in pairs if _is_plain(other))


def _is_plain(cell: CellRecord) -> bool:
    return cell.status == "done" and not cell.settings.optimizations


def _aa_pair(view: RunView, cell: CellRecord, reference: CellRecord) -> str:
    """ "DDIM · again, the same pipeline twice in the run: pictures identical, latency +0.4 % (−2.0 % to +2.9 %)"."""
    parts = [f"pictures {looks(view, cell, reference).sameness}"]
    timed = comparison_of(cell, "latency")
    if timed is not None and timed.difference is not None:
        bounds = timed.interval
        ends = f" ({percent(bounds.low, sign=True)} to {percent(bounds.high, sign=True)})" if bounds else ""
        parts.append(f"latency {percent(timed.difference, sign=True)}{ends}")
    return f"{cell.label}, the same pipeline twice in the run: {', '.join(parts)}."
