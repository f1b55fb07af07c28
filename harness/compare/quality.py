"""The metrics of pictures: paired by row, averaged by prompt, judged against the margin that was stated before."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.catalog.metrics import MARGINS, METRICS
from harness.compare.cases import Case, CellPair
from harness.compare.margins import Margins
from harness.compare.types import Finding
from harness.plan.margins import absolute_margin
from harness.report.view import RunView, score_of
from harness.stats.pairing import Paired, pair, paired_harm
from harness.stats.verdict import PairedSample
from harness.store.records import CellRecord, Score

#: What a score is made with that may differ: a changed library is what is compared.
_MAY_DIFFER = ("torch", "open-clip-torch", "transformers", "pillow", "scipy", "verified")
SCORED_OTHERWISE = "every picture is identical and yet scored otherwise: the scorer has changed, not the pictures"
_LAST_DIGITS = 0.2  # of the margin: what another library or processor may move a score of the same picture by
Values = dict[str, float]  # the baseline's row id -> value


def quality_cases(cells: CellPair, margins: Margins) -> list[Case]:
    """Every metric that either side was scored by, in the baseline's order."""
    metrics = dict.fromkeys(score.metric for record in (cells.old, cells.new) for score in record.scores)
    return [_case(cells, metric, margins.get(metric)) for metric in metrics]


def _case(cells: CellPair, metric: str, margin: float | str | None) -> Case:
    old, new = score_of(cells.old, metric), score_of(cells.new, metric)
    known = Finding(metric=metric, verdict="not comparable", baseline=_value(old), run=_value(new), margin=None)
    known = known.model_copy(update={"owed": _is_owed(known, margin)})
    if old is None or new is None:
        return _told(known, f"the {'baseline' if old is None else 'run'} was not scored by it")
    if new.failed and not old.failed:
        return _told(known, f"a new failure: {new.reason}", "regressed")
    if old.failed or new.failed:
        return _told(known, f"it could not be made: {(old if old.failed else new).reason}")
    if other := _made_otherwise(old, new):
        return _told(known, f"the two are scored by different things: {other}")
    unjudged = _unjudged(metric)
    return _told(known, unjudged, "no verdict") if unjudged else _paired(cells, known, margin)


def _is_owed(known: Finding, margin: float | str | None) -> bool:
    """Whether the baseline can ask for a verdict."""
    stated = margin is not None and known.metric in MARGINS and _unjudged(known.metric) is None
    return stated and known.baseline is not None


def _unjudged(metric: str) -> str | None:
    """Why no verdict is made of a metric, whatever its numbers."""
    if metric not in METRICS:
        return "no package here brings this metric: install the plug-in that does"
    return None if METRICS[metric].per_image else "no verdict rests on a distance of whole sets"


def _value(score: Score | None) -> float | None:
    return score.value if score is not None else None


def _told(finding: Finding, reason: str, verdict: str = "not comparable") -> Case:
    owed = finding.owed and verdict == "not comparable"
    return Case(finding.model_copy(update={"verdict": verdict, "reason": reason, "owed": owed}))


def _made_otherwise(old: Score, new: Score) -> str:
    """What differs in the making of two scores, or nothing."""
    theirs, mine = making(old), making(new)
    names = [name for name in {**theirs, **mine} if theirs.get(name) != mine.get(name)]
    return ", ".join(f"{name} {_short(theirs.get(name))} and {_short(mine.get(name))}" for name in names)


def making(score: Score) -> dict[str, Any]:
    """What made a score, as far as two must share it to be compared."""
    left_out = (*_MAY_DIFFER, *(("weights",) if "weights_digest" in score.made_by else ()),
                *(("reference",) if "reference_digest" in score.made_by else ()))  # fmt: skip
    return {name: value for name, value in score.made_by.items() if name not in left_out}


def _short(value: Any) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _paired(cells: CellPair, known: Finding, margin: float | str | None) -> Case:
    metric = known.metric
    theirs = _column(cells.baseline, cells.old, metric, {old.id: old.id for old, _ in cells.rows})
    mine = _column(cells.run, cells.new, metric, {new.id: old.id for old, new in cells.rows})
    strange = [_strange(values, side) for values, side in ((theirs, "baseline"), (mine, "run"))]
    if any(strange):
        return _told(known, f"{' and '.join(filter(None, strange))}: no verdict is made of that", "inconclusive")
    pairs = pair(mine, theirs, {old.id: old.prompt_id for old, _ in cells.rows})
    if not len(pairs.cell):
        return _told(known, f"no row has a {metric} in both runs")
    known = known.model_copy(
        update={
            "owed": False,
            "baseline": float(pairs.reference.mean()),
            "run": float(pairs.cell.mean()),
            "difference": float((pairs.cell - pairs.reference).mean()),
            "n": len(pairs.cell),
            "notes": _left_out(cells, pairs),
        }
    )
    if margin is None or metric not in MARGINS:
        return _told(known, "no margin was stated for it before the run", "no verdict")
    return _judgeable(cells, known, pairs, margin, theirs, mine)


def _judgeable(
    cells: CellPair, known: Finding, pairs: Paired, margin: float | str, theirs: Values, mine: Values
) -> Case:
    row = METRICS[known.metric]
    limit = absolute_margin(margin, known.metric, float(pairs.reference.mean()))
    known = known.model_copy(update={"margin": limit})
    if cells.same_pictures is not None and theirs == mine:
        return _told(known, cells.same_pictures, "equivalent")
    if cells.same_pictures is not None and _far(theirs, mine) > limit * _LAST_DIGITS:
        return _told(known.model_copy(update={"owed": True}), SCORED_OTHERWISE)
    harm = paired_harm(pairs.cell, pairs.reference, direction=row.direction)
    sample = PairedSample(f"{cells.old.cell_id}:{known.metric}", harm, limit, share=row.unit == "share")
    sign = 1.0 if row.direction == "lower" else -1.0
    harms = {row_id: sign * (mine[row_id] - theirs[row_id]) / (limit or 1.0) for row_id in mine if row_id in theirs}
    return Case(known, sample, row.direction, harms=harms)


def _far(theirs: Values, mine: Values) -> float:
    return max((abs(value - theirs[row]) for row, value in mine.items() if row in theirs), default=0.0)


def _left_out(cells: CellPair, pairs: Paired) -> tuple[str, ...]:
    lacking = len(cells.rows) - pairs.n_rows
    return (f"{lacking} of {len(cells.rows)} shared rows have no value on one side",) if lacking else ()


def _column(view: RunView, cell: CellRecord, metric: str, called: dict[str, str]) -> Values:
    """The cell's values by the baseline's row ids, those that are there."""
    rows = view.image_values(cell.cell_id)
    found = {name: rows[row_id].get(metric) for row_id, name in called.items() if row_id in rows}
    return {name: float(value) for name, value in found.items() if value is not None}


def _strange(values: Values, side: str) -> str:
    odd = int(np.sum(~np.isfinite(list(values.values())))) if values else 0
    return f"{odd} of {len(values)} pictures of the {side} have a value that is no finite number" if odd else ""
