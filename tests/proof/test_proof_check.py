"""What the catalog calls right is: every variant in text-to-image and from the middle on 2.2, others in samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from harness.catalog.scheduler_rows import REFUSED, VARIANTS
from harness.catalog.schedulers import is_stochastic
from harness.catalog.types import SchedulerVariant, Task, Version
from harness.proof.check import Cell, answer, mismatch, order_of
from harness.proof.deterministic import errors_of, once
from harness.proof.naming import named
from harness.proof.problems import PROBLEMS
from harness.proof.refusals import STAYS, attempts, without_adapter, worth_trying_bare
from harness.proof.stochastic import batch_difference, chain
from harness.proof.subjects import problems_for
from harness.proof.walk import Course
from harness.proof.whole import holds

_FIXED = [one for one in VARIANTS if not is_stochastic(one.name, one.config, one.step)]
_NOISY = [one for one in VARIANTS if is_stochastic(one.name, one.config, one.step)]
_PLACES: tuple[tuple[Task, float | None], ...] = (("text-to-image", None), ("image-to-image", 0.5))


def _ids(variants: Sequence[SchedulerVariant]) -> list[str]:
    return [named(one) for one in variants]


@pytest.mark.parametrize("variant", _FIXED, ids=_ids(_FIXED))
def test_a_deterministic_one_nears_the_answer(variant: SchedulerVariant) -> None:
    for task, strength in _PLACES:
        few, more = (
            errors_of(once(variant, Course("2.2", task, steps, strength, problems=problems_for(variant))))[0]
            for steps in (8, 32)
        )
        assert more < max(0.75 * few, 0.006) and more < 0.1, (task, few, more)


@pytest.mark.parametrize("variant", _NOISY, ids=_ids(_NOISY))
def test_a_stochastic_one_makes_the_data(variant: SchedulerVariant) -> None:
    for task, strength in _PLACES:
        found = chain(variant, Course("2.2", task, 40, strength))
        assert found.draws and min(found.noise_shares) > 0.001
        assert max(map(abs, found.mean_errors)) < 0.005
        assert abs(found.width_errors[0]) < 0.16
        assert batch_difference(variant, "2.2", task, strength) == 0


@pytest.mark.parametrize("version", ["2.1", "2.2", "3"])
@pytest.mark.parametrize("name", ["DDIM", "HeunDiscrete", "UniPCMultistep"])
def test_each_version_has_them(version: Version, name: str) -> None:
    for task, strength in _PLACES:
        found = answer(Cell(SchedulerVariant(name=name), version, task, strength))
        assert found.verdict.word == "right", found.verdict.reason


@pytest.mark.parametrize("steps", [3, 10])
def test_an_ideal_learned_variance_makes_the_data_at_any_count(steps: int) -> None:
    """J. Ho et al.'s posterior has the data's mean and width exactly, where its variance is the true one."""
    found = chain(SchedulerVariant(name="DDPM", config={"variance_type": "learned_range"}),
                  Course("2.2", "text-to-image", steps))  # fmt: skip
    assert max(map(abs, (*found.mean_errors, *found.width_errors))) < 2e-4
    fixed = chain(SchedulerVariant(name="DDPM"), Course("2.2", "text-to-image", steps))
    assert abs(fixed.width_errors[0]) > 0.1


def test_what_clips_changes_nothing_inside_and_much_outside() -> None:
    config = {"thresholding": True, "sample_max_value": 1.0}
    clipping, free = (
        SchedulerVariant(name="DPMSolverMultistep", config=config),
        SchedulerVariant(name="DPMSolverMultistep"),
    )
    inside = problems_for(clipping)
    ends = [once(one, Course("2.2", "text-to-image", 20, problems=inside)).end for one in (clipping, free)]
    assert float((ends[0] - ends[1]).abs().max()) < 1e-6
    wide, free_wide = (
        errors_of(once(one, Course("2.2", "text-to-image", 20, problems=PROBLEMS)))[1] for one in (clipping, free)
    )  # of N(0, 1), a third of which it clips
    assert wide > free_wide + 0.1


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_a_refusal_is_for_cause(name: str) -> None:
    assert all(holds(one) for one in attempts(name)), attempts(name)


def test_without_the_adapter_one_raises_one_stays_wrong_and_one_is_right() -> None:
    heun, euler, ddim = (
        without_adapter(SchedulerVariant(name=name)) for name in ("HeunDiscrete", "EulerDiscrete", "DDIM")
    )
    assert heun.raised is not None and "generator" in heun.raised
    assert euler.raised is None and min(euler.errors) > STAYS
    assert ddim.raised is None and ddim.errors[-1] < 0.01


def test_a_variant_that_takes_more_of_the_adapter_than_its_class_is_tried_without() -> None:
    karras = SchedulerVariant(name="DPMSolverMultistep", config={"use_karras_sigmas": True})
    noisy = SchedulerVariant(name="DDIM", step={"eta": 1.0})
    trailing = SchedulerVariant(name="DDIM", config={"timestep_spacing": "trailing"})
    euler = SchedulerVariant(name="EulerDiscrete")
    assert worth_trying_bare([karras, noisy, trailing, euler]) == [karras, euler]


@pytest.mark.parametrize(("name", "lost"), [("LCM", 0.31), ("TCD", 0.06)])
def test_what_is_distilled_loses_variety_elsewhere(name: str, lost: float) -> None:
    variant = SchedulerVariant(name=name, config={"original_inference_steps": 500})
    half, whole = (chain(variant, Course("2.2", "text-to-image", n)).width_errors[0] for n in (250, 500))
    assert whole == pytest.approx(-lost, abs=0.01) and whole < 0.85 * half


@pytest.mark.parametrize(
    "variant", [SchedulerVariant(name="LMSDiscrete"), SchedulerVariant(name="DEISMultistep"),
                SchedulerVariant(name="DPMSolverMultistep", config={"solver_order": 3})], ids=named
)  # fmt: skip
def test_where_an_order_falls_short_the_cause_is_shown(variant: SchedulerVariant) -> None:
    found = order_of(variant)
    assert found.kept or found.cause is not None, found


def test_an_order_is_measured() -> None:
    assert order_of(SchedulerVariant(name="EulerDiscrete")).order.own == pytest.approx(1, abs=0.3)
    assert order_of(SchedulerVariant(name="HeunDiscrete")).order.own == pytest.approx(2, abs=0.3)


def test_the_noise_of_version_2_1_is_not_its_schedulers() -> None:
    found = mismatch()
    assert set(found) == {"0.1", "0.3", "0.6", "1"}
    assert all(math.isfinite(size) for size in found.values())
    assert found["0.3"] > 0.05 and found["0.6"] > 0.05
