"""From a cell's stored pictures to its scores: features by a worker, numbers from the features, without torch here.

What cannot be scored is a score without a value. Where that lies in the nature of things (too few pictures, a model
without an extractor) the reason says so; where something broke, the score is marked as failed too and the run ends as
one with failed cells: it is not all there, and the same command tries it again.
"""

from __future__ import annotations

import json
import math
from typing import Any

from harness.catalog.metrics import CONVERGED, METRICS
from harness.errors import HarnessError, StoreError
from harness.plan.needs import used
from harness.plan.types import Cell, Plan
from harness.run.aggregate import Gathered, Scored, scored
from harness.run.desk import Desk
from harness.run.feature_requests import failure_of, features_made_in, have_features
from harness.run.ledger import now_ms
from harness.run.pictures import metadata_of
from harness.run.protocol import Extract
from harness.run.quality import hints_of
from harness.run.scoring_code import our_code, scoring_of
from harness.run.set_features import keys_of, look_at_set, reference_of, weights_against_set
from harness.run.station import Station
from harness.run.survey import weights_for
from harness.store.records import CellRecord, Failure, Score

_LIBRARIES = ("torch", "open-clip-torch", "transformers", "pillow", "scipy")  # those whose version a feature file names


def needed_weights(plan: Plan, cell: Cell) -> list[str]:
    """Names of the weights whose features a cell's metrics need."""
    return sorted(set(weights_for(plan, cell).values()))


def score_cell(desk: Desk, station: Station, record: CellRecord) -> CellRecord:
    """Score one cell whose pictures are all stored. What cannot be scored is ``None`` with its reason."""
    cell = desk.plan.cell(record.cell_id)
    failures = {name: _extract(desk, station, cell, record, name) for name in needed_weights(desk.plan, cell)}
    sets = {name: look_at_set(desk, station, name) for name in weights_against_set(desk.plan, cell)}
    rows = _rows(desk, record)
    scores = [_score(desk, cell, metric, failures, sets, rows) for metric in desk.plan.metrics_of(cell)]
    features = {n: _key(desk, cell, n) for n, failure in failures.items() if failure is None}
    return desk.ledger.cell(
        cell.id,
        rows=rows,
        status="done",
        scores=scores,
        features=features,
        features_made_in={name: features_made_in(desk, key) for name, key in features.items()},
        scoring=scoring_of(desk.plan, cell),
        scoring_code=our_code(),
        reference_set=desk.keys.reference_set.identity if sets and desk.keys.reference_set else "",
        reference_features={n: key for n, key in keys_of(desk.plan, desk.keys, cell).items() if sets[n] is None},
        failure=None,
        finished_ms=now_ms(),
    )


def _key(desk: Desk, cell: Cell, name: str) -> str:
    """Of the cell's features under one network; where its converged solution failed, of its pictures alone."""
    return desk.keys.features(cell, name, converged=lost_solution(desk, cell) is None)


def lost_solution(desk: Desk, cell: Cell) -> str | None:
    """Why making a cell's converged solution failed; ``None`` if it did not, or if the cell has none."""
    record = desk.ledger.cells.get(cell.converged or "")
    return record.failure.reason if record is not None and record.failure is not None else None


def _extract(desk: Desk, station: Station, cell: Cell, record: CellRecord, name: str) -> Failure | None:
    """Features of the cell's pictures under one network, unless the store has them."""
    key = _key(desk, cell, name)
    if have_features(desk, key):
        return None
    request = Extract(
        weights=desk.scorers[name],
        image_keys=tuple(batch.key for batch in record.batches),
        converged_keys=() if lost_solution(desk, cell) else tuple(desk.keys.converged(cell, name)),
        task=cell.settings.task,
        rows=desk.plan.rows_of(cell),
        hints=hints_of(desk, cell, desk.plan.rows_of(cell)),
        features_key=key,
        made_in=desk.run_id,
    )
    failure = failure_of(desk, station, request)
    if failure is not None:
        desk.go_on()
        desk.tell.say(f"not scored: {record.label}: {failure.reason}")
    return failure


def _rows(desk: Desk, record: CellRecord) -> list[dict[str, Any]]:
    """The per-image rows, before any metric has added its columns."""
    found = []
    where = {
        row_id: (batch.key, sha)
        for batch in record.batches
        for row_id, sha in zip(batch.rows, batch.image_sha256, strict=True)
    }
    for row in desk.plan.rows_of(desk.plan.cell(record.cell_id)):
        key, sha = where[row.id]
        looked_at = used(row, record.settings.task, record.settings.weights)
        plain = {name: json.dumps(value) if isinstance(value, list) else value for name, value in looked_at.items()}
        entry = {"row_id": row.id, "prompt_id": row.prompt_id, **plain, "batch_key": key, "image_sha256": sha}
        found.append(entry)
    return found


def _score(
    desk: Desk,
    cell: Cell,
    metric: str,
    failures: dict[str, Failure | None],
    sets: dict[str, Failure | None],
    rows: list[dict[str, Any]],
) -> Score:
    """One metric of the cell; its columns are added to the rows."""
    if metric == CONVERGED and (none := _without_solution(desk, cell, len(rows))) is not None:
        return none
    weights = weights_for(desk.plan, cell).get(metric)
    if weights is None:
        return _none(metric, len(rows), f"{cell.settings.model} has no {METRICS[metric].uses} of its own")
    unseen = sets.get(weights) if METRICS[metric].against_set else None
    failure = failures[weights] or unseen
    if failure is not None:
        told = failure.reason if failure is not unseen else f"its reference set: {failure.reason}"
        return _none(metric, len(rows), told, failed=True)
    try:
        result = _computed(desk, cell, metric, weights, rows)
    except StoreError:
        raise
    except Exception as error:  # one metric's trouble, whatever it is, must not take the run with it
        reason = error.happened if isinstance(error, HarnessError) else f"{type(error).__name__}: {error}"
        desk.tell.say(f"not scored: {cell.label}: {metric}: {reason}")
        return _none(metric, len(rows), reason, failed=True)
    for name, values in result.columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return result.score


def _without_solution(desk: Desk, cell: Cell, n: int) -> Score | None:
    """The score of a cell that has no converged solution, by its nature or because making it failed."""
    if cell.unconverged is not None:
        return _none(CONVERGED, n, cell.unconverged)
    lost = lost_solution(desk, cell)
    return None if lost is None else _none(CONVERGED, n, f"its converged solution failed: {lost}", failed=True)


def _computed(desk: Desk, cell: Cell, metric: str, weights: str, rows: list[dict[str, Any]]) -> Scored:
    """The metric from the stored features; its score names the libraries that made them."""
    gathered = Gathered(
        features=desk.store.get("features", _key(desk, cell, weights)),
        weights=desk.scorers[weights],
        digest=desk.keys.scorers[weights].digest,
        prompts=[row["prompt"] for row in rows],
        prompt_ids=[row["prompt_id"] for row in rows],
        reference=reference_of(desk, weights) if METRICS[metric].against_set else "it is held against no set",
    )
    found = scored(metric, gathered)
    if found.score.value is not None and not math.isfinite(found.score.value):
        raise ValueError("the features hold values that are not finite numbers")
    known = metadata_of(gathered.features)
    made_by = {**found.score.made_by, **{name: known[name] for name in _LIBRARIES if name in known}}
    if metric == CONVERGED and cell.converged is not None:
        made_by["converged_steps"] = desk.plan.cell(cell.converged).settings.num_inference_steps
    return Scored(found.score.model_copy(update={"made_by": made_by}), found.columns)


def _none(metric: str, n: int, reason: str, *, failed: bool = False) -> Score:
    row = METRICS[metric]
    return Score(metric=metric, name=metric, value=None, unit=row.unit, direction=row.direction, n=n, n_prompts=0,
                 interval=None, reason=reason, failed=failed)  # fmt: skip
