"""How large the real models are: a committed table, made by ``harness.pipelines.full_size``.

From configurations alone, not verified against the hub: the counts are those of networks built as published.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from harness.catalog.types import DType, Place

TABLE = Path(__file__).parent / "generated" / "sizes.json"
VERIFIED = "from configuration, not verified against the hub"
WIDTH: dict[DType, int] = {"float32": 4, "float16": 2, "bfloat16": 2}  # bytes of a parameter
#: Scorers whose networks are not built here: parameters as torchvision (VGG-16) and open_clip (ViT-H-14) give them
LISTED = {"timm/vgg16.tv_in1k": 138_357_544, "yuvalkirstain/PickScore_v1": 986_109_441}


@cache
def table() -> dict[str, Any]:
    """``versions`` (library → version) and ``repositories`` (name → component → class, parameters, source)."""
    content: dict[str, Any] = json.loads(TABLE.read_text(encoding="utf-8"))
    return content


def parameters_of(place: Place) -> dict[str, int] | None:
    """Component → parameters of a hub's repository; ``None`` for a place that the table does not know."""
    rows = table()["repositories"].get(place.where) if place.kind == "hub" else None
    return None if rows is None else {name: int(row["parameters"]) for name, row in rows.items()}


def weight_bytes(place: Place, dtype: DType) -> int | None:
    """Bytes of its weights in memory at ``dtype``; ``None`` where that is not known."""
    found = parameters_of(place)
    return None if found is None else sum(found.values()) * WIDTH[dtype]


def download_bytes(place: Place) -> int | None:
    """About how much a download brings: files without a variant hold single precision, or less."""
    if place.kind == "hub" and place.where in LISTED:
        return LISTED[place.where] * WIDTH["float32"]
    return weight_bytes(place, "float16" if place.variant == "fp16" else "float32")
