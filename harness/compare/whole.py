"""The verb's walk: open both runs, compare them, write what was asked for."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.compare.compare import compare
from harness.compare.outcome import exit_code, headline
from harness.compare.outputs import put
from harness.compare.sides import opened
from harness.compare.strict import open_lines
from harness.compare.types import Compared
from harness.compare.undecided import largest_words
from harness.compare.worst import write_worst


@dataclass(frozen=True)
class Wanted:
    """What is compared, and which files are written; ``out`` has the pictures, ``compare.md`` and ``compare.json``."""

    baseline: str
    run: str
    store_path: Path
    late: Mapping[str, float | str] = field(default_factory=dict)
    out: Path | None = None
    junit: Path | None = None
    markdown: Path | None = None
    strict: bool = False
    identical: bool = False


def compare_whole(wanted: Wanted) -> Compared:
    """Compare two runs and write the files.

    Raises:
        HarnessError: a run cannot be found or read, or a file not be written.
    """
    with opened(wanted.baseline, wanted.store_path) as baseline, opened(wanted.run, wanted.store_path) as run:
        places = (wanted.baseline, wanted.run)
        compared, seen = compare(baseline, run, places=places, late=wanted.late, identical=wanted.identical)
        if wanted.out is not None:
            compared = compared.model_copy(update={"worst": write_worst(compared, seen, wanted.out)})
    _write(wanted, compared)
    return compared


def _write(wanted: Wanted, compared: Compared) -> None:
    if wanted.junit is not None:
        from harness.compare.junit import render_junit

        put(wanted.junit, render_junit(compared, strict=wanted.strict), "--junit")
    if wanted.out is not None:
        put(wanted.out / "compare.json", as_json(compared).encode(), "--out")
        put(wanted.out / "compare.md", _markdown(wanted, wanted.out / "compare.md", compared), "--out")
    if wanted.markdown is not None:
        put(wanted.markdown, _markdown(wanted, wanted.markdown, compared), "--markdown")


def _markdown(wanted: Wanted, path: Path, compared: Compared) -> bytes:
    from harness.compare.markdown import render_markdown

    folder = way_to(wanted.out, path) if wanted.out is not None else ""
    return render_markdown(compared, folder=folder, strict=wanted.strict).encode()


def way_to(pictures: Path, text: Path) -> str:
    """The folder of the pictures as the text's links name it; "" where they lie beside it."""
    way = os.path.relpath(pictures.absolute(), text.absolute().parent)
    return "" if way == "." else f"{Path(way).as_posix()}/"


def said(compared: Compared) -> dict[str, Any]:
    """What the numbers come to, as data for JSON."""
    return {
        "headline": headline(compared),
        "leaning_worse_most": largest_words(compared),
        "open": open_lines(compared),
        "exit_code": {"usual": exit_code(compared, strict=False), "strict": exit_code(compared, strict=True)},
    }


def as_json(compared: Compared) -> str:
    """All numbers, and what they come to, as JSON."""
    return json.dumps({**said(compared), **json.loads(compared.model_dump_json())}, indent=2, ensure_ascii=False) + "\n"
