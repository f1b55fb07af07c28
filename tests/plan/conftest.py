"""A spec's text to a spec, and to a plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.plan.build import plan_file
from harness.plan.types import Plan
from harness.spec.load import load_spec
from harness.spec.types import Spec


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str], str]:
    """Writes a spec; gives back its path."""

    def to_file(text: str) -> str:
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return to_file


@pytest.fixture
def spec_of(write: Callable[[str], str]) -> Callable[[str], Spec]:
    """The spec of a text."""
    return lambda text: load_spec(write(text))


@pytest.fixture
def plan_of(write: Callable[[str], str]) -> Callable[..., Plan]:
    """The plan of a text, with ``build_plan``'s own arguments."""

    def plan(text: str, **options: Any) -> Plan:
        return plan_file(write(text), **options)

    return plan
