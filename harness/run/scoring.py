"""From a cell's stored pictures to its scores: features by a worker, numbers from the features, without torch here."""

from __future__ import annotations

from typing import Any

from harness.catalog.metrics import METRICS
from harness.plan.types import Cell, Plan
from harness.run.aggregate import Gathered, Scored, scored
from harness.run.desk import Desk
from harness.run.executor import call
from harness.run.ledger import now_ms
from harness.run.pictures import metadata_of
from harness.run.protocol import Extract
from harness.run.station import Station, raise_if_disk
from harness.run.survey import weights_for
from harness.store.records import CellRecord, Failure, Score


def needed_weights(plan: Plan, cell: Cell) -> list[str]:
    """Names of the weights whose features a cell's metrics need."""
    return sorted(set(weights_for(plan, plan.models[cell.settings.model]).values()))


def score_cell(desk: Desk, station: Station, record: CellRecord) -> CellRecord:
    """Score one cell whose pictures are all stored. What cannot be scored is ``None`` with its reason."""
    cell = desk.plan.cell(record.cell_id)
    failures = {name: _extract(desk, station, cell, record, name) for name in needed_weights(desk.plan, cell)}
    names = weights_for(desk.plan, desk.plan.models[cell.settings.model])
    rows = _rows(desk, record)
    scores = []
    for metric in desk.plan.metrics:
        failure = failures.get(names.get(metric, ""))
        if metric not in names:
            scores.append(_none(metric, len(rows), f"{cell.settings.model} has no {METRICS[metric].uses} of its own"))
        elif failure is not None:
            scores.append(_none(metric, len(rows), failure.reason))
        else:
            scores.append(_score(desk, cell, metric, names[metric], rows))
    features = {n: desk.keys.features(cell, n) for n, failure in failures.items() if failure is None}
    return desk.ledger.cell(
        cell.id,
        rows=rows,
        status="done",
        scores=scores,
        features=features,
        features_made_in={name: _maker(desk, key) for name, key in features.items()},
        failure=None,
        finished_ms=now_ms(),
    )


def _have(desk: Desk, key: str) -> bool:
    """Whether features need not be computed (under ``fresh``: this very run did)."""
    return desk.store.has("features", key) and (not desk.fresh or _maker(desk, key) == desk.run_id)


def _maker(desk: Desk, key: str) -> str:
    return metadata_of(desk.store.get("features", key)).get("made_in", "")


def _extract(desk: Desk, station: Station, cell: Cell, record: CellRecord, name: str) -> Failure | None:
    """Features of the cell's pictures under one network, unless the store has them."""
    key = desk.keys.features(cell, name)
    if _have(desk, key):
        return None
    request = Extract(
        weights=desk.scorers[name],
        image_keys=tuple(batch.key for batch in record.batches),
        prompts=tuple(row.prompt for row in desk.plan.rows),
        features_key=key,
        made_in=desk.run_id,
    )
    reply = call(station.worker(), request, desk.plan.cell_timeout_s)
    raise_if_disk(reply)
    if reply.failure is not None:
        desk.go_on()
        desk.tell.say(f"not scored: {record.label}: {reply.failure.reason}")
    return reply.failure


def _rows(desk: Desk, record: CellRecord) -> list[dict[str, Any]]:
    """The per-image rows, before any metric has added its columns."""
    found = []
    where = {
        row_id: (batch.key, sha)
        for batch in record.batches
        for row_id, sha in zip(batch.rows, batch.image_sha256, strict=True)
    }
    for row in desk.plan.rows:
        key, sha = where[row.id]
        entry = {"row_id": row.id, **row.model_dump(exclude={"id"}), "batch_key": key, "image_sha256": sha}
        found.append(entry)
    return found


def _score(desk: Desk, cell: Cell, metric: str, weights: str, rows: list[dict[str, Any]]) -> Score:
    gathered = Gathered(
        features=desk.store.get("features", desk.keys.features(cell, weights)),
        weights=desk.scorers[weights],
        digest=desk.keys.scorers[weights].digest,
        prompts=[row["prompt"] for row in rows],
        prompt_ids=[row["prompt_id"] for row in rows],
    )
    result: Scored = scored(metric, gathered)
    for name, values in result.columns.items():
        for row, value in zip(rows, values, strict=True):
            row[name] = value
    return result.score


def _none(metric: str, n: int, reason: str) -> Score:
    row = METRICS[metric]
    return Score(metric=metric, name=metric, value=None, unit=row.unit, direction=row.direction, n=n, n_prompts=0,
                 interval=None, reason=reason)  # fmt: skip
