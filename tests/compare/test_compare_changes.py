"""What changed beside the pictures is told by its name, and what always differs is not."""

from __future__ import annotations

from collections.abc import Callable

from harness.compare.types import Compared
from harness.compare.words import change_text

Compares = Callable[..., Compared]


def test_nothing_changed_is_nothing(compared: Compares) -> None:
    told = compared(environment={"state.load_average": [9.0, 9.0, 9.0]})
    assert not (told.environment or told.schedulers or told.weights)


def test_packages_flags_python_driver_and_revision_are_named(compared: Compares) -> None:
    told = compared(
        environment={
            "software.packages.torch": "2.15.0",
            "software.python": "3.14.0",
            "torch.tf32_matmul": True,
            "device.driver": "580.1",
            "source.revision": "ffff",
        }
    )
    found = {one.name: (one.baseline, one.run) for one in told.environment}
    assert found == {
        "software.packages.torch": ("2.14.1", "2.15.0"),
        "software.python": ("3.13.1", "3.14.0"),
        "torch.tf32_matmul": (False, True),
        "device.driver": (None, "580.1"),
        "source.revision": ("0123abcd", "ffff"),
    }


def test_a_package_that_came_is_absent_before(compared: Compares) -> None:
    (found,) = compared(environment={"software.packages.xformers": "1.0"}).environment
    assert change_text(found) == "software.packages.xformers: absent → 1.0"


def test_a_scheduler_default_that_changed_is_told_once_with_its_cells(compared: Compares) -> None:
    told = compared(scheduler={"clip_sample": True})
    assert {(one.name, one.baseline, one.run) for one in told.schedulers} == {
        ("DDIMScheduler config.clip_sample", False, True),
        ("DDPMScheduler config.clip_sample", False, True),
    }
    assert [len(one.cells) for one in told.schedulers] == [1, 1]


def test_other_weights_are_told_once_for_all_their_cells(compared: Compares) -> None:
    (found,) = compared(decoder="e" * 64).weights
    assert (found.name, found.baseline[:2], found.run[:2], len(found.cells)) == ("decoder", "dd", "ee", 2)
