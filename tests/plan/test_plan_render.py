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
scheduler: [DDIM, IPNDM, DDPM]
num_inference_steps: 4
compare_to: {scheduler: DDIM, num_inference_steps: 50}
margins: {clip_score: 1}
timing: off
"""


def test_everything_a_person_wants_to_know_before_spending_anything(plan_of: Callable[..., Plan]) -> None:
    lines = render_plan(plan_of(TEXT)).splitlines()
    assert lines[0] == "which: Which is best?"
    assert "  3 cells × 4 images (2 prompts)" in lines
    assert "  text-to-image with mini-2.2 (Kandinsky 2.2)" in lines
    assert "    prior: shipped with the harness, miniature/weights/mini-2.2/prior" in lines
    assert "  scored by clip_score (mini-scorer), frechet (mini-extractor), world_truth (mini-judge)" in lines
    assert "  compared with scheduler DDIM, num_inference_steps 50, all else equal" in lines
    within = "clip_score 1 points, world_truth 5 %-points"
    assert f"  margins, within which a difference does not matter: {within}" in lines
    assert "  DDIM · 4 steps     4 calls" in lines
    assert "  DDIM · 50 steps   50 calls  reference" in lines
    assert "  reference_set: the extractor's own statistics" in lines
    assert "  guidance_scale: 4" in lines and "  metrics: clip_score, frechet, world_truth" in lines
    assert "  images: 12" in lines and "  disk: about 0.3 MB" in lines and "  loads of a pipeline: 1" in lines
    calls = "  model calls: 232 of the decoder, 100 of the prior; 4 results of the prior serve all images"
    assert calls in lines and "  time: unknown" in lines
    assert "  seconds: nothing like mini-2.2 was timed on this machine yet" in lines


def test_a_scheduler_that_no_label_names_stands_above_them(plan_of: Callable[..., Plan]) -> None:
    lines = render_plan(plan_of("prompts: x\nscheduler: UniPCMultistep\nnum_inference_steps: [1, 10]\n")).splitlines()
    at = lines.index("cells, all with UniPCMultistep, and how often each calls the decoder for an image")
    assert lines[at + 1 : at + 3] == ["  1 step       1 call", "  10 steps   10 calls"]


def test_what_several_schedulers_drop_is_one_note(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of("prompts: x\nmodel: mini-2.2\nscheduler: [UniPCMultistep, EulerDiscrete, HeunDiscrete]\n")
    dropped = [note for note in plan.notes if ": dropped " in note]
    of = "built from the DDIMScheduler of mini-2.2's decoder: dropped"
    assert dropped == [
        f"UniPCMultistep, EulerDiscrete, {of} clip_sample=false, set_alpha_to_one=false",
        f"HeunDiscrete, {of} set_alpha_to_one=false",
    ]


def test_a_refusal_tells_its_reason_once_over_what_it_takes(plan_of: Callable[..., Plan]) -> None:
    text = TEXT.replace("steps: 4", "steps: [4, 8]").replace("DDPM]", "CogVideoXDDIM]")
    _, _, rest = render_plan(plan_of(text)).partition("refused, and left out (4)\n")
    lines = rest.split("\n\n")[0].splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "  IPNDMScheduler",
        "    scheduler IPNDM, num_inference_steps 4",
        "    scheduler IPNDM, num_inference_steps 8",
        "  CogVideoXDDIMScheduler",
        "    scheduler CogVideoXDDIM, num_inference_steps 4",
        "    scheduler CogVideoXDDIM, num_inference_steps 8",
    ]


STACKS = "prompts: [a star, a cross]\noptimizations: [none, compile, xformers, movq-slicing]\ntiming: off\n"


def without(*names: str) -> Callable[[str, str], str | None]:
    """A machine that has all but these."""
    return lambda _, name: f"{name} is not installed" if name in names else None


def test_what_this_machine_lacks_stands_apart_from_what_is_refused(plan_of: Callable[..., Plan]) -> None:
    text = render_plan(plan_of(STACKS, lack=without("xformers")))
    sections = {section.splitlines()[0]: section for section in text.split("\n\n")}
    here = sections["unavailable on this machine, and left out (1)"]
    assert "because xformers is not installed" in here and "movq-slicing" not in here
    nowhere = sections["refused, and left out (1)"]
    assert "optimizations movq-slicing" in nowhere and "xformers" not in nowhere


def test_one_cell_that_is_left_of_several_is_told_at_the_top(plan_of: Callable[..., Plan]) -> None:
    told = "  only one cell is left (3 combinations are left out, below): there is nothing to compare"
    lines = render_plan(plan_of(STACKS, lack=without("xformers", "compile"))).splitlines()
    assert told in lines[:6]
    assert not any("nothing to compare" in line for line in render_plan(plan_of(STACKS)).splitlines())
    assert "nothing to compare" not in render_plan(plan_of("prompts: x\n")), "one cell was asked for"


def test_first_that_fits_says_which_cell_is_the_reference(plan_of: Callable[..., Plan]) -> None:
    lines = render_plan(plan_of(f"{STACKS}compare_to: first-that-fits\n", lack=without("xformers"))).splitlines()
    told = "the first cell of each family, in the order below, that does not fail (first-that-fits)"
    assert f"  compared with {told}, all else equal" in lines
    assert [line.split()[0] for line in lines if line.endswith("tried first as the reference")] == ["none"]


def test_optimizations_without_a_reference_are_noted(plan_of: Callable[..., Plan]) -> None:
    def noted(text: str) -> bool:
        return any("names no reference" in note for note in plan_of(text, lack=without("xformers")).notes)

    assert noted(STACKS)
    assert not noted(f"{STACKS}compare_to: {{optimizations: none}}\n")
    assert not noted(f"{STACKS}compare_to: first-that-fits\n") and not noted("prompts: x\nscheduler: [DDIM, DDPM]\n")


def test_what_differs_by_model_names_the_model(plan_of: Callable[..., Plan]) -> None:
    lines = render_plan(plan_of("prompts: x\nmodel: [mini-2.2, kandinsky-2.2]\n")).splitlines()
    assert "    decoder: the hub's kandinsky-community/kandinsky-2-2-decoder at the newest revision" in lines
    assert "  size: 64 (mini-2.2); 512 (kandinsky-2.2)" in lines
    assert "  2 cells × 1 image (1 prompt)" in lines


@pytest.mark.parametrize(("call_s", "told"), [(0.1, "39 s"), (10.0, "39 min"), (100.0, "6.4 h")])
def test_time_is_told_in_a_unit_of_its_size(plan_of: Callable[..., Plan], call_s: float, told: str) -> None:
    pace = Pace(model="mini-2.2", task="text-to-image", dtype="float32", height=64, width=64, call_s=call_s,
                rest_s=0.0, load_s=4.0, measured_in="r")  # fmt: skip
    assert f"  time: about {told}, if nothing of it is stored" in render_plan(plan_of(TEXT, paces=[pace])).splitlines()


def test_what_is_not_there_is_not_told(plan_of: Callable[..., Plan]) -> None:
    text = render_plan(plan_of("prompts: x\n"))
    assert "refused" not in text and "compared" not in text and text.startswith("spec\n  text-to-image with mini-2.2")


def test_a_plan_survives_a_journey_through_json(plan_of: Callable[..., Plan]) -> None:
    plan = plan_of(TEXT)
    assert Plan.model_validate_json(json.dumps(plan_json(plan))) == plan
