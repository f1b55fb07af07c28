"""A plan for people, and for machines."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from harness.plan.forecast import Pace
from harness.plan.render import plan_json, render_plan
from harness.plan.types import Plan

TEXT = """
name: which
question: Which is best?
prompts: [a star, a cross]
seeds: [0, 1]
scheduler: [DDIM, EulerDiscrete, DDPM]
num_inference_steps: 4
compare_to: {scheduler: DDIM, num_inference_steps: 50}
margins: {clip_score: 1}
timing: off
"""


def test_everything_a_person_wants_to_know_before_spending_anything(plan_of: Callable[..., Plan]) -> None:
    lines = render_plan(plan_of(TEXT)).splitlines()
    assert lines[0] == "which: Which is best?"
    assert "  3 cells × 4 images (2 prompts)" in lines
    assert "  compared with scheduler DDIM, num_inference_steps 50; margins: clip_score 1.0, world_truth 0.05" in lines
    assert "  DDIM · 4 steps      4 model calls" in lines
    assert "  DDIM · 50 steps    50 model calls  reference" in lines
    assert "refused (2)" not in lines and "refused (1)" in lines
    assert any(line.startswith("  scheduler EulerDiscrete, num_inference_steps 4: Euler") for line in lines)
    assert "  guidance_scale: 4" in lines
    assert "  12 images, 232 decoder and 100 prior calls" in lines
    assert "  time: unknown" in lines
    assert "  shared: prior 4 of 12 are computed" in lines


@pytest.mark.parametrize(("call_s", "told"), [(0.1, "39 s"), (10.0, "39 min"), (100.0, "6.4 h")])
def test_time_is_told_in_a_unit_of_its_size(plan_of: Callable[..., Plan], call_s: float, told: str) -> None:
    pace = Pace(model="mini-2.2", dtype="float32", height=64, width=64, call_s=call_s, rest_s=0.0, load_s=4.0,
                measured_in="r")  # fmt: skip
    assert f"  time: at most about {told}" in render_plan(plan_of(TEXT, paces=[pace])).splitlines()


def test_what_is_not_there_is_not_told(plan_of: Callable[..., Plan]) -> None:
    text = render_plan(plan_of("prompts: x\n"))
    assert "refused" not in text and "compared" not in text and text.startswith("spec\n  text-to-image on mini-2.2")


def test_a_plan_survives_a_journey_through_json(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(TEXT)
    assert Plan.model_validate_json(json.dumps(plan_json(plan))) == plan
