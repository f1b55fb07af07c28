"""``harness plan`` says what fits, for a device by its name or for an amount of memory."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Harness = Callable[..., Any]
SPEC = "model: mini-3\nprompts: [a red star]\nnum_inference_steps: [2, 4]\nmetrics: [clip_score]\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_a_device_by_its_name_is_held_against(harness: Harness) -> None:
    Path("small.yaml").write_text(SPEC)
    said = harness("plan", "small.yaml", "--device", "a100-80gb")
    assert said.code == 0 and "held against 80.0 GiB of a100-80gb" in said.out
    plan = json.loads(harness("plan", "small.yaml", "--memory", "16GB", "--json").out)
    assert plan["preflight"]["memory_bytes"] == 16_000_000_000
    (group,) = plan["preflight"]["groups"]
    assert group["fit"]["verdict"] == "fits" and len(group["image_flops"]) == 2


def test_without_either_nothing_is_estimated(harness: Harness) -> None:
    Path("small.yaml").write_text(SPEC)
    assert "held against" not in harness("plan", "small.yaml", "--device", "cpu").out
    assert "preflight" not in json.loads(harness("plan", "small.yaml", "--json").out)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--device", "a100-80"), "Did you mean 'a100-80gb'?"),
        (("--device", "abacus"), "any other by --memory"),
        (("--memory", "16"), "write 16GiB (17.2 billion bytes) or 16GB (16 billion)"),
    ],
)
def test_an_unknown_device_or_amount_is_a_usage_error(harness: Harness, options: tuple[str, str], told: str) -> None:
    said = harness("plan", "quickstart", *options)
    assert said.code == 2 and told in said.err


def test_a_run_takes_kinds_only(harness: Harness) -> None:
    assert harness("run", "quickstart", "--device", "a100-80gb").code == 2
