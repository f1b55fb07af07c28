"""The same pipelines once more: nothing is applied, and nothing is found."""

from __future__ import annotations

from collections.abc import Iterator

from harness.catalog.types import OptimizationChoice
from harness.optimizations.target import Target
from harness.optimizations.types import Before, Finding, Optimization


def _verify(_: Target, __: OptimizationChoice, ___: Before) -> Iterator[Finding]:
    yield Finding("process", "nothing was asked for", "there is nothing to look at", "no-op")


AGAIN = Optimization(lambda _, __: {}, _verify)
