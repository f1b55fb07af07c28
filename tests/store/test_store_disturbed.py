"""What disturbed a block, in words and as a share; several blocks as one."""

from __future__ import annotations

import pytest

from harness.store.disturbed import FOREIGN_LOAD_LIMIT, Disturbed, together


def _block(seconds: float = 1.0, **fields: object) -> Disturbed:
    return Disturbed.model_validate({"seconds": seconds, **fields})


@pytest.mark.parametrize(
    ("foreign_cpu_s", "cpu_s", "share"),
    [(1.0, 4.0, 0.25), (-0.02, 4.0, 0.0), (4.1, 4.0, 1.0), (None, None, None), (0.0, 0.0, None)],
)
def test_the_share_of_others(foreign_cpu_s: float | None, cpu_s: float | None, share: float | None) -> None:
    assert _block(foreign_cpu_s=foreign_cpu_s, cpu_s=cpu_s).foreign_load == share


def test_nothing_seen() -> None:
    known = _block(throttled=(), foreign_processes=0, foreign_cpu_s=0.1, cpu_s=20.0, clock_settings=("a",))
    for quiet in (_block(), known):
        assert not quiet.is_disturbed and quiet.words() == "Nothing that disturbed it was seen."


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"throttled": ("power cap", "power brake")}, "The device was throttled (power cap, power brake)."),
        ({"foreign_processes": 1}, "1 other process used the device."),
        ({"foreign_processes": 2}, "2 other processes used the device."),
        ({"foreign_cpu_s": 1.0, "cpu_s": 4.0}, "Other processes had 25% of the processors' time."),
        ({"container_throttled": 1}, "The container's processor limit held it back 1 time."),
        (
            {"container_throttled": 7, "foreign_processes": 3},
            "3 other processes used the device; the container's processor limit held it back 7 times.",
        ),
    ],
)
def test_each_disturbance_has_its_words(fields: dict[str, object], sentence: str) -> None:
    assert _block(**fields).is_disturbed and _block(**fields).words() == sentence


def test_the_limit_of_others_load_and_the_grain_of_the_count() -> None:
    assert not _block(foreign_cpu_s=FOREIGN_LOAD_LIMIT * 10.0, cpu_s=10.0).is_disturbed
    assert _block(foreign_cpu_s=FOREIGN_LOAD_LIMIT * 10.0 + 0.1, cpu_s=10.0).is_disturbed
    assert not _block(foreign_cpu_s=0.04, cpu_s=0.2).is_disturbed  # two ticks on each of two processors


def test_several_blocks_as_one() -> None:
    first = _block(1.0, throttled=("power cap",), clock_samples=2, foreign_processes=1, foreign_cpu_s=0.25, cpu_s=2.0,
                   container_throttled=1, governor="powersave", missing={"energy": "no"})  # fmt: skip
    second = _block(3.0, throttled=("power cap", "power brake"), clock_settings=("application clocks",),
                    clock_samples=3, foreign_processes=2, foreign_cpu_s=-0.125, cpu_s=6.0, container_throttled=2,
                    governor="powersave", notes=("a", "b"))  # fmt: skip
    assert together([first, second]) == _block(
        4.0, throttled=("power cap", "power brake"), clock_settings=("application clocks",), clock_samples=5,
        foreign_processes=2, foreign_cpu_s=0.125, cpu_s=8.0, container_throttled=3, governor="powersave",
        missing={"energy": "no"}, notes=("a", "b"),
    )  # fmt: skip


def test_what_no_block_has_stays_missing_and_what_one_has_is_there() -> None:
    none = together([_block(missing={"throttled": "no driver"}), _block(missing={"throttled": "no driver"})])
    assert none is not None and none.throttled is None and none.foreign_processes is None and none.foreign_cpu_s is None
    assert none.container_throttled is None and none.governor is None and none.missing == {"throttled": "no driver"}
    some = together([_block(), _block(throttled=(), container_throttled=0)])
    assert some is not None and some.throttled == () and some.container_throttled == 0
    assert together([]) is None
