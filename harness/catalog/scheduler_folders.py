"""Which folders of a model hold the configuration of a scheduler, for who named one that is not there."""

from __future__ import annotations

from pathlib import Path

from harness.catalog.types import Place

_PACKAGE = Path(__file__).parent.parent
_FILE = "scheduler_config.json"


def scheduler_folders(place: Place) -> tuple[str, ...] | None:
    """Names of the subfolders of a model's part, sorted; ``None`` where only the hub knows them."""
    if place.kind == "hub":
        return None
    root = (_PACKAGE if place.kind == "package" else Path()) / place.where
    return tuple(sorted(file.parent.name for file in root.glob(f"*/{_FILE}")))
