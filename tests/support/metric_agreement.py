"""Write docs/metrics.md: the catalog's metrics, and how far each was measured to be from its reference.

``PYTHONPATH=tests python -m support.metric_agreement`` measures (minutes) and writes; ``--only pictures`` or ``--only
sets`` measures one half and keeps the other's numbers; ``--page`` measures nothing. `nox -s metrics` installs the
references and calls it.
"""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from support.agreement import ABSENT, Agreement, failures
from support.references import FOLDER

from harness.catalog.metrics import DIVERSITY, METRICS, SHIPPED
from harness.catalog.tasks import TASKS
from harness.catalog.types import MetricRow, WeightsRow
from harness.catalog.weights import WEIGHTS
from harness.score.frechet import DIAGNOSTIC

ROOT = Path(__file__).parents[2]
TEMPLATE = Path(__file__).with_name("metrics_page.md")
PAGE, MEASURED = ROOT / "docs" / "metrics.md", ROOT / "docs" / "metric-agreement.json"
_METRICS = ("metric", "tasks", "better", "unit", "least n", "made with", "paper or source", "note")
_WEIGHTS = ("name", "makes", "where", "network", "resize", "verified here", "note")
_AGREEMENT = ("metric", "reference", "case", "ours", "theirs", "difference", "bar", "")
Lines = dict[str, list[dict[str, Any]]]


def measure(half: str) -> list[Agreement]:
    """One half of the table."""
    if half == "pictures":
        from support.picture_metric_agreement import rows
    else:
        from support.set_metric_agreement import rows
    return rows()


def measured() -> Lines:
    """What was measured last, by half; empty before."""
    return json.loads(MEASURED.read_text(encoding="utf-8")) if MEASURED.is_file() else {}


def text(found: Lines) -> str:
    """The page."""
    tables = {
        "metrics": _lines(_METRICS, (_metric(METRICS[name]) for name in SHIPPED)),
        "weights": _lines(_WEIGHTS, (_weights(row) for row in WEIGHTS.values() if row.name != "pixels")),
        "agreement": _lines(_AGREEMENT, map(_agreement, (*found.get("sets", []), *found.get("pictures", [])))),
        "without": ", ".join(f"`{name}`" for name in without_reference(found)),
    }
    page = TEMPLATE.read_text(encoding="utf-8")
    for slot, table in tables.items():
        page = page.replace(f"{{{slot}}}", table)
    return page


def without_reference(found: Lines) -> list[str]:
    """The catalog's metrics that no reference implementation was run for."""
    held = {line["metric"] for half in found.values() for line in half}
    return [name for name in SHIPPED if name not in held]


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, ["---"] * len(head), *rows))


def _metric(row: MetricRow) -> list[str]:
    tasks = "all" if set(row.tasks) == set(TASKS) else ", ".join(row.tasks)
    made = "pixels" if row.uses == "pixels" else f"{row.uses} weights"
    return [f"`{row.name}`", tasks, row.direction, row.unit, _least(row), made, row.source, row.notes]


def _least(row: MetricRow) -> str:
    """Of prompts; ``d``: the features that the network makes."""
    if row.least_n is None:
        return f"2·d, at most {DIAGNOSTIC:,}"
    if row.name == DIVERSITY:
        return f"{row.least_n}, of two seeds"
    return f"{row.least_n}, or 2·d where less" if row.against_set else str(row.least_n)


def _weights(row: WeightsRow) -> list[str]:
    where = "closed" if row.place is None else f"{row.place.kind}: {row.place.where}"
    note = "; ".join(filter(None, (row.notes, row.closed)))
    return [f"`{row.name}`", row.kind, where, row.architecture, row.resize, "yes" if row.verified else "no", note]


def _agreement(line: dict[str, Any]) -> list[str]:
    """What could not be compared says so; what is no number although its reference was there does not agree."""
    if line["difference"] is None:
        absent = ABSENT in line["reference"]
        return [
            f"`{line['metric']}`",
            line["reference"],
            line["case"],
            "–",
            "–",
            "–",
            f"{line['bar']:.0e}",
            "no number" if absent else "**does not agree**: no number",
        ]
    told = "agrees" if line["difference"] <= line["bar"] else "**does not agree**"
    values = [f"{line[key]:.9g}" for key in ("ours", "theirs")]
    return [f"`{line['metric']}`", line["reference"], line["case"], *values, f"{line['difference']:.1e}",
            f"{line['bar']:.0e}", told]  # fmt: skip


def _plain(line: Agreement) -> dict[str, Any]:
    return {key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in asdict(line).items()}  # fmt: skip


def main() -> int:
    """Measure and write; 1 if something does not agree, or if the folder of references lacks one of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", choices=("pictures", "sets"))
    parser.add_argument("--page", action="store_true", help="write the page from what was measured last")
    asked = parser.parse_args()
    found = measured()
    halves = () if asked.page else (asked.only,) if asked.only else ("pictures", "sets")
    for half in halves:
        found[half] = [_plain(line) for line in measure(half)]
        MEASURED.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(text(found), encoding="utf-8")
    strict = bool(halves and os.environ.get(FOLDER))
    return int(bool(failures([_line(line) for half in found.values() for line in half], strict=strict)))


def _line(known: dict[str, Any]) -> Agreement:
    return Agreement(**{key: math.nan if value is None else value for key, value in known.items()})


if __name__ == "__main__":
    raise SystemExit(main())
