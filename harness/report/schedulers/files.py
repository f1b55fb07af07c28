"""The comparison for programs: a CSV of every cell, and a JSON of the recommendation, the needs and the cells."""

from __future__ import annotations

from typing import Any

from harness.report.files import RESULTS_VERSION, csv_text, json_text, made_json
from harness.report.schedulers.advice import Advice
from harness.report.schedulers.content import SchedulerContent
from harness.report.schedulers.front import MEANING
from harness.report.schedulers.needs import Need
from harness.report.schedulers.table import records


def scheduler_csv(content: SchedulerContent) -> str:
    """One line a cell; empty is missing."""
    return csv_text([{key: "" if value is None else value for key, value in row.items()} for row in records(content)])


def scheduler_json(content: SchedulerContent) -> str:
    """Everything that the page says, as data."""
    view = content.view
    run = {"run_id": view.run.run_id, "name": view.run.name, "status": view.run.status, "question": view.plan.question}
    value = {
        "results_version": RESULTS_VERSION,
        "kind": "schedulers",
        "run": run,
        "metrics": list(content.sweep.metrics),
        "recommendations": [
            {"model": of.model, "headline": of.headline, "settings": [_advice(advice) for advice in of.grounds]}
            for of in content.advice
        ],
        "verdicts": content.verdicts or None,
        "needs": [_need(need) for need in content.needs],
        "cells": records(content),
        "front": MEANING,
        "strips": [{"of": s.title, "row": s.row.id, "rule": s.chosen.rule} for s in content.strips],
        "caveats": list(content.caveats),
        "refused": [refusal.model_dump(mode="json") for refusal in view.plan.refused],
        "made": made_json(content.sections),
    }
    return json_text(value)


def _advice(advice: Advice) -> dict[str, Any]:
    return {
        "at": advice.ground.title,
        "chosen": advice.chosen.cell.cell_id if advice.chosen else None,
        "tied": [point.cell.cell_id for point in advice.tied],
        "sentence": advice.sentence,
        "remarks": list(advice.remarks),
    }


def _need(need: Need) -> dict[str, Any]:
    return {
        "model": need.ground.model,
        "at": need.ground.title,
        "scheduler": need.scheduler,
        "fewest_steps": need.fewest.steps if need.fewest else None,
        "cell": need.fewest.cell.cell_id if need.fewest else None,
        "said": need.headline,
        "remarks": list(need.remarks),
        "outcomes": {str(p.steps): p.standing for p in (*need.judged, *need.without)},
    }
