"""A pair of cells, and one metric of it on its way to a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from harness.compare.matching import RowPair, match_rows
from harness.compare.types import Finding
from harness.report.view import RunView
from harness.stats.pairing import Direction, in_unit
from harness.stats.verdict import Judged, Sample
from harness.store.records import BatchRef, CellRecord, Interval


@dataclass(frozen=True)
class CellPair:
    """A cell of the baseline (``old``) and the same cell of the run (``new``)."""

    baseline: RunView
    run: RunView
    old: CellRecord
    new: CellRecord

    @cached_property
    def _rows(self) -> tuple[tuple[RowPair, ...], int, int]:
        return match_rows(self.baseline, self.old, self.run, self.new)

    @property
    def rows(self) -> tuple[RowPair, ...]:
        """The rows that both have."""
        return self._rows[0]

    @property
    def only(self) -> tuple[int, int]:
        """How many rows only the baseline and only the run has."""
        return self._rows[1], self._rows[2]

    @cached_property
    def same_pictures(self) -> bool:
        """Whether the two name one stored result for every row: then nothing was made twice."""
        theirs, mine = _batches(self.old), _batches(self.new)
        keys = [(theirs.get(old.id), mine.get(new.id)) for old, new in self.rows]
        return bool(keys) and all(one is not None and other is not None and one.key == other.key for one, other in keys)


@dataclass(frozen=True)
class Case:
    """A metric before it is judged.

    ``finding`` is all that is known beforehand; it stands as it is where there is no ``sample``. ``spoilt``: why the
    sample can decide nothing, whatever it says. ``harms``: the baseline's row ids -> how much worse, in margins.
    """

    finding: Finding
    sample: Sample | None = None
    direction: Direction = "lower"
    spoilt: str | None = None
    harms: dict[str, float] | None = None


def settled(case: Case, judged: Judged | None) -> Finding:
    """The finding with what its sample said."""
    if judged is None:
        return case.finding
    relative = case.finding.relative
    low, mean, high = (
        in_unit(harm, direction=case.direction, relative=relative) for harm in (judged.low, judged.mean, judged.high)
    )
    bounds = None
    if low is not None and high is not None:
        bounds = Interval(low=min(low, high), high=max(low, high), level=judged.level, method=judged.method)
    return case.finding.model_copy(
        update={
            "verdict": "inconclusive" if case.spoilt else judged.verdict,
            "reason": case.spoilt or judged.reason,
            "difference": mean,
            "interval": bounds,
            "leaning_worse": judged.leaning_worse,
            "p": judged.p,
            "p_adjusted": judged.p_adjusted,
            "p_sign_flip": judged.p_sign_flip,
            "n": judged.n,
            "unit": case.sample.unit if case.sample is not None else "prompt",
            "n_to_settle": None if case.spoilt else judged.n_to_settle,
        }
    )


def _batches(cell: CellRecord) -> dict[str, BatchRef]:
    return {row: batch for batch in cell.batches for row in batch.rows}
