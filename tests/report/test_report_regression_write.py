"""The regression report's folder: its files, what they say, and that nothing in them is live markup."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from support.compare_runs import OUT_OF_MEMORY, keep

from harness.cli import run as command
from harness.compare.baseline import export
from harness.errors import ExitCode, UsageError
from harness.report.write import ReportFiles, write_report
from harness.store.store import Store, open_store

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>|`*{{7*7}}"
Writes = Callable[..., ReportFiles]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of the test's own."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return open_store(tmp_path / "runs")


@pytest.fixture
def written(store: Store, tmp_path: Path) -> Writes:
    """Writes the report of a run against a usual baseline; ``old``: what the baseline is made of."""

    def write(*, old: dict[str, Any] | None = None, compact: bool = True, **new: Any) -> ReportFiles:
        keep(store, "main", **{"cells": 4, **(old or {})})
        run_id = keep(store, "candidate", **{"cells": 4, "anew": True, **new})
        return write_report(store, run_id, tmp_path / "report", kind="regression", against="main", compact=compact)

    return write


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]


def _rows(files: ReportFiles) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files.csv.read_text())))


def test_a_folder_with_everything_and_hostile_names_stay_text(written: Writes) -> None:
    new = {"text": HOSTILE, "failed": {3: OUT_OF_MEMORY}, "shift": {0: -1.0}, "unlike": 4}
    files = written(old={"text": HOSTILE}, compact=False, **new)
    assert {path.name for path in files.folder.iterdir()} == {
        "report.html", "report.md", "table.csv", "results.json", "summary.png",
        "worst-1.png", "worst-2.png", "worst-3.png",
    }  # fmt: skip
    assert files.html is not None
    page = _Page()
    page.feed(files.html.read_text())
    assert "script" not in page.tags and not [a for a in page.attributes if a[1].startswith("on")]
    assert {str(value)[:5] for tag, name, value in page.attributes if (tag, name) == ("img", "src")} == {"data:"}
    outside_code = re.sub(r"^(`{3,}).*?^\1$", "", files.markdown.read_text(), flags=re.DOTALL | re.MULTILINE)
    assert "<script" not in outside_code.replace("\\<script", "") and "<img" not in outside_code.replace("\\<img", "")
    with Image.open(files.summary) as picture:
        assert picture.size == (1600, 900)


def test_regressed_cells_come_first_and_the_answer_names_them(written: Writes) -> None:
    files = written(shift={2: -1.0}, failed={1: OUT_OF_MEMORY}, unlike=16)
    rows = _rows(files)
    assert [row["verdict"] for row in rows[:2]] == ["regressed", "regressed"]
    labels = [row["label"] for row in rows]
    assert rows[0]["outcome"] == "new failure" and OUT_OF_MEMORY.reason in rows[0]["reason"]
    text = files.markdown.read_text()
    assert f"Regressed: {labels[0]} (a new failure) and {labels[1]} (" in text
    assert text.index("Cell by cell") < text.index("The pictures that lost most") < text.index("Every comparison")
    lost = rows[1]
    assert float(lost["clip_score_difference"]) == pytest.approx(-1.0, abs=0.02)
    assert (lost["rows"], lost["identical"], lost["clip_score_verdict"]) == ("16", "0", "regressed")
    assert lost["peak_memory_verdict"] == "equivalent" and labels[1] in text.split("The pictures that lost most")[1]


def test_the_data_is_what_compare_says(written: Writes, store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    files = written(shift={2: -1.0}, unlike=5)
    told = json.loads(files.json.read_text())
    assert told["exit_code"] == {"usual": 1, "strict": 1}
    code = command(["compare", "main", "candidate", "--json", "--store", str(store.root)])
    said = json.loads(capsys.readouterr().out)
    assert code == ExitCode.REGRESSED
    assert [(c["label"], [f["verdict"] for f in c["findings"]]) for c in told["compared"]["cells"]] == [
        (c["label"], [f["verdict"] for f in c["findings"]]) for c in said["cells"]
    ]


def test_a_run_with_itself_has_nothing_to_show(store: Store, tmp_path: Path) -> None:
    run_id = keep(store, "main")
    files = write_report(store, run_id, tmp_path / "report", kind="regression", against=run_id, compact=True)
    assert not list(files.folder.glob("worst-*.png"))
    text = files.markdown.read_text()
    assert "No regression was shown in 2 shared cells: 6 equivalent." in text and "lost most" not in text
    assert "Nothing changed in the environment, nor, in the shared cells, in the schedulers" in text
    assert [(row["verdict"], row["identical"]) for row in _rows(files)] == [("equivalent", "16")] * 2
    assert [row["noise_visits"] for row in _rows(files)] == ["3"] * 2  # one timing is not counted twice


def test_packages_that_changed_are_at_the_top(written: Writes) -> None:
    files = written(environment={"software.packages.torch": "2.15.0", "torch.tf32_matmul": True})
    lines = files.markdown.read_text().splitlines()
    at = lines.index("- Changed packages: torch: 2.14.1 → 2.15.0")
    assert lines[at + 1] == "- Changed environment: torch.tf32\\_matmul: false → true" and at < 12


def test_a_store_without_the_pictures_still_gives_a_report(written: Writes, store: Store) -> None:
    written(unlike=16)
    for path in (store.root / "stages" / "images").rglob("*"):
        if path.is_file():
            path.unlink()
    files = written(unlike=16)
    assert {row["missing"] for row in _rows(files)} >= {"0"}


def test_a_baseline_is_a_file_too(written: Writes, store: Store, tmp_path: Path) -> None:
    run_id = keep(store, "main")
    export(store, run_id, tmp_path / "main.zip")
    new = keep(store, "candidate", anew=True, unlike=3)
    given = {"kind": "regression", "against": str(tmp_path / "main.zip"), "compact": True}
    files = write_report(store, new, tmp_path / "report", **given)
    assert len(list(files.folder.glob("worst-*.png"))) == 3
    assert str(tmp_path) not in files.markdown.read_text() + files.json.read_text()


@pytest.mark.parametrize(("kind", "against"), [("regression", None), ("general", "main"), ("schedulers", "main")])
def test_a_baseline_belongs_to_this_kind_only(store: Store, tmp_path: Path, kind: str, against: str | None) -> None:
    run_id = keep(store, "main")
    with pytest.raises(UsageError, match=r"baseline|against nothing"):
        write_report(store, run_id, tmp_path / "report", kind=kind, against=against)


def test_the_verb_writes_it(store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    keep(store, "main")
    run_id = keep(store, "candidate", anew=True, shift={0: -1.0}, unlike=2)
    place, png = ["--store", str(store.root)], tmp_path / "one.png"
    assert command(["report", "candidate", "--kind", "regression", "--against", "main", "--png", str(png), *place]) == 0
    assert png.is_file() and (store.root / "reports" / run_id / "regression" / "report.html").is_file()
    assert command(["report", "candidate", "--kind", "regression", *place]) == ExitCode.USAGE
    assert "needs a baseline" in capsys.readouterr().err
    assert command(["report", "candidate", "--kind", "regression", "--against", "gone", *place]) == ExitCode.MISSING


def test_the_specs_question_stands_second_and_an_unknown_revision_is_told(written: Writes) -> None:
    new = {"plan": {"question": "Is the planted fault found?"}, "environment": {"source.revision": None}}
    files = written(old={"environment": {"source.revision": None}}, compact=False, **new)
    text, heading = files.markdown.read_text(), "candidate against the baseline main: Did anything get worse?"
    assert f"\n{heading}\n\nThe spec asks: Is the planted fault found?\n" in text
    assert files.html is not None
    page = files.html.read_text()
    assert f"<h1>{heading}</h1>" in page and "The spec asks: Is the planted fault found?" in page
    assert "Nothing changed" not in text and "revision of either run is not known" in text


def test_what_is_undecided_is_said_first_and_pictures_and_costs_apart(written: Writes) -> None:
    """Of one cell the pictures are settled and the speed is not, of another it is the other way round."""
    files = written(drift=0.5, shift={0: -0.295})
    text, rows = files.markdown.read_text(), {row["label"]: row for row in _rows(files)}
    assert "**Undecided: 5 of 12 comparisons in 4 shared cells could not be settled (1 of pictures, 4 of speed" in text
    assert "Leaning worse: DDIM · 10 steps, CLIP score −0.29" in text
    both = [(row["verdict_pictures"], row["verdict_costs"]) for row in rows.values()]
    assert sorted(both) == [("equivalent", "inconclusive")] * 3 + [("inconclusive", "inconclusive")]
    assert "| pictures ≈ equivalent<br>cost ? inconclusive |" in text
    told = json.loads(files.json.read_text())
    assert len(told["open"]) == 5 and told["leaning_worse_most"].startswith("Leaning worse: DDIM")


def test_cells_of_one_run_only_have_a_line(written: Writes) -> None:
    files = written(old={"cells": 5})
    (alone,) = (row for row in _rows(files) if row["verdict"] == "not comparable")
    assert (alone["outcome"], alone["scheduler"], alone["cell"]) == ("only in the baseline", "DDIM · 20 steps", "")
    text = files.markdown.read_text()
    assert "| DDIM · 20 steps | none | — | — | — | — | — | ≠ not compared<br>only the baseline has it |" in text
    assert "Not compared: 1 cell that only the baseline has." in text


def test_a_report_of_failed_cells_leaves_with_zero(store: Store) -> None:
    """The verdict is the gate's; a pipeline that makes the report first must not stop there."""
    keep(store, "main")
    keep(store, "candidate", anew=True, failed={0: OUT_OF_MEMORY, 1: OUT_OF_MEMORY})
    place = ["--store", str(store.root)]
    assert command(["report", "candidate", "--kind", "regression", "--against", "main", *place]) == ExitCode.DONE
    assert command(["compare", "main", "candidate", *place]) == ExitCode.REGRESSED
