"""The audit for programs: a CSV of every cell, and a JSON of the answer, the evidence, the ladder and the cells."""

from __future__ import annotations

from typing import Any

from harness.report.files import RESULTS_VERSION, csv_text, json_text, made_json
from harness.report.optimizations.audit import Audited
from harness.report.optimizations.content import AuditContent
from harness.report.optimizations.ladder import Rung, ladder
from harness.report.optimizations.table import records
from harness.stats.ratio import OverVisits


def audit_csv(content: AuditContent) -> str:
    """One line a cell; empty is missing."""
    return csv_text([{k: "" if v is None else v for k, v in row.items()} for row in records(content.audit)])


def audit_json(content: AuditContent) -> str:
    """Everything that the page says, as data."""
    view, shown = content.view, content.beside
    run = {"run_id": view.run.run_id, "name": view.run.name, "status": view.run.status, "question": view.plan.question}
    value = {
        "results_version": RESULTS_VERSION,
        "kind": "optimizations",
        "run": run,
        "answers": [
            {"of": a.family.title, "headline": a.headline, "chosen": a.chosen.cell.cell_id if a.chosen else None}
            for a in content.answers
        ],
        "flagged": [{"cell": name, "fault": fault} for name, fault in content.flagged],
        "cells": records(content.audit),
        "evidence": [entry for one in content.audit.cells for entry in _evidence(one)],
        "latents": {one.cell.cell_id: list(one.divergence.steps) for one in content.audit.cells if one.divergence},
        "ladder": [_rung(rung) for family in content.audit.families for rung in ladder(family)],
        "unavailable": [{"stack": name, "reason": reason} for name, reason in content.unavailable],
        "refused": [{"stack": name, "reason": reason} for name, reason in content.refused],
        "pictures": {"factor": shown.factor, "rule": shown.rule} if shown else None,
        "caveats": list(content.caveats),
        "made": made_json(content.sections),
    }
    return json_text(value)


def _evidence(one: Audited) -> list[dict[str, Any]]:
    cell_id = one.cell.cell_id
    return [
        {"cell": cell_id, "requested": proof.requested, "outcome": proof.outcome,
         "found": [evidence.model_dump(mode="json") for evidence in proof.evidence]}
        for proof in one.proofs
    ]  # fmt: skip


def _rung(rung: Rung) -> dict[str, Any]:
    saved = rung.memory
    return {
        "added": rung.added, "below": rung.below.cell.cell_id, "cell": rung.one.cell.cell_id,
        "speed_up": _over_visits(rung.speed), "saved_bytes": _over_visits(saved.bytes if saved else None),
        "saved_share": _over_visits(saved.share if saved else None), "speed_up_so_far": _over_visits(rung.one.speed),
    }  # fmt: skip


def _over_visits(found: OverVisits | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {"value": found.value, "low_95": found.low, "high_95": found.high, "visits": found.n, "reason": found.reason}
