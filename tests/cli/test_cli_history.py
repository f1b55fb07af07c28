"""`harness history` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.nightly import keep_nights

from harness.errors import ExitCode
from harness.store.store import open_store

Harness = Callable[..., Any]


@pytest.fixture(autouse=True)
def _runs(tmp_path: Path) -> None:
    keep_nights(open_store(tmp_path / "runs"), 8, lambda night: {"level": -2.0} if night >= 4 else {})


def test_text_json_and_picture(harness: Harness, tmp_path: Path) -> None:
    said = harness("history", "clip_score", "--cell", "scheduler=DDIM", "--png", "history.png")
    assert said.code == 0 and "worse from" in said.out and (tmp_path / "history.png").stat().st_size > 10_000
    content = json.loads(harness("history", "clip_score", "--json").out)
    assert content["series"][0]["moved"][0]["at"] == 4 and len(content["series"][0]["points"]) == 8


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("history beauty", ExitCode.USAGE),
        ("history clip_score --cell DDIM", ExitCode.USAGE),
        ("history clip_score --runs none", ExitCode.MISSING),
        ("history clip_score --store none", ExitCode.MISSING),
        ("history", ExitCode.USAGE),
    ],
)
def test_exit_codes(harness: Harness, arguments: str, code: ExitCode) -> None:
    assert harness(*arguments.split()).code == code
