"""A pair of cells, and one metric of it on its way to a verdict."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

from harness.compare.matching import RowPair, match_rows
from harness.compare.types import Finding
from harness.report.view import RunView
from harness.stats.pairing import Direction, in_unit
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
        return "one stored result serves both runs: nothing was made anew" if once else "every picture is identical"


@dataclass(frozen=True)
class Case:
    """A metric before it is judged.

    ``finding`` is all that is known beforehand; it stands as it is where there is no ``sample``. ``spoilt``: why the
    sample can decide nothing, whatever it says. ``drifted``: why it cannot show sameness. ``harms``: the baseline's row
    ids -> how much worse, in margins.
    """

    finding: Finding
    sample: Sample | None = None
    direction: Direction = "lower"
    spoilt: str | None = None
    drifted: str | None = None
    harms: dict[str, float] | None = None


def settled(case: Case, judged: Judged | None) -> Finding:
    """The finding with what its sample said."""
    if judged is None:
        return case.finding
    relative = case.finding.relative
    low, mean, high = (
        in_unit(harm, direction=case.direction, relative=relative) for harm in (judged.low, judged.mean, judged.high)
    )
    bounds, moved = None, case.drifted if judged.verdict in ("equivalent", "inconclusive") else None
    if low is not None and high is not None:
        bounds = Interval(low=min(low, high), high=max(low, high), level=judged.level, method=judged.method)
    return case.finding.model_copy(
        update={
            "verdict": "inconclusive" if case.spoilt or moved else judged.verdict,
            "reason": case.spoilt or moved or judged.reason,
            "difference": mean,
            "interval": bounds,
            "leaning_worse": judged.leaning_worse,
            "p": judged.p,
            "p_adjusted": judged.p_adjusted,
            "p_sign_flip": judged.p_sign_flip,
            "n": judged.n,
            "unit": case.sample.unit if case.sample is not None else "prompt",
            "n_to_settle": None if case.spoilt or moved else judged.n_to_settle,
            "settles_unchanged": judged.settles_unchanged and not (case.spoilt or moved),
            "smallest_effect": None if case.spoilt else _size(judged.smallest_effect, relative=relative),
        }
    )


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
