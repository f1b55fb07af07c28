"""The report of two environments: what is installed first, then the comparison of their runs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.base import Frozen
from harness.compare.markdown import render_markdown
from harness.compare.outcome import headline
from harness.compare.outputs import put
from harness.compare.terminal import render
from harness.compare.types import Compared
from harness.compare.whole import Wanted, compare_whole, said, way_to
from harness.report.markdown import escape, table_line
from harness.report.text import plural
from harness.store.records import Pair
from harness.store.store import open_store

SCHEMA_VERSION = 1
_ABSENT = "—"


class Environment(Frozen):
    """One of the two; ``python`` is its version."""

    name: str
    run_id: str
    python: str
    installed: dict[str, str]


class AbReport(Frozen):
    """Everything, as data. ``notes``: what the environments' diffusers say otherwise than the plan's."""

    schema_version: int = SCHEMA_VERSION
    environments: tuple[Environment, Environment]
    rounds: int
    notes: tuple[str, ...]
    compared: Compared

    def changed(self) -> Iterator[tuple[str, str, str]]:
        """Package → its version in each, of those that are not the same; Python is one of them."""
        a, b = ({"python": one.python, **one.installed} for one in self.environments)
        for name in sorted({*a, *b}, key=_rank):
            old, new = a.get(name, _ABSENT), b.get(name, _ABSENT)
            if old != new:
                yield name, old, new


_FIRST = ("python", "diffusers", "torch", "transformers", "accelerate", "safetensors", "tokenizers", "numpy", "pillow")


def _rank(name: str) -> tuple[int, str]:
    """What makes pictures stands first."""
    return (_FIRST.index(name) if name in _FIRST else len(_FIRST)), name


@dataclass(frozen=True)
class Files:
    """Where the report goes, beside the terminal; ``out`` has pictures, ``ab.md`` and ``ab.json``."""

    out: Path | None = None
    markdown: Path | None = None
    junit: Path | None = None
    strict: bool = False
    identical: bool = False


def report_ab(store_path: Path, run_ids: Sequence[str], notes: Sequence[str], files: Files) -> AbReport:
    """Compare the two runs and write the files.

    Raises:
        HarnessError: a run cannot be read, or a file not be written.
    """
    a, b = run_ids
    wanted = Wanted(a, b, store_path, out=files.out, junit=files.junit, strict=files.strict, identical=files.identical)
    compared = compare_whole(wanted)
    store = open_store(store_path, create=False)
    records = [store.load_run(run_id) for run_id in (a, b)]
    environments = [
        _environment(run_id, record.pair, record.environment) for run_id, record in zip(run_ids, records, strict=True)
    ]
    report = AbReport(
        environments=(environments[0], environments[1]),
        rounds=records[0].plan.timing.rounds if records[0].plan.timing.enabled else 0,
        notes=tuple(notes),
        compared=compared,
    )
    _write(report, files)
    return report


def _environment(run_id: str, pair: Pair | None, environment: dict[str, object]) -> Environment:
    assert pair is not None
    software = environment.get("software")
    python = str(software.get("python")) if isinstance(software, dict) else "unknown"
    return Environment(name=pair.environment, run_id=run_id, python=python, installed=pair.installed)


def _write(report: AbReport, files: Files) -> None:
    if files.out is not None:
        put(files.out / "ab.json", as_json(report).encode(), "--out")
        put(files.out / "ab.md", markdown(report, strict=files.strict).encode(), "--out")
    if files.markdown is not None:
        folder = "" if files.out is None else way_to(files.out, files.markdown)
        put(files.markdown, markdown(report, folder=folder, strict=files.strict).encode(), "--markdown")


def as_json(report: AbReport) -> str:
    """All numbers, and what they come to as `harness compare` says it, as JSON."""
    content = {**said(report.compared), **json.loads(report.model_dump_json())}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def markdown(report: AbReport, *, folder: str = "", strict: bool = False) -> str:
    """Changed packages, what the tables say, and the comparison under it.

    Args:
        report: what is said.
        folder: where the worst pictures lie, seen from where the text will lie.
        strict: say what is open, where the gate leaves with 3 for it.
    """
    a, b = report.environments
    changed = list(report.changed())
    head = f"## {escape(a.name)} (baseline) and {escape(b.name)}: {escape(headline(report.compared))}"
    parts = [head, _package_table(report, changed), "\n".join(f"- {escape(note)}" for note in report.notes)]
    whole = render_markdown(report.compared, folder=folder, strict=strict)
    return "\n\n".join([*(part for part in parts if part), whole])


def _package_table(report: AbReport, changed: Sequence[tuple[str, str, str]]) -> str:
    a, b = report.environments
    if not changed:
        return f"Every one of {plural(len(a.installed), 'package')} is the same, and so is Python ({a.python})."
    lines = [table_line(["changed package", escape(a.name), escape(b.name)]), table_line(["---"] * 3)]
    same = sum(b.installed.get(name) == version for name, version in a.installed.items())
    rows = [table_line(list(map(escape, row))) for row in changed]
    return "\n".join([*lines, *rows]) + f"\n\n{plural(same, 'package')} in the same version in both."


def terminal(report: AbReport, *, strict: bool = False) -> str:
    """The same for a terminal; ``strict``: what is open is told elsewhere."""
    a, b = report.environments
    changed = [f"  {name}: {old} → {new}" for name, old, new in report.changed()]
    told = ["changed packages:", *changed] if changed else ["changed packages: none"]
    head = [f"{a.name} (baseline) and {b.name}", *told, *report.notes]
    return "\n".join(head) + "\n\n" + render(report.compared, strict=strict)
