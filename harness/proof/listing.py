"""The catalog of schedulers as a table and as data. Imports no torch."""

from __future__ import annotations

import io
import shutil
from typing import Any, Literal

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.catalog.diffusers_table import table
from harness.catalog.scheduler_rows import SLOW, VARIANTS
from harness.catalog.schedulers import claimed_order, is_stochastic, schedulers
from harness.catalog.types import SchedulerRow, SchedulerVariant
from harness.proof.naming import named

ADAPTER: dict[str, str] = {
    "none": "none",
    "calls": "mends its calls",
    "sigma": "rescales latents",
    "edm": "rescales, undoes preconditioning",
}
CALLS: dict[str, str] = {"one": "1", "two": "2", "pndm": "1, and 9 at the start"}
_LEAST_WIDTH, _PIPED_WIDTH = 60, 100


def listing_json() -> dict[str, Any]:
    """The rows and the variants, in plain types."""
    return {
        "diffusers": table()["diffusers"],
        "classes": [_row_json(row) for row in schedulers().values()],
        "variants": [_variant_json(one) for one in VARIANTS],
    }


_FOOT = """
order: of the solver, by its authors' claim; noise: it draws some in each step. calls: of the model, for each step.
adapter: what the harness does for it. Which one to use, at how many steps: reports/scheduler-comparison/report.md.
In a spec: `scheduler: {DPMSolverMultistep: {use_karras_sigmas: true}}`; what may be forced: `{LCM: {force: true}}`.
`harness schedulers check [NAME …]` proves it, in diffusers' own pipelines; docs/schedulers.md has the result."""


def render_listing(width: int | None = None) -> str:
    """Right ones with their variants, then the refused ones with their reasons."""
    rows = list(schedulers().values())
    right = [row for row in rows if row.verdict == "right"]
    refused = [row for row in rows if row.verdict == "refused"]
    console = _console(width)
    known = _known_variants()
    slow = sum(one in SLOW for one in known)
    of = f"{len(right)} of diffusers {table()['diffusers']}'s {len(rows)} schedulers are right under Kandinsky."
    console.print(Text(f"{of}\nOf {len(known)} variants {slow} converge slowly.", style="bold"))
    console.print(_right_table(right))
    console.print(Text(f"\n{len(refused)} are refused:", style="bold"))
    console.print(_refused_table(refused))
    console.print(Text(_FOOT))
    output: Any = console.file
    return str(output.getvalue()).rstrip("\n")


def _console(width: int | None) -> Console:
    wide = width or max(shutil.get_terminal_size((_PIPED_WIDTH, 24)).columns, _LEAST_WIDTH)
    return Console(file=io.StringIO(), width=wide, force_terminal=False, highlight=False)


def _known_variants() -> list[SchedulerVariant]:
    return [one for one in VARIANTS if schedulers()[one.name].verdict == "right"]


def _right_table(rows: list[SchedulerRow]) -> Table:
    made = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    columns: tuple[tuple[str, Literal["left", "right"]], ...] = (
        ("scheduler", "left"), ("order", "right"), ("calls", "right"), ("adapter", "left"), ("proven with", "left"),
    )  # fmt: skip
    for name, side in columns:
        made.add_column(name, justify=side, overflow="fold", no_wrap=name == "scheduler")
    for row in rows:
        others = [(_own_words(one), one in SLOW) for one in VARIANTS if one.name == row.name]
        words = "; ".join(f"{word} (slow)" if slow else word for word, slow in others if word)
        made.add_row(row.name, order_text(row), CALLS[row.calls], ADAPTER[row.adapter], words or "defaults only")
    return made


def _refused_table(rows: list[SchedulerRow]) -> Table:
    made = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    made.add_column(no_wrap=True)
    made.add_column(overflow="fold")
    for row in rows:
        made.add_row(row.name, Text(row.reason + (" (may be forced)" if row.forcible else "")))
    return made


def order_text(row: SchedulerRow) -> str:
    """The claimed order, or that each step draws noise."""
    return "noise" if row.order is None else str(row.order)


def _own_words(variant: SchedulerVariant) -> str:
    return named(variant).removeprefix(variant.name).strip(" ()")


def _row_json(row: SchedulerRow) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude={"parameters"})


def _variant_json(variant: SchedulerVariant) -> dict[str, Any]:
    known = (variant.name, variant.config, variant.step)
    return {
        **variant.model_dump(mode="json"),
        "claimed_order": claimed_order(*known),
        "stochastic": is_stochastic(*known),
    }
