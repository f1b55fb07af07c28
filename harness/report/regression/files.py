"""The report for programs: a CSV of every cell, and a JSON of the answer, the cells and the whole comparison."""

from __future__ import annotations

from harness.compare.outcome import exit_code
from harness.compare.strict import open_lines
from harness.report.files import RESULTS_VERSION, csv_text, json_text, made_json
from harness.report.regression.content import RegressionContent
from harness.report.regression.table import records


def regression_csv(content: RegressionContent) -> str:
    """One line a cell; empty is missing."""
    return csv_text([{k: "" if v is None else v for k, v in row.items()} for row in records(content.held)])


def regression_json(content: RegressionContent, *, public: bool) -> str:
    """Everything that the page says, as data; ``compared`` is what `harness compare --json` writes."""
    compared = content.held.compared
    left_out = {side: {"place"} for side in ("baseline", "run")} if public else None
    value = {
        "results_version": RESULTS_VERSION,
        "kind": "regression",
        "answer": content.answer,
        "exit_code": {"usual": int(exit_code(compared, strict=False)), "strict": int(exit_code(compared, strict=True))},
        "open": open_lines(compared),
        "leaning_worse_most": next(iter(content.open), None),
        "changed": list(content.changed),
        "caveats": list(content.caveats),
        "cells": records(content.held),
        "compared": compared.model_dump(mode="json", exclude=left_out),
        "made": made_json(content.sections),
    }
    return json_text(value)
