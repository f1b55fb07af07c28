"""JSON Schema of the keys that say what to make pictures of; each description is what an editor shows."""

from __future__ import annotations

from typing import Any

from harness.catalog.tasks import APIS, TASKS
from harness.spec.inputs import CONVENTIONS
from harness.spec.picture_cells import CAPTION

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 1}
_SEED = {"type": "integer", "minimum": 0}
_SIDE = {"type": "integer", "minimum": 8, "maximum": 8192}
_FLAG = {"type": "boolean"}


def _object(required: str, properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": [required], "additionalProperties": False, "properties": properties}


RESIZE_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"const": "none", "description": "the pipeline resizes"},
        {"type": "string", "pattern": "^[1-9][0-9]{0,4}x[1-9][0-9]{0,4}$", "description": "WIDTHxHEIGHT, stretched"},
        _object("thumbnail", {"thumbnail": _SIDE}),
        _object("crop", {"crop": _SIDE}),
    ]
}
_RULE = {"resize": RESIZE_SCHEMA}
_FILE = _object("file", {"file": _TEXT, **_RULE})
_URL = _object("url", {"url": {"type": "string", "pattern": "^[hH][tT][tT][pP][sS]?://"}, **_RULE})
_WORLD = _object("world", {"world": {**_TEXT, "description": f"a caption such as: {CAPTION}"}, "seed": _SEED, **_RULE})
_BOX = _object("box", {"box": {"type": "array", "items": _SEED, "minItems": 4, "maxItems": 4,
                               "description": "left, top, right, bottom in pixels of the resized image"}})  # fmt: skip
_FOLDER = _object("folder", {"folder": _TEXT, "first": _WHOLE, **_RULE})
_ROW: dict[str, Any] = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "anyOf": [{"required": ["prompt"]}, {"required": ["mix"]}],
    "properties": {
        "id": {"type": ["string", "integer"]},
        "prompt": _TEXT,
        "negative_prompt": _TEXT,
        "seed": _SEED,
        "image": {"anyOf": [_TEXT, _FILE, _FOLDER, _URL, _WORLD],
                  "description": "a path, an address, world:CAPTION#SEED, or a mapping"},
        "image_caption": {**_TEXT, "description": "what the image shows: directional_similarity needs it"},
        "mask": {"anyOf": [_TEXT, _FILE, _URL, _BOX],
                 "description": "what is white is repainted: a path, box:LEFT,TOP,RIGHT,BOTTOM, alpha, or a mapping"},
        "hint": {"anyOf": [_TEXT, _FILE, _URL, _WORLD],
                 "description": "estimate, or a depth map: a path, or a mapping"},
        "mix": {"type": "array", "minItems": 2,
                "items": {"anyOf": [_TEXT, _object("text", {"text": _TEXT}), _FILE, _URL, _WORLD]}},
        "weights": {"type": "array", "items": {"type": "number"}, "minItems": 2},
        "task": {"enum": list(TASKS), "description": "for this task only"},
        "api": {"enum": list(APIS), "description": "for this form of the API only"},
    },
}  # fmt: skip

INPUTS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        {"type": "string", "description": "a table: .csv, .tsv, .jsonl or .parquet"},
        {"type": "array", "items": _ROW, "minItems": 1},
    ]
}
PROMPTS_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _TEXT,
        {"type": "array", "items": _TEXT, "minItems": 1},
        _object("file", {"file": _TEXT, "column": _TEXT, "first": _WHOLE}),
    ]
}
MASK_CONVENTION_SCHEMA: dict[str, Any] = {"enum": list(CONVENTIONS), "description": "what a mask's file repaints"}

#: Key → schema, for every key that :func:`harness.spec.inputs.inputs` reads.
SCHEMAS: dict[str, dict[str, Any]] = {
    "prompts": PROMPTS_SCHEMA,
    "inputs": INPUTS_SCHEMA,
    "negative_prompt": _TEXT,
    "seeds": {"anyOf": [_SEED, {"type": "array", "items": _SEED, "minItems": 1}]},
    "resize": RESIZE_SCHEMA,
    "mask_convention": MASK_CONVENTION_SCHEMA,
    "allow_urls": _FLAG,
    "normalise_weights": _FLAG,
}
