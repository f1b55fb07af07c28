"""A spec from text, and its faults."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.errors import Problem, SpecError
from harness.spec.load import load_spec
from harness.spec.types import Spec


@pytest.fixture
def spec_of(tmp_path: Path) -> Callable[[str], Spec]:
    """Writes text as a spec and reads it."""

    def read(text: str) -> Spec:
        path = tmp_path / "spec.yaml"
        path.write_text(text, encoding="utf-8")
        return load_spec(str(path))

    return read


@pytest.fixture
def faults_of(spec_of: Callable[[str], Spec]) -> Callable[[str], list[Problem]]:
    """The faults of a spec's text; none if it has none."""

    def read(text: str) -> list[Problem]:
        try:
            spec_of(text)
        except SpecError as error:
            return list(error.problems)
        return []

    return read
