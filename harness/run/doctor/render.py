"""The examination for a terminal: the verdict, the facts, the rows of the catalogs, and the lines that open more."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from harness.catalog.models import MODELS
from harness.catalog.tasks import TASKS
from harness.run.doctor.remedies import remedies
from harness.run.doctor.rows import CATALOGS
from harness.run.doctor.types import Examination, Facts, Package, Part
from harness.run.doctor.words import facts_in_words, gigabytes

_NARROWEST, _PIPED = 60, 100
_STYLES = {"open": "green", "closed": "red", "refused": "dim", "unknown": "yellow"}
_STATUSES = ("open", "closed", "refused", "unknown")


def render(found: Examination, *, width: int | None = None, colour: bool = False) -> str:
    """Everything as text, ``width`` columns wide: the terminal's, or 100 where there is none."""
    wide = width or max(shutil.get_terminal_size((_PIPED, 24)).columns, _NARROWEST)
    console = Console(file=io.StringIO(), width=wide, force_terminal=colour, highlight=False)
    console.print(_verdict(found))
    for title, body in _sections(found):
        console.print()
        console.print(Text(title, style="bold"))
        console.print(Padding(body, (0, 0, 0, 2)))
    _print_remedies(console, found)
    assert isinstance(console.file, io.StringIO)
    return "\n".join(line.rstrip() for line in console.file.getvalue().splitlines())


def _verdict(found: Examination) -> Text:
    if found.miniature.status == "open":
        return Text("The shipped miniature runs on this machine: `harness run quickstart`.", style="bold green")
    reasons = "\n".join(f"  {lack.reason}" for lack in found.miniature.lacks)
    return Text(f"The shipped miniature cannot run on this machine:\n{reasons}", style="bold red")


def _sections(found: Examination) -> Iterable[tuple[str, Table]]:
    for title, pairs in facts_in_words(found.facts).items():
        yield title, _pairs(pairs)
    yield "packages", _packages(found.facts)
    yield "weights from the hub", _weights(found.facts)
    yield "what this opens", _counts(found)
    yield "optimizations", _optimizations(found)
    yield "tasks and models (– is refused on every machine)", _matrix(found)


def _table(*columns: str, header: bool = True, gap: int = 2) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0), show_header=header)
    for column in columns:
        table.add_column(column)
    return table


def _pairs(pairs: Iterable[tuple[str, str]]) -> Table:
    table = _table("", "", header=False)
    table.columns[0].no_wrap = True
    for name, value in pairs:
        table.add_row(Text(name), Text(value))
    return table


def _packages(facts: Facts) -> Table:
    """Those that the miniature needs and that work in one row; each other one with its state."""
    sound = [one for one in facts.packages if one.needed and one.state == "works"]
    table = _pairs([("needed, and work", ", ".join(f"{one.name} {one.version}" for one in sound) or "none")])
    for one in facts.packages:
        if one not in sound:
            table.add_row(Text(f"{one.name}{'' if one.needed else ' (optional)'}"), _state(one))
    return table


def _state(one: Package) -> Text:
    version = "" if one.version is None else f" {one.version}"
    style = "" if one.state == "works" else "red" if one.needed else "dim"
    return Text(f"{one.state}{version}, for {one.purpose}", style=style)


def _weights(facts: Facts) -> Table:
    """A part that is absent with what a download brings, one that is here with what it takes."""
    table = _table("of", "part", "repository", "here", "size", gap=1)
    table.columns[4].justify = "right"
    for one in facts.parts:
        if one.kind == "hub":
            size = one.bytes if one.here else one.missing_bytes
            words = (one.owner, one.what, one.where, _presence(one), gigabytes(size))
            table.add_row(*map(Text, words), style="green" if one.here else "")
    return table


def _presence(one: Part) -> str:
    if one.here:
        return "whole"
    return "elsewhere" if one.elsewhere else "absent" if one.bytes is None else "not whole"


def _counts(found: Examination) -> Table:
    table = _table("catalog", *_STATUSES)
    for column in table.columns[1:]:
        column.justify = "right"
    for catalog in CATALOGS:
        states = [row.status for row in found.rows if row.catalog == catalog]
        table.add_row(catalog, *(Text(str(states.count(one)) if one in states else "–") for one in _STATUSES))
    return table


def _optimizations(found: Examination) -> Table:
    """Their names by what this machine says of them: what a spec may ask for here."""
    rows = [row for row in found.rows if row.catalog == "optimizations"]
    named = {one: [row.name for row in rows if row.status == one] for one in _STATUSES}
    where = {"refused": "refused (everywhere)"}
    return _pairs((where.get(one, one), ", ".join(names)) for one, names in named.items() if names)


def _matrix(found: Examination) -> Table:
    states = {row.name: row.status for row in found.rows if row.catalog == "tasks"}
    table = _table("", *MODELS, gap=1)
    for task in TASKS:
        table.add_row(task, *(_cell(states.get(f"{task} with {model}", "unknown")) for model in MODELS))
    return table


def _cell(status: str) -> Text:
    return Text("–" if status == "refused" else status, style=_STYLES[status])


def _print_remedies(console: Console, found: Examination) -> None:
    """Each line, unbroken, with its reasons and the rows that it opens; then what no line opens."""
    known = sorted(remedies(found), key=lambda one: one.line is None)
    if known:
        console.print(Text("\nwhat is closed, and the line that opens it", style="bold"))
    said = ""
    for one in known:
        if one.line:
            console.print(Text(f"  $ {one.line}", style="bold"), soft_wrap=True)
        else:
            console.print(Padding(Text(f"– {one.reasons[0]}"), (0, 0, 0, 2)))
        reasons = one.reasons if one.line else one.reasons[1:]
        do = [one.do] if one.do and one.do != said else []
        console.print(Padding(Text("\n".join([*reasons, *do, one.opens])), (0, 0, 0, 6)))
        said = one.do if one.line else ""
