"""A pair of cells, and one metric of it on its way to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from harness.compare.matching import RowPair, match_rows
from harness.compare.types import TAKEN_OVER, Finding
from harness.report.view import RunView
from harness.stats.pairing import Direction, in_unit
from harness.stats.standing import NOTHING, Against, standing
from harness.stats.verdict import Judged, Sample
from harness.store.records import CellRecord, Interval


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
    def same_pictures(self) -> str | None:
        """Why every row's two pictures must be the same: by their bytes, never by their keys, for a key does not know
        what else was in the process that made them. ``None``: some are not, or there are none.
        """
        theirs, mine = _made(self.old), _made(self.new)
        pairs = [(theirs.get(old.id), mine.get(new.id)) for old, new in self.rows]
        if not pairs or any(one is None or other is None or one[0] != other[0] for one, other in pairs):
            return None
        once = all(one == other for one, other in pairs)
        return TAKEN_OVER if once else "every picture is identical"


@dataclass(frozen=True)
class Case:
    """A metric before it is judged.

    ``finding`` is all that is known beforehand; it stands as it is where there is no ``sample``. ``against``: what
    speaks against that. ``harms``: the baseline's row ids -> how much worse, in margins.
    """

    finding: Finding
    sample: Sample | None = None
    direction: Direction = "lower"
    against: Against = NOTHING
    harms: dict[str, float] | None = None


def settled(case: Case, judged: Judged | None) -> Finding:
    """The finding with what its sample said."""
    if judged is None:
        return case.finding
    relative = case.finding.relative
    low, mean, high = (
        in_unit(harm, direction=case.direction, relative=relative) for harm in (judged.low, judged.mean, judged.high)
    )
    bounds, left = None, standing(judged, case.against)
    if low is not None and high is not None:
        bounds = Interval(low=min(low, high), high=max(low, high), level=judged.level, method=judged.method)
    return case.finding.model_copy(
        update={
            "verdict": left.verdict,
            "reason": left.reason,
            "difference": mean,
            "interval": bounds,
            "leaning_worse": left.leaning_worse or _beyond(case, judged),
            "p": judged.p,
            "p_adjusted": judged.p_adjusted,
            "p_sign_flip": judged.p_sign_flip,
            "n": judged.n,
            "unit": case.sample.unit if case.sample is not None else "prompt",
            "n_to_settle": left.n_to_settle,
            "settles_unchanged": left.settles_unchanged,
            "smallest_effect": _size(left.smallest_effect, relative=relative),
        }
    )


def _beyond(case: Case, judged: Judged) -> bool:
    """Whether so few that they have no interval have a mean beyond the margin: that leans too."""
    few = judged.low is None and case.against.void is None
    return few and judged.mean is not None and judged.mean > judged.margin


def _size(harm: float | None, *, relative: bool) -> float | None:
    """A harm's size as a difference has it; it has no sign."""
    return None if harm is None else math.expm1(harm) if relative else harm


def _made(cell: CellRecord) -> dict[str, tuple[str, str]]:
    """Row id -> the SHA-256 of its picture, and the run that made it."""
    return {
        row: (total, batch.made_in)
        for batch in cell.batches
        for row, total in zip(batch.rows, batch.image_sha256, strict=True)
    }
