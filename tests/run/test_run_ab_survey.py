"""Where two environments leave their logs and tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.run.ab.survey import SIDES, _post
from harness.run.guest import Guest
from harness.run.station import Post


@pytest.mark.parametrize("names", [("New", "new"), ("torch 2.14", "torch-2.14"), ("new", "new")])
def test_two_environments_of_one_name_in_files_lie_apart(names: tuple[str, str]) -> None:
    usual = Post("cpu", 1, Path("/runs"), Path("/runs/logs/worker-0.log"))
    python = Path("/an/environment/bin/python")
    posts = [_post(usual, Guest(name, python), side) for side, name in zip(SIDES, names, strict=True)]
    for place in ([post.log_path for post in posts], [post.guest and post.guest.tables for post in posts]):
        assert len({str(path).casefold() for path in place}) == 2
        assert [str(path).split("/")[-1].removeprefix("worker-0.")[:2] for path in place] == ["a-", "b-"]
