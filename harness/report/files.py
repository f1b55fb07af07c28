"""The report as data: a CSV of every number, and a small JSON of the answer, the table and the provenance."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.report.between_ends import Walk
from harness.report.content import Content
from harness.report.provenance import Section
from harness.report.table import Against, Number, Row, Table
from harness.report.view import RunView, own_knobs

RESULTS_VERSION = 1


def table_csv(view: RunView, table: Table) -> str:
    """Every number of the table with interval, count, verdict and reason, one line a cell; empty is missing."""
    knobs = list(dict.fromkeys(knob for cell in view.cells for knob in cell.swept))
    lines = [_record(view, table, row, knobs) for row in table.rows]
    return csv_text(lines)


def csv_text(lines: Sequence[Mapping[str, object]]) -> str:
    """Lines as CSV under every column that any of them has, in order of appearance; empty is missing."""
    header = list(dict.fromkeys(name for line in lines for name in line))
    with io.StringIO(newline="") as out:
        writer = csv.DictWriter(out, header, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _guarded(value) for name, value in line.items()} for line in lines)
        return out.getvalue()


def _guarded(value: object) -> object:
    """Text that a spreadsheet would run as a formula is quoted."""
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _record(view: RunView, table: Table, row: Row, knobs: list[str]) -> dict[str, object]:
    swept = own_knobs(view.cell(row.cell_id))
    record: dict[str, object] = {"cell": row.cell_id, "label": row.label}
    record |= {knob: swept.get(knob, "") for knob in knobs}
    record |= {"reference": row.is_reference, "status": row.status, "problem": row.problem or ""}
    record |= {"model_calls": row.model_calls, **({"was_on": row.outcome or ""} if table.asks else {})}
    for column in table.columns:
        if column.key in row.numbers:
            record |= _flat(column.key, row.numbers[column.key])
    for metric, against in row.against.items():
        record |= _flat_against(metric, against)
    return record


def _flat(key: str, number: Number) -> dict[str, object]:
    bounds = number.interval
    return {
        key: "" if number.value is None else number.value,
        f"{key}_low": bounds.low if bounds else "",
        f"{key}_high": bounds.high if bounds else "",
        f"{key}_level": bounds.level if bounds else "",
        f"{key}_n": "" if number.n is None else number.n,
        f"{key}_n_prompts": "" if number.n_prompts is None else number.n_prompts,
        f"{key}_reason": number.reason or "",
    }


def _flat_against(metric: str, against: Against) -> dict[str, object]:
    record, bounds = against.record, against.record.interval
    return {
        f"{metric}_difference": "" if record.difference is None else record.difference,
        f"{metric}_difference_low": bounds.low if bounds else "",
        f"{metric}_difference_high": bounds.high if bounds else "",
        f"{metric}_margin": record.margin,
        f"{metric}_verdict": record.verdict,
        f"{metric}_p_sign_flip": "" if record.p_sign_flip is None else record.p_sign_flip,
        f"{metric}_n_to_settle": "" if record.n_to_settle is None else record.n_to_settle,
        f"{metric}_smallest_effect": "" if record.smallest_effect is None else record.smallest_effect,
    }


def results_json(content: Content) -> str:
    """The report for programs. Numbers carry six significant digits; the store's records carry all."""
    view, table, said = content.view, content.table, content.said
    value = {
        "results_version": RESULTS_VERSION,
        "run": {
            "run_id": view.run.run_id,
            "name": view.run.name,
            "status": view.run.status,
            "question": view.plan.question,
        },
        "answer": {"headline": said.headline, "details": list(said.details), "cells": list(said.chosen)},
        "columns": [{"name": c.key, "unit": c.unit, "better": c.better, "made_by": c.hint} for c in table.columns],
        "cells": [_cell(view, row) for row in table.rows],
        "between_the_ends": [_walk(walk) for walk in content.between],
        "refused": [r.model_dump(mode="json") for r in view.plan.refused],
        "made": made_json(content.sections),
    }
    return json_text(value)


def made_json(sections: Sequence[Section]) -> dict[str, Any]:
    """How the run was made: title → facts, or the code."""
    return {s.title: s.code if s.code is not None else dict(s.facts) for s in sections}


def json_text(value: dict[str, Any]) -> str:
    """JSON as every report writes it."""
    return json.dumps(_rounded(value), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _cell(view: RunView, row: Row) -> dict[str, Any]:
    record = view.cell(row.cell_id)
    return {
        "cell": row.cell_id,
        "label": row.label,
        "swept": own_knobs(record),
        "reference": record.reference,
        "status": row.status,
        "problem": row.problem,
        "model_calls": row.model_calls,
        "was_on": row.outcome,
        "numbers": {key: _number(number) for key, number in row.numbers.items()},
        "comparisons": [c.model_dump(mode="json") for c in record.comparisons],
    }


def _walk(walk: Walk) -> dict[str, Any]:
    lines = [
        {"weight": line.weight, "position": line.score and line.score.value, "step": line.step} for line in walk.lines
    ]
    known = {"mean_step": walk.mean_step, "unevenness": walk.unevenness}
    return {"of": walk.title, **known, "weights": lines}


def _number(number: Number) -> dict[str, Any]:
    bounds = number.interval.model_dump(mode="json") if number.interval else None
    found = {"value": number.value, "interval": bounds, "n": number.n, "n_prompts": number.n_prompts}
    return found if number.reason is None else {**found, "reason": number.reason}


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    return [_rounded(item) for item in value] if isinstance(value, list) else value
