"""`harness ab` as it is typed: what is wrong is told before anything runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ExitCode

Harness = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        ("--env nowhere --env nowhere", ExitCode.MISSING, "is not there"),
        ("--env nowhere", ExitCode.USAGE, "1 environments were named"),
        ("", ExitCode.USAGE, "--env"),
        ("--env nowhere --env nowhere --rounds 1", ExitCode.USAGE, "--rounds"),
    ],
)
def test_what_is_wrong(harness: Harness, tmp_path: Path, arguments: str, code: ExitCode, told: str) -> None:
    said = harness("ab", "quickstart", *arguments.split())
    assert said.code == code and told in said.err
    assert not (tmp_path / "runs").exists()
