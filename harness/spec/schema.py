"""The JSON Schema that lets an editor complete specs: `python -m harness.spec.schema` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
from harness.catalog.metrics import MARGINS, MEASURES, SHIPPED, counts_shares
from harness.spec.inputs_schema import SCHEMAS
from harness.spec.knobs import KNOBS
from harness.spec.load import DEVICES, FIRST_THAT_FITS
from harness.spec.measuring import ALL, CONVERGED_STEPS, TIMING_DEFAULTS
from harness.spec.reference_sets import WORLD, WORLD_BOUNDS
from harness.spec.scorers import NETWORKS

SCHEMA = Path(harness.__file__).parent.parent / "experiments" / "spec.schema.json"

_TEXT = {"type": "string"}
_WHOLE = {"type": "integer", "minimum": 1}
_OFF = {"enum": [False, "off"]}
_LEAST, _MOST = CONVERGED_STEPS
_CONVERGED = {
    "num_inference_steps": {"type": "integer", "minimum": _LEAST, "maximum": _MOST},
    "first": {"anyOf": [_WHOLE, {"const": ALL}]},
}
_WORLD = {key: {"type": "integer", "minimum": low, "maximum": high} for key, (low, high) in WORLD_BOUNDS.items()}
_REFERENCE_SET = {
    "anyOf": [
        {"const": WORLD},
        {"type": "string", "minLength": 1, "description": "a folder of pictures, or a .safetensors or .npz file"},
        {
            "type": "object",
            "additionalProperties": False,
            "required": [WORLD],
            "properties": {WORLD: {"type": "object", "additionalProperties": False, "properties": _WORLD}},
        },
    ]
}
_PERCENT = {"type": "string", "pattern": "^[0-9]+([.][0-9]+)?%$"}
_MARGIN = {"anyOf": [{"type": "number", "minimum": 0}, _PERCENT, _OFF]}
_FRACTION = {"anyOf": [{"type": "number", "minimum": 0, "exclusiveMaximum": 1}, _PERCENT, _OFF]}
_SCORER = {
    "anyOf": [
        {"type": "string", "minLength": 1, "description": "a name of the catalog, or a folder"},
        {"type": "object", "required": ["folder"], "additionalProperties": False, "properties": {"folder": _TEXT}},
        {
            "type": "object",
            "required": ["hub"],
            "additionalProperties": False,
            "properties": {"hub": _TEXT, "revision": _TEXT},
        },
    ]
}


def schema() -> dict[str, Any]:
    """The schema, from the same tables that the loader checks by."""
    sweeps = {name: _or_list(_ref(name)) for name in KNOBS}
    known = {
        "name": _TEXT,
        "question": _TEXT,
        **sweeps,
        **SCHEMAS,
        "compare_to": {"anyOf": [_mapping({name: _ref(name) for name in KNOBS}), {"const": FIRST_THAT_FITS}]},
        "margins": _margins(),
        "metrics": _or_list({"enum": sorted(SHIPPED)}),
        "converged": _mapping(_CONVERGED),
        "scorers": _mapping(dict.fromkeys(NETWORKS, _SCORER)),
        "reference_set": _REFERENCE_SET,
        "timing": {"anyOf": [_OFF, _mapping(dict.fromkeys(TIMING_DEFAULTS, _WHOLE))]},
        "batch_size": _WHOLE,
        "device": {"enum": list(DEVICES)},
        "threads": _WHOLE,
        "cell_timeout": {"type": "number", "exclusiveMinimum": 0},
        "strict": {"type": "boolean"},
        "cases": {"type": "array", "items": _mapping(sweeps)},
        "exclude": {"type": "array", "items": _mapping(sweeps)},
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A Kandinsky harness experiment",
        "type": "object",
        "additionalProperties": False,
        "oneOf": [{"required": ["prompts"]}, {"required": ["inputs"]}],
        "properties": known,
        "$defs": {name: knob.schema for name, knob in KNOBS.items()},
    }


def _margins() -> dict[str, Any]:
    """A plain number is a fraction for what is a share, or is taken of the reference's."""
    metrics = {name: _FRACTION if counts_shares(name) else _MARGIN for name in MARGINS if name in SHIPPED}
    return _mapping({**metrics, **dict.fromkeys(MEASURES, _FRACTION)})


def _ref(knob: str) -> dict[str, Any]:
    return {"$ref": f"#/$defs/{knob}"}


def _mapping(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "minProperties": 1, "additionalProperties": False, "properties": properties}


def _or_list(item: dict[str, Any]) -> dict[str, Any]:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


def schema_json() -> str:
    """The schema's text, as it is committed."""
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema_json())
