"""The rules tell what is measured in diffusers' own pipelines, to the step, and nothing else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import pytest
import torch

from harness.catalog.least_steps import LEAST, NONE
from harness.catalog.schedulers import SUFFIX
from harness.catalog.types import SchedulerVariant, Version
from harness.catalog.unstable_steps import unstable
from harness.proof.deterministic import errors_of, once
from harness.proof.levels import base_config
from harness.proof.naming import named
from harness.proof.scan import overshoot, scan, told
from harness.proof.subjects import made
from harness.proof.walk import Course, walk

_TRAILING = SchedulerVariant(name="DDIM", config={"timestep_spacing": "trailing"})
_COSINE = {"beta_schedule": "squaredcos_cap_v2"}
_WIDER, _OFF, _CHANCE = 0.5, 0.2, 0.12


def _edges() -> Iterator[tuple[SchedulerVariant, Version, int]]:
    for name, rows in LEAST.items():
        for row in rows:
            needed = {"final_sigmas_type": "sigma_min"} if "algorithm_type" in row.when else {}
            variant = SchedulerVariant(name=name, config={**row.when, **needed})
            for version, least in (("2.2", row.linear), ("3", row.cosine)):
                if 1 < least < NONE:
                    yield variant, version, least  # type: ignore[misc]


_EDGES = list(_edges())


def _overshoots(variant: SchedulerVariant, version: Version, steps: int, chance: float) -> str | None:
    course = Course(version, "text-to-image", steps)
    start = torch.randn(1, 4, 48, 48, generator=torch.Generator().manual_seed(7))  # not what it draws
    done = walk(course, made(variant, version), start)
    return overshoot(done, _WIDER + chance, _OFF + chance)


@pytest.mark.parametrize(
    ("variant", "version", "least"), _EDGES, ids=[f"{named(one)}, {version}" for one, version, _ in _EDGES]
)
def test_the_least_count_is_the_measured_one(variant: SchedulerVariant, version: Version, least: int) -> None:
    assert _overshoots(variant, version, least - 1, -_CHANCE) is not None
    assert _overshoots(variant, version, least, _CHANCE) is None
    assert told(variant, version, least - 1) and not told(variant, version, least)


@pytest.mark.parametrize("variant", [_TRAILING, SchedulerVariant(name="PNDM"), SchedulerVariant(name="HeunDiscrete")])
def test_every_finding_is_told(variant: SchedulerVariant) -> None:
    found = scan(variant)
    assert found and [one for one in found if not one.told] == []


def test_the_nearest_good_counts_are_good() -> None:
    reason = unstable("DDIM", _TRAILING.config, 128)
    assert reason is not None and reason.endswith("take 124 or 125 steps")
    bad, *good = (errors_of(once(_TRAILING, Course("2.2", "text-to-image", n)))[0] for n in (128, 124, 125))
    assert bad > 0.02 and max(good) < 0.013


@pytest.mark.parametrize("spacing", ["trailing", "linspace"])
def test_pndm_has_the_same_stride(spacing: str) -> None:
    variant = SchedulerVariant(name="PNDM", config={"timestep_spacing": spacing})
    assert told(variant, "2.2", 128) and not told(variant, "2.2", 125)
    bad, good = (errors_of(once(variant, Course("2.2", "text-to-image", n)))[0] for n in (128, 125))
    assert bad > 0.03 and good < 0.02


@pytest.mark.parametrize(("offset", "steps", "last_good"), [(1, 1000, 999), (300, 4, 3), (112, 9, 8)])
def test_leading_spacing_may_begin_too_high(offset: int, steps: int, last_good: int) -> None:
    variant = SchedulerVariant(name="DDIM", config={"steps_offset": offset})
    assert told(variant, "2.2", steps) and not told(variant, "2.2", last_good)
    once(variant, Course("2.2", "text-to-image", last_good))
    with pytest.raises(IndexError):
        once(variant, Course("2.2", "text-to-image", steps))


@pytest.mark.parametrize(
    ("name", "config"),
    [("DDIM", {}), ("DDPM", {}), ("EulerDiscrete", {}), ("HeunDiscrete", {"use_karras_sigmas": True}),
     ("DEISMultistep", {"use_karras_sigmas": True}), ("EDMEuler", {"sigma_schedule": "exponential"})],
)  # fmt: skip
def test_one_step_from_the_bottom_leaves_noise(name: str, config: dict[str, Any]) -> None:
    variant = SchedulerVariant(name=name, config=config)
    assert told(variant, "2.2", 1) and not told(variant, "2.2", 20)
    end = once(variant, Course("2.2", "text-to-image", 1)).end[:, 0]
    assert float(end.std()) > 0.9 and abs(float(end.mean())) < 0.1


@pytest.mark.parametrize(
    "variant", [SchedulerVariant(name="DDIM", config={"timestep_spacing": "trailing"}),
                SchedulerVariant(name="DPMSolverMultistep"), SchedulerVariant(name="UniPCMultistep"),
                SchedulerVariant(name="EDMEuler")], ids=named
)  # fmt: skip
def test_one_step_from_the_top_makes_the_mean(variant: SchedulerVariant) -> None:
    assert not told(variant, "2.2", 1)
    end = once(variant, Course("2.2", "text-to-image", 1)).end[:, 0]
    assert float(end.std()) < 0.1 and float(end.mean()) == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize(
    ("name", "spacing", "bad", "good"),
    [("DPMSolverMultistep", "linspace", 1000, 999), ("UniPCMultistep", "leading", 999, 998),
     ("DEISMultistep", "trailing", 998, 999)],
)  # fmt: skip
def test_places_that_are_the_same(name: str, spacing: str, bad: int, good: int) -> None:
    variant = SchedulerVariant(name=name, config={"timestep_spacing": spacing})
    assert told(variant, "2.2", bad) and not told(variant, "2.2", good)
    found = [errors_of(once(variant, Course("2.2", "text-to-image", n)))[0] for n in (bad, good)]
    assert math.isnan(found[0]) and found[1] < 0.01


def test_coefficients_that_lose_their_digits() -> None:
    third, second = (SchedulerVariant(name="DEISMultistep", config={"solver_order": order}) for order in (3, 2))
    assert told(third, "2.2", 400) and not told(third, "2.2", 250) and not told(second, "2.2", 400)
    found = [errors_of(once(one, Course("2.2", "text-to-image", n)))[0]
             for one, n in ((third, 400), (third, 250), (second, 400))]  # fmt: skip
    assert found[0] > 0.015 and max(found[1:]) < 0.004


@pytest.mark.parametrize("name", ["LCM", "TCD"])
def test_forced_ones_take_no_more_than_their_original_steps(name: str) -> None:
    reason = unstable(name, base_config("2.2"), 60)
    assert reason is not None and reason.endswith("take 49 or 50 steps")
    with pytest.raises(ValueError, match="smaller than `num_inference_steps`"):
        once(SchedulerVariant(name=name), Course("2.2", "text-to-image", 60))
    assert unstable(name, base_config("2.2") | {"original_inference_steps": 100}, 60) is None


def test_a_start_in_the_middle_leaves_the_highest_sigmas_out() -> None:
    """Unless they are spread anew: then its steps are as large from there."""
    for config, bad in (({}, False), ({"use_karras_sigmas": True}, True)):
        variant = SchedulerVariant(name="HeunDiscrete", config=config)
        done = once(variant, Course("3", "image-to-image", 10, 0.5))
        assert (overshoot(done, _WIDER, _OFF) is not None) is bad
        assert told(variant, "3", 10, 0.5) is bad and told(variant, "3", 10)


def test_one_step_may_change_a_picture_hardly() -> None:
    assert unstable("DDIM", {}, 1) is not None and unstable("DDIM", {}, 1, 1) is None


def test_most_counts_are_not_refused() -> None:
    assert not told(SchedulerVariant(name="EulerDiscrete"), "2.2", 128)
    assert [n for n in range(2, 30) if unstable("DDIM", _TRAILING.config, n)] == []
    assert [n for n in range(2, 999) if unstable("EulerDiscrete", _COSINE, n)] == []
    assert unstable("HeunDiscrete", {**_COSINE, "use_beta_sigmas": True}, 500) is not None


def test_a_class_is_known_by_both_its_names() -> None:
    assert unstable("HeunDiscrete" + SUFFIX, {}, 2) == unstable("HeunDiscrete", {}, 2) is not None
