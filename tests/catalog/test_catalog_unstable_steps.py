"""The rules tell what the scan finds, and nothing else."""

from __future__ import annotations

import pytest

from harness.catalog.types import SchedulerVariant
from harness.catalog.unstable_steps import unstable
from harness.proof.deterministic import errors_of, once
from harness.proof.scan import scan, told
from harness.proof.walk import Course

_TRAILING = SchedulerVariant(name="DDIM", config={"timestep_spacing": "trailing"})


@pytest.mark.parametrize("variant", [_TRAILING, SchedulerVariant(name="DDIM"), SchedulerVariant(name="PNDM")])
def test_every_finding_is_told(variant: SchedulerVariant) -> None:
    assert [one for one in scan(variant) if not one.told] == []


def test_the_nearest_good_counts_are_good() -> None:
    reason = unstable("DDIM", _TRAILING.config, 128)
    assert reason is not None and reason.endswith("take 124 or 125 steps")
    bad, *good = (errors_of(once(_TRAILING, Course("2.2", "text-to-image", n)))[0] for n in (128, 124, 125))
    assert bad > 0.02 and max(good) < 0.013


def test_a_thousand_steps_of_leading_spacing_begin_too_high() -> None:
    reason = unstable("DDIM", {"steps_offset": 1}, 1000)
    assert reason is not None and "take 998 or 999 steps" in reason
    assert unstable("DDIM", {"steps_offset": 1}, 999) is None
    with pytest.raises(IndexError):
        once(SchedulerVariant(name="DDIM"), Course("2.2", "text-to-image", 1000))


def test_most_counts_are_not_refused() -> None:
    assert told(SchedulerVariant(name="EulerDiscrete"), 128, None) is False
    assert [n for n in range(1, 30) if unstable("DDIM", _TRAILING.config, n)] == []
