"""The report on a terminal: the table at the end of a run, and one cell in full."""

from __future__ import annotations

import io
import shutil
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable
from rich.text import Text

from harness.catalog.stacks import label_of_stack
from harness.report.answer import answer
from harness.report.optimizations.proof import Proof, by_part, proofs
from harness.report.sentences import finding, score_text
from harness.report.table import DASH, Column, Row, Table, build_table
from harness.report.text import listing, mebibytes, moment, plural, seconds, seconds_span
from harness.report.view import RunView
from harness.store.measured import peak_bytes, peak_kind
from harness.store.records import CellRecord

_STYLES = {"improved": "bold blue", "equivalent": "green", "regressed": "red", "inconclusive": "yellow"}
_NARROW = 80
_MOST_CUT = 5  # lines on dropped words at the end of a run


def render_table(view: RunView, *, width: int | None = None, colour: bool = False) -> str:
    """The answer and the table, as text for a terminal."""
    table = build_table(view)
    said = answer(view)
    failed = [Text(f"{row.label}: {row.problem}", style="red") for row in table.rows if row.status == "failed"]
    lacking = [Text(line, style="dim") for line in _lacking(table)]
    words = [*lacking, Text(), Text(said.headline, style="bold"), *map(Text, said.details), *failed]
    return _print([_rich(table), *words], width, colour)


def _lacking(table: Table) -> list[str]:
    """Why numbers are missing that the table shows as a dash: each reason once, after what and whose they are."""
    done = [row for row in table.rows if row.numbers]
    reasons: dict[str, dict[str, list[str]]] = {}
    for column in _shown(table):
        for row in done:
            number = row.numbers[column.key]
            if number.value is None and number.applies and number.reason:
                reasons.setdefault(number.reason, {}).setdefault(column.key, []).append(row.label)
    return [f"{DASH} {_whose(found, len(done))}: {reason}" for reason, found in reasons.items()]


def _whose(found: dict[str, list[str]], cells: int) -> str:
    """What a reason is of: "kid and precision", with the cells where it is not all of them."""
    alike: dict[str, list[str]] = {}
    for key, labels in found.items():
        alike.setdefault(f" of {listing(labels)}" if len(labels) < cells else "", []).append(key)
    return "; ".join(f"{listing(keys)}{whose}" for whose, keys in alike.items())


def _shown(table: Table) -> list[Column]:
    """The columns that a terminal has room for."""
    return [column for column in table.columns if column.key not in ("throughput", "first_call", "load")]


def _rich(table: Table) -> RichTable:
    """Quality with its verdict, then what it costs; load and first call stay in the page."""
    rich = RichTable(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    rich.add_column("cell")
    if table.asks:
        rich.add_column("was it on")
    rich.add_column("calls", justify="right")
    shown = _shown(table)
    for column in shown:
        rich.add_column(Text(column.key), justify="right")
        if any(column.key in row.against for row in table.rows):
            rich.add_column("")
    for row in table.rows:
        rich.add_row(*_cells(row, shown, table))
    return rich


def _cells(row: Row, shown: list[Column], table: Table) -> list[Text]:
    label = Text(row.label + (" (reference)" if row.is_reference else ""))
    on = [Text(row.was_on)] if table.asks else []
    cells = [label, *on, Text(str(row.model_calls))]
    if row.problem:
        return [*cells, Text(row.status, style="red" if row.status == "failed" else "dim")]
    for column in shown:
        number = row.numbers[column.key]
        bounds = f" ({number.interval_text})" if number.interval else ""
        cells.append(Text(number.text + bounds))
        if any(column.key in other.against for other in table.rows):
            against = row.against.get(column.key)
            cells.append(
                Text(f"{against.mark} {against.verdict}", style=_STYLES[against.verdict]) if against else Text()
            )
    return cells


def _print(parts: list[RichTable | Text], width: int | None, colour: bool) -> str:
    with io.StringIO() as out:
        size = width or max(_NARROW, shutil.get_terminal_size((120, 24)).columns)
        console = Console(file=out, width=size, force_terminal=colour, no_color=not colour, highlight=False)
        for part in parts:
            console.print(part)
        return out.getvalue()


def render_cell(view: RunView, cell: CellRecord, *, width: int | None = None, colour: bool = False) -> str:
    """One cell in full: its settings, its numbers and comparisons, where its pictures lie, or why it has none."""
    lines = [cell.label, f"cell {cell.cell_id} of run {view.run.run_id}, {cell.status}", ""]
    for part in (_failure, _settings, _evidence, _numbers, _comparisons, _costs):
        lines += part(cell)
    lines += _pictures(view, cell)
    lines += _cut(cell) + [f"note: {note}" for note in cell.notes]
    return _print([Text("\n".join(lines))], width, colour)


def _failure(cell: CellRecord) -> list[str]:
    if cell.failure is None:
        return []
    return [
        f"failed, {cell.failure.kind}: {cell.failure.reason}",
        *([f"what to do: {cell.failure.do}"] if cell.failure.do else []),
        "",
    ]


def _settings(cell: CellRecord) -> list[str]:
    s = cell.settings
    loaded = cell.scheduler.get("class_name")
    scheduler = s.scheduler.label + (f" ({loaded})" if loaded and loaded != s.scheduler.label else "")
    knobs = s.model_dump(exclude={"height", "width", "scheduler", "optimizations"}, exclude_none=True)
    stack = label_of_stack(s.optimizations)
    facts = {**knobs, "scheduler": scheduler, "size": f"{s.height}x{s.width}", "optimizations": stack}
    return [f"  {name:<28}{value}" for name, value in facts.items()]


def _evidence(cell: CellRecord) -> list[str]:
    """Of each optimization, whether it was on, and what that rests on."""
    lines = [f"  {proof.requested}: {proof.outcome}{_seen(proof)}" for proof in proofs(cell)]
    return ["", *lines] if cell.status == "done" and lines else []


def _seen(proof: Proof) -> str:
    seen = [f"{part}: {'; '.join(looks)}" for part, looks in by_part(proof.evidence).items()]
    return f" ({'; '.join(seen)})" if seen else ""


def render_cut(cells: Sequence[CellRecord]) -> str:
    """What text encoders dropped of the rows' prompts, each row once; "" where nothing was."""
    lines = list(dict.fromkeys(line for cell in cells for line in _cut(cell)[1:]))
    rows = {row_id for cell in cells for row_id in cell.truncated}
    if not rows:
        return ""
    whose = "The prompt of 1 row was" if len(rows) == 1 else f"The prompts of {len(rows)} rows were"
    more = [f"  and {len(lines) - _MOST_CUT} more: the report has them"] if len(lines) > _MOST_CUT else []
    return "\n".join([f"{whose} cut:", *lines[:_MOST_CUT], *more])


def _cut(cell: CellRecord) -> list[str]:
    """What text encoders dropped of its prompts."""
    told = [(row_id, name, words) for row_id, dropped in cell.truncated.items() for name, words in dropped.items()]
    return ["", *(f"  cut by {name} from {row_id}: {words}" for row_id, name, words in told)] if told else []


def _numbers(cell: CellRecord) -> list[str]:
    return ["", *(f"  {score.name:<40}{score_text(score)}" for score in cell.scores)] if cell.scores else []


def _comparisons(cell: CellRecord) -> list[str]:
    if not cell.comparisons:
        return []
    lines = ["", f"  against {cell.reference}:"]
    for compared in cell.comparisons:
        reason = f"; {compared.reason}" if compared.reason else ""
        lines.append(f"    {compared.verdict:<14}{finding(compared)}{reason}")
    return lines


def _costs(cell: CellRecord) -> list[str]:
    if cell.timing is None:
        return ["", f"  not timed: {cell.timing_reason}"] if cell.timing_reason else []
    t = cell.timing
    bounds = t.latency_interval
    between = f" ({seconds_span(bounds.low, bounds.high)})" if bounds else ""
    calls = f"{plural(len(t.steady_s), 'call')} of batch {t.batch}"
    lines = ["", f"  latency {seconds(t.latency_s)} an image{between}, {calls}, measured in {t.measured_in}"]
    if (peak := peak_bytes(cell)) is not None:
        lines.append(f"  peak memory of steady calls {mebibytes(peak)} ({peak_kind(cell)})")
    return lines


def _pictures(view: RunView, cell: CellRecord) -> list[str]:
    """How many pictures there are, and whose they are."""
    counts: dict[str, int] = {}
    for batch in cell.batches:
        whose = "this run" if batch.made_in == view.run.run_id else f"run {batch.made_in}, {batch.made_at[:10]}"
        counts[whose] = counts.get(whose, 0) + len(batch.rows)
    lines = [f"  {plural(count, 'picture')} made in {whose}" for whose, count in counts.items()]
    return ["", *lines, f"  finished {moment(cell.finished_ms)}"] if lines else []
