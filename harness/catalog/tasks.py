"""The tasks, and the versions that have them."""

from __future__ import annotations

from typing import Any

from harness.catalog.diffusers_table import table

TASKS: dict[str, tuple[str, ...]] = {"text-to-image": ("2.2",)}


def defaults(version: str) -> dict[str, Any]:
    """Knob → the value that diffusers' pipeline takes when it is not given."""
    known: dict[str, Any] = table()["defaults"][version]
    return known
