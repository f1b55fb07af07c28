"""`harness compare` and `harness baseline` as they are typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from support.compare_runs import keep

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


@pytest.mark.usefixtures("runs")
class TestCompare:
    """Of runs in the store."""

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ("main main", ExitCode.DONE),
            ("main main --strict", ExitCode.DONE),
            ("main again", ExitCode.DONE),
            ("main worse", ExitCode.REGRESSED),
            ("main worse --strict", ExitCode.REGRESSED),
            ("main few --strict", ExitCode.INCONCLUSIVE),
            ("main none", ExitCode.MISSING),
            ("main again --margin clip_score", ExitCode.USAGE),
            ("main again --margin beauty=3", ExitCode.USAGE),
            ("main again --margin clip_score=-1", ExitCode.USAGE),
            ("main", ExitCode.USAGE),
        ],
    )
    def test_exit_codes(self, harness: Harness, arguments: str, code: ExitCode) -> None:
        assert harness("compare", *arguments.split()).code == code

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
        assert harness("baseline", "import", "main.zip", "--store", "other").code == 0
        assert harness("compare", "other:main", "runs:worse", "--store", "nowhere").code == ExitCode.REGRESSED
        assert harness("compare", "main", "runs:again", "--store", "other").code == ExitCode.DONE

    def test_a_file_that_is_no_baseline(self, harness: Harness) -> None:
        Path("text").write_text("none")
        said = harness("compare", "text", "main")
        assert said.code == ExitCode.STORE and "no good baseline" in said.err
