"""Which code a plug-in's number was made by: a digest of its source, so that another version computes again."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from harness.base import digest
from harness.catalog.own_metrics import OwnMetric
from harness.store.digests import digest_file, digest_source


def code_of(own: OwnMetric) -> str:
    """Digest of the source of a plug-in's top package, or of its only module."""
    top = importlib.util.find_spec(own.module.partition(".")[0])
    folders = [Path(place) for place in (top.submodule_search_locations or ())] if top is not None else []
    if folders:
        return digest_source(folders)
    return digest_file(Path(top.origin)) if top is not None and top.origin is not None else ""


def identity_of(own: OwnMetric) -> str:
    """What stands for its weights in a key: package, version and source."""
    return digest(["own", own.row.name, own.distribution, own.version, code_of(own)])
