"""`harness judge` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compare_runs import keep
from support.votes import prefers, save_votes

from harness.compare.judge.keyring import find
from harness.errors import ExitCode
from harness.store.store import Store, open_store

Harness = Callable[..., Any]


@pytest.fixture
def runs(tmp_path: Path) -> Store:
    """``./runs`` with one run of two cells."""
    store = open_store(tmp_path / "runs")
    keep(store, "main", rows=8)
    return store


def test_a_page_and_its_votes(harness: Harness, runs: Store, tmp_path: Path) -> None:
    said = harness("judge", "main", "--seed", "7", "--out", "page.html", "--json")
    made = json.loads(said.out)
    assert said.code == 0 and (made["seed"], made["pairs"]) == (7, 10) and (tmp_path / "page.html").is_file()
    save_votes(tmp_path / "ann.json", find(runs, made["page_id"]), prefers(0))
    said = harness("judge", "main", "--votes", "ann.json", "--markdown", "votes.md")
    assert said.code == 0 and "is preferred to" in said.out and "### DDIM" in (tmp_path / "votes.md").read_text()
    content = json.loads(harness("judge", "main", "--votes", "ann.json", "--json").out)
    assert content["rates"][0]["value"] == 1 and content["schema_version"] == 1


def test_the_seed_is_drawn_and_told(harness: Harness, runs: Store) -> None:
    seeds = {json.loads(harness("judge", "main", "--json").out)["seed"] for _ in range(2)}
    assert len(seeds) == 2 and len(list((runs.root / "judge").glob("*.json"))) == 2


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("judge none", ExitCode.MISSING, "There is no run 'none'"),
        ("judge main --votes none.json", ExitCode.MISSING, "There is no file none.json"),
        ("judge main --votes none.json --seed 1", ExitCode.USAGE, "--seed makes a page, --votes counts one"),
        ("judge main --markdown votes.md", ExitCode.USAGE, "there are none"),
        ("judge main --pairs 0", ExitCode.USAGE, "0 is not in the range"),
        ("judge main --against main", ExitCode.USAGE, "is the run itself"),
    ],
)
def test_exit_codes(harness: Harness, arguments: str, code: ExitCode, told: str) -> None:
    said = harness(*arguments.split())
    assert said.code == code and told in said.err
