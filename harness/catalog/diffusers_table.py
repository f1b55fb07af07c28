"""The committed table of what planning must know of diffusers; made by ``harness.pipelines.probe_catalog``."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

_TABLE = Path(__file__).parent / "generated" / "diffusers.json"


@cache
def table() -> dict[str, Any]:
    """``diffusers`` (version), ``schedulers`` (class → keyword → default), ``defaults`` (version → knob → value)."""
    content: dict[str, Any] = json.loads(_TABLE.read_text())
    return content
