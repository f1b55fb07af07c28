"""`harness compare` and `harness baseline` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support.compare_runs import OUT_OF_MEMORY, keep

from harness.errors import ExitCode
from harness.store.store import open_store

Harness = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path) -> None:
    """``./runs``: a baseline, the same made anew, and one that lost."""
    store = open_store(tmp_path / "runs")
    keep(store, "main")
    keep(store, "again", anew=True)
    keep(store, "worse", anew=True, shift={1: -1.0}, unlike=4)
    keep(store, "few", rows=4, anew=True)
    keep(store, "other", anew=True, unlike=4)


@pytest.mark.usefixtures("runs")
class TestCompare:
    """Of runs in the store."""

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ("main main", ExitCode.DONE),
            ("main main --strict", ExitCode.INCONCLUSIVE),
            ("main again", ExitCode.DONE),
            ("main other", ExitCode.DONE),
            ("main other --identical", ExitCode.REGRESSED),
            ("main again --identical", ExitCode.DONE),
            ("main worse", ExitCode.REGRESSED),
            ("main worse --strict", ExitCode.REGRESSED),
            ("main few --strict", ExitCode.INCONCLUSIVE),
            ("main few --identical", ExitCode.REGRESSED),
            ("main none", ExitCode.MISSING),
            ("main again --margin clip_score", ExitCode.USAGE),
            ("main again --margin beauty=3", ExitCode.USAGE),
            ("main again --margin clip_score=-1", ExitCode.USAGE),
            ("main", ExitCode.USAGE),
        ],
    )
    def test_exit_codes(self, harness: Harness, arguments: str, code: ExitCode) -> None:
        assert harness("compare", *arguments.split()).code == code

    def test_a_demand_that_no_pixel_changes_is_told_like_a_metric(self, harness: Harness) -> None:
        said = harness("compare", "main", "other", "--identical", "--junit", "j.xml").out
        assert said.splitlines()[1].startswith("Regressed: ")
        assert "▼ every pixel: regressed; `--identical` was asked for; pictures identical 12/16" in said
        (failure, *_) = ET.parse("j.xml").getroot().iter("failure")
        assert failure.get("type") == "regressed" and "every pixel" not in harness("compare", "main", "other").out

    def test_what_a_gate_would_do_is_said_where_it_is_none(self, harness: Harness) -> None:
        assert harness("compare", "main", "few").out.rstrip().endswith("of the baseline without a verdict.")
        assert "with --strict would" not in harness("compare", "main", "again").out

    def test_a_file_that_was_not_downloaded_is_no_run_that_is_unknown(self, harness: Harness) -> None:
        said = harness("compare", "nope.zip", "main")
        assert said.code == ExitCode.MISSING and "There is no file nope.zip" in said.err

    def test_all_files_at_once(self, harness: Harness, tmp_path: Path) -> None:
        said = harness("compare", "main", "worse", "--junit", "j.xml", "--markdown", "m.md", "--out", "out", "--json")
        content = json.loads(said.out)
        assert content == json.loads((tmp_path / "out" / "compare.json").read_text())
        assert [one["file"] for one in content["worst"]] == [f"worst-{n}.png" for n in (1, 2, 3)]
        assert all((tmp_path / "out" / one["file"]).is_file() for one in content["worst"])
        assert "(out/worst-1.png)" in (tmp_path / "m.md").read_text()
        assert "(worst-1.png)" in (tmp_path / "out" / "compare.md").read_text()
        assert len(list(ET.parse(tmp_path / "j.xml").iter("failure"))) == 1

    def test_a_baseline_moves_as_a_file(self, harness: Harness) -> None:
        said = harness("baseline", "export", "main", "main.zip")
        assert said.code == 0 and "SHA-256" in said.out
        assert harness("compare", "main.zip", "worse").code == ExitCode.REGRESSED
        assert harness("compare", "main.zip", "main.zip", "--store", "nowhere").code == ExitCode.DONE
        moved = harness("baseline", "import", "main.zip", "--store", "other")
        assert moved.code == 0 and said.out.split()[-1] in moved.out  # the same SHA-256
        assert harness("compare", "other:main", "runs:worse", "--store", "nowhere").code == ExitCode.REGRESSED
        assert harness("compare", "main", "runs:again", "--store", "other").code == ExitCode.DONE

    def test_a_run_with_a_failed_cell_is_no_baseline_unless_told(self, harness: Harness, tmp_path: Path) -> None:
        keep(open_store(tmp_path / "runs"), "broken", failed={1: OUT_OF_MEMORY}, pending=[0])
        said = harness("baseline", "export", "broken", "broken.zip")
        assert said.code == ExitCode.USAGE and not (tmp_path / "broken.zip").exists()
        assert "DDIM · 10 steps (not made), DDPM · 10 steps (failed)" in said.err and "--allow-failed" in said.err
        assert harness("baseline", "export", "broken", "broken.zip", "--allow-failed").code == ExitCode.DONE

    def test_a_baseline_is_the_file_that_was_asked_for(self, harness: Harness) -> None:
        total = harness("baseline", "export", "main", "main.zip").out.strip().rpartition(" ")[2]
        wanted = ("baseline", "import", "main.zip", "--store", "other", "--sha256")
        assert f"{total}, as was asked" in harness(*wanted, total).out
        said = harness(*wanted, total[1:] + "x")
        assert said.code == ExitCode.STORE and "is another file" in said.err

    @pytest.mark.parametrize("text", ["a" * 5000, "a" * 5000 + ":main", "a" * 5000 + ".yaml"])
    def test_a_name_that_no_file_can_have(self, harness: Harness, text: str) -> None:
        said = harness("compare", text, "main")
        assert said.code == ExitCode.MISSING and "There is no" in said.err

    def test_a_file_that_is_no_baseline(self, harness: Harness) -> None:
        Path("text").write_text("none")
        said = harness("compare", "text", "main")
        assert said.code == ExitCode.STORE and "no good baseline" in said.err


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("nowhere:main main", ExitCode.MISSING, "There is no folder 'nowhere' for 'nowhere:main'"),
        ("runs:gone main", ExitCode.MISSING, "There is no run 'gone' in the store runs."),
        ("runs:gone main", ExitCode.MISSING, "`harness ls --store runs`"),
        ("empty:main main", ExitCode.MISSING, "The folder empty of 'empty:main' holds no store."),
        ("runs main", ExitCode.MISSING, "runs is a folder, not a run."),
        ("spec.yaml main", ExitCode.USAGE, "spec.yaml is a spec, which says what to run"),
        ("quickstart main", ExitCode.MISSING, "`harness run quickstart --name NAME` makes a run of it"),
        ("gone main", ExitCode.MISSING, "There is no run 'gone'."),
        ("main again --margin clip_score", ExitCode.USAGE, "--margin clip_score gives clip_score no value."),
        ("main again --margin clip_score=", ExitCode.USAGE, "such as clip_score=0.3"),
        ("main again --junit spec.yaml/j.xml", ExitCode.STORE, "name another place with --junit"),
        ("main again --markdown spec.yaml/m.md", ExitCode.STORE, "name another place with --markdown"),
        ("main worse --out spec.yaml/out", ExitCode.STORE, "name another place with --out"),
    ],
)
def test_hints_name_what_was_meant(harness: Harness, tmp_path: Path, arguments: str, code: ExitCode, told: str) -> None:
    (tmp_path / "spec.yaml").write_text("name: x\n")
    (tmp_path / "empty").mkdir()
    said = harness("compare", *arguments.split())
    assert said.code == code and told in said.err
    assert ("--store or HARNESS_STORE" in said.err) is False


@pytest.mark.usefixtures("runs")
def test_strict_says_why_it_leaves_with_three_and_json_stays_json(harness: Harness) -> None:
    said = harness("compare", "main", "few", "--strict", "--json")
    assert said.code == ExitCode.INCONCLUSIVE and json.loads(said.out)["exit_code"] == {"usual": 0, "strict": 3}
    assert said.err.startswith("--strict leaves with 3: ") and "What to do: " in said.err
    assert harness("compare", "main", "few").err == ""
