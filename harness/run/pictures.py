"""Stored batches of pictures, read without torch: whose they are and what they hash to."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import Any

from harness.store.records import BatchRef
from harness.store.store import Store


def origin(store: Store, key: str) -> dict[str, Any]:
    """What made a stored batch: ``made_in``, ``prior_made_in`` (run ids), ``made_at``, ``scheduler``, ``seconds``."""
    with zipfile.ZipFile(io.BytesIO(store.get("images", key))) as archive:
        known: dict[str, Any] = json.loads(archive.comment or b"{}")
    return known


def made_in(store: Store, key: str) -> str:
    """The id of the run that made a stored batch."""
    return str(origin(store, key).get("made_in", ""))


def batch_ref(store: Store, key: str, row_ids: list[str], run_id: str) -> BatchRef:
    """The record of a stored batch; ``reused`` says that another run than ``run_id`` made it."""
    with zipfile.ZipFile(io.BytesIO(store.get("images", key))) as archive:
        known = json.loads(archive.comment or b"{}")
        sums = [hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()]
    return BatchRef(
        key=key,
        rows=row_ids,
        image_sha256=sums,
        made_in=known["made_in"],
        made_at=known["made_at"],
        reused=known["made_in"] != run_id,
        prior_made_in=known.get("prior_made_in", ""),
    )


def metadata_of(data: bytes) -> dict[str, str]:
    """The metadata of safetensors bytes: a length of eight bytes, then a JSON header that may hold some."""
    length = int.from_bytes(data[:8], "little")
    found: dict[str, str] = json.loads(data[8 : 8 + length]).get("__metadata__", {})
    return found
