"""The committed JSON Schema is today's, takes the shipped specs, and refuses what the loader refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from harness.spec.load import KEYS
from harness.spec.schema import SCHEMA, schema, schema_json

SPECS = sorted(SCHEMA.parent.glob("*.yaml"))


def _errors(data: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema()).iter_errors(data)]


def test_the_committed_schema_is_fresh() -> None:
    assert SCHEMA.read_text() == schema_json(), "run `python -m harness.spec.schema`"


def test_it_is_a_schema_and_knows_every_key() -> None:
    Draft202012Validator.check_schema(schema())
    assert set(schema()["properties"]) == set(KEYS)


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_shipped_specs_name_the_schema_and_satisfy_it(path: Any) -> None:
    text = path.read_text()
    assert text.startswith("# yaml-language-server: $schema=spec.schema.json\n")
    assert _errors(yaml.safe_load(text)) == []


GOOD: list[dict[str, Any]] = [
    {"model": ["mini-2.2", "./folder", {"decoder": "~/d", "prior": "kandinsky-2.2"}], "size": [64, "128x64"]},
    {"scheduler": ["DDIM", "DDPMScheduler", "model-default", {"DDPM": {"subfolder": "x", "clip_sample": False}}]},
    {"timing": "off"},
    {"compare_to": {"scheduler": "DDIM"}, "margins": {"clip_score": 1, "latency": "3.5%"}},
    {"timing": {"repeats": 2}, "cases": [{"guidance_scale": [1, 2]}], "exclude": [{"size": 64}], "seeds": [0, 1]},
]
BAD: list[dict[str, Any]] = [
    {"modle": "mini-2.2"},
    {"model": "mini"},
    {"model": {"decodr": "./x"}},
    {"num_inference_steps": []},
    {"num_inference_steps": 0},
    {"guidance_scale": "4"},
    {"size": "64x"},
    {"scheduler": "DDI"},
    {"scheduler": {"DDIM": {"timestep_spacing": "odd"}}},
    {"scheduler": {"DDIM": {"nothing": 1}}},
    {"compare_to": {"num_inference_steps": [1, 2]}},
    {"compare_to": {}},
    {"margins": {"frechet": 1}},
    {"margins": {"world_truth": 5}},
    {"margins": {"latency": 3}},
    {"timing": {"repeat": 1}},
    {"inputs": "a.csv"},
]


@pytest.mark.parametrize("data", GOOD, ids=str)
def test_the_schema_and_the_loader_both_take(data: dict[str, Any], faults_of: Callable[[str], list[Any]]) -> None:
    whole = {"prompts": "a star", **data}
    assert _errors(whole) == []
    assert [f for f in faults_of(json.dumps(whole)) if not f.missing] == []


@pytest.mark.parametrize("data", BAD, ids=str)
def test_the_schema_and_the_loader_both_refuse(data: dict[str, Any], faults_of: Callable[[str], list[Any]]) -> None:
    whole = {"prompts": "a star", **data}
    assert _errors(whole) and faults_of(json.dumps(whole))
