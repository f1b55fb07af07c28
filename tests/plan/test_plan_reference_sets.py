"""A spec's reference set in its plan: what a run would refuse, what nothing uses, and what a look costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import ExitCode, MissingError, SpecError
from harness.plan.reference_sets import STAGE
from harness.plan.render import render_plan
from harness.plan.types import Plan, ReferenceSet, StageCount

Plans = Callable[..., Plan]
TEXT = """
prompts: [a star, a cross]
num_inference_steps: [4, 10]
timing: off
reference_set: {world: {count: 1500, seed: 7}}
"""


def refused(asked: ReferenceSet) -> int:
    """As a run finds an empty folder."""
    raise MissingError(
        "/data/empty holds 0 pictures.", expected="a folder with pictures", do="check `reference_set` in the spec"
    )


def looks(plan: Plan) -> list[StageCount]:
    return [stage for stage in plan.forecast.stages if stage.stage == STAGE]


def test_the_look_is_counted_once_for_each_network(plan_of: Plans) -> None:
    plan = plan_of(f"{TEXT}metrics: [kid, precision, cmmd_unbiased, clip_score]\n")
    assert looks(plan) == [StageCount(stage=STAGE, uses=2 * 2 * 1500, distinct=2 * 1500)], "two cells, two networks"
    told = "the reference set's 1,500 pictures are looked at with mini-extractor, mini-scorer, once"
    assert told in render_plan(plan)
    one = plan_of(f"{TEXT}metrics: [kid, clip_score]\n")
    assert looks(one) == [StageCount(stage=STAGE, uses=2 * 1500, distinct=1500)]


def test_pictures_are_counted_by_whoever_looks(plan_of: Plans) -> None:
    plan = plan_of(f"{TEXT}metrics: kid\n", count=lambda _: 12)
    assert looks(plan)[0].distinct == 12
    assert looks(plan_of(f"{TEXT}metrics: kid\n", count=lambda _: 0)) == [], "a file brings its own numbers"


def test_without_a_set_nothing_is_looked_at_and_nothing_is_told(plan_of: Plans) -> None:
    plan = plan_of(TEXT.partition("reference_set")[0], count=refused)
    assert looks(plan) == [] and not any("reference" in note for note in plan.forecast.notes)


def test_what_a_run_would_refuse_is_a_fault_on_its_line(plan_of: Plans) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of(f"{TEXT}metrics: kid\n", count=refused)
    (fault,) = caught.value.problems
    assert (fault.path, fault.line, fault.missing) == ("reference_set", 5, True)
    assert fault.happened == "/data/empty holds 0 pictures; check `reference_set` in the spec"
    assert fault.expected == "a folder with pictures" and caught.value.exit_code == ExitCode.MISSING


def test_it_is_told_together_with_other_faults(plan_of: Plans) -> None:
    with pytest.raises(SpecError) as caught:
        plan_of(f"{TEXT}metrics: kid\nthreads: none\n", count=refused)
    assert {fault.path for fault in caught.value.problems} == {"reference_set", "threads"}
    assert caught.value.exit_code == ExitCode.USAGE, "not all of it is missing"


def test_a_set_that_no_metric_uses_is_a_note_and_is_not_looked_into(plan_of: Plans) -> None:
    """Kandinsky's real models have no extractor of their own, so that no metric of the task is held against a set."""
    plan = plan_of(f"{TEXT}model: kandinsky-2.2\n", count=refused)
    assert plan.metrics == ("clip_score",) and looks(plan) == []
    (note,) = [note for note in plan.notes if "reference_set" in note]
    assert note.startswith("`reference_set` is not used: no metric of this plan is held against a set of pictures")
    assert "kid" in note and note in plan.forecast.notes
    assert not any("not used" in note for note in plan_of(TEXT).notes), "the miniature's frechet uses it"
