"""From samples to a timing: medians, visits, drift and memory with known answers; and back from the store."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.base import digest
from harness.run.protocol import TimeDone
from harness.run.timing_record import Samples, memory_of, store_timing, stored_timing, timing_of
from harness.store.disturbed import Disturbed
from harness.store.store import open_store


def _done(*seconds: float, peak: int | None = None, difference: int | None = None) -> TimeDone:
    return TimeDone(
        first_call_s=9.0,
        steady_s=list(seconds),
        prior_s=[0.1] * len(seconds),
        peak_device_bytes=peak,
        reserved_device_bytes=None if peak is None else 2 * peak,
        used_device_bytes=None if peak is None else 3 * peak,
        largest_pixel_difference=difference,
    )


def _samples(*visits: list[float], brackets: dict[int, float] | None = None) -> Samples:
    sample = Samples()
    for visit, seconds in enumerate(visits):
        for sweep, second in enumerate(seconds):
            sample.add(_done(second), visit, first_call_s=9.0 if sweep == 0 else None)
    for visit, second in (brackets or {}).items():
        sample.bracket_s[visit].append(second)
    return sample


def test_the_record_of_two_visits() -> None:
    sample = _samples([4.0, 6.0, 5.0], [5.0, 4.5, 5.5])
    sample.load_s = [2.0, 3.0]
    timing = timing_of(sample, batch=2, run_id="run-1", drift=0.01)
    assert timing.steady_s == [4.0, 6.0, 5.0, 5.0, 4.5, 5.5] and timing.round_of_call == [0, 0, 0, 1, 1, 1]
    assert timing.first_call_s == [9.0, 9.0] and timing.load_s == [2.0, 3.0] and timing.prior_s == [0.1] * 6
    assert (timing.latency_s, timing.throughput_images_per_s) == (2.5, 0.4)  # a median of 5 s for two pictures
    assert timing.latency_interval is not None  # six values at 95 %: from the least to the greatest
    assert (timing.latency_interval.low, timing.latency_interval.high) == (2.0, 3.0)
    assert (timing.measured_in, timing.drift, timing.batch) == ("run-1", 0.01, 2)


def test_too_few_calls_have_no_interval() -> None:
    assert timing_of(_samples([1.0, 2.0, 3.0]), 1, "run-1", None).latency_interval is None


@pytest.mark.parametrize(("found", "match"), [([None, None], None), ([0, 0], True), ([0, 3, 1], False)])
def test_pictures_that_differ_are_told(found: list[int | None], match: bool | None) -> None:
    sample = Samples()
    for difference in found:
        sample.add(_done(1.0, difference=difference), 0)
    timing = timing_of(sample, 1, "run-1", None)
    known = [difference for difference in found if difference is not None]
    assert timing.images_match_quality_pass is match
    assert timing.largest_pixel_difference == (max(known) if known else None)


@pytest.mark.parametrize(
    ("sample", "drift"),
    [
        (_samples([2.0, 2.0], [2.0, 2.0]), 0.0),
        (_samples([1.0, 1.0, 1.0], [1.1, 1.1, 1.1]), 0.05 / 1.05),  # the middle lies between the two visits
        (_samples([1.0, 1.0, 1.0], [1.0, 1.0, 9.0]), 0.0),  # one slow call is no drift
        (_samples([1.0, 1.0], [1.0, 1.0], brackets={0: 1.0, 1: 1.0}), 0.0),
        (_samples([1.0], [1.0], brackets={0: 1.0, 1: 1.4}), 0.4),
        (_samples([1.0, 1.5, 2.0], [1.0, 1.5, 2.0], brackets={0: 2.1, 1: 2.1}), 0.4),  # the same in each visit
    ],
)
def test_drift_is_a_visits_distance_from_all_or_its_end_from_its_middle(sample: Samples, drift: float) -> None:
    assert sample.drift() == pytest.approx(drift)


def test_memory_is_the_highest_of_each_kind() -> None:
    sample = Samples()
    for resident, idle in ((700, 300), (900, 300), (790, 290)):
        sample.note_memory(_done(1.0), resident, idle)
    memory = memory_of(sample)
    assert memory and (memory.kind, memory.peak_bytes, memory.idle_bytes) == ("resident-over-idle", 600, 300)
    assert memory.visit_peaks_bytes == [400, 600, 500] and memory.visit_idle_bytes == [300, 300, 290]
    sample.note_memory(_done(1.0, peak=50), 700, 300)
    sample.note_memory(_done(1.0, peak=40), 700, 300)
    memory = memory_of(sample)
    assert memory and (memory.kind, memory.peak_bytes, memory.reserved_bytes) == ("device-allocated", 50, 100)
    assert (memory.visit_peaks_bytes, memory.visit_reserved_bytes, memory.used_bytes) == ([50, 40], [100, 80], 150)
    assert memory_of(Samples()) is None
    never = Samples()
    never.note_memory(_done(1.0), 200, 300)  # it may shrink below what it had idle: nothing is negative
    assert (memory_of(never) or sample).peak_bytes == 0  # type: ignore[union-attr]


def test_two_visits_are_taken_together() -> None:
    whole, first, second = Samples(), _samples([1.0, 2.0]), Samples()
    first.note_memory(_done(1.0, peak=5), 10, 3)
    second.add(_done(3.0, difference=0), 1, first_call_s=9.0)
    second.bracket_s[1].append(4.0)
    second.note_memory(_done(1.0, peak=7), 20, 4)
    whole.extend(first)
    whole.extend(second)
    assert whole.steady_s == [1.0, 2.0, 3.0] and whole.round_of_call == [0, 0, 1]
    assert whole.first_call_s == [9.0, 9.0] and whole.bracket_s == {1: [4.0]}
    assert (whole.device_peaks, whole.reserved_peaks, whole.used_device) == ([5, 7], [10, 14], 21)
    assert whole.largest_pixel_difference == 0


def test_a_timing_comes_back_from_the_store(tmp_path: Path) -> None:
    store, key = open_store(tmp_path / "store"), digest("key")
    assert stored_timing(store, key) is None
    sample = _samples([1.0, 2.0])
    sample.note_memory(_done(1.0, peak=5), 10, 3)
    timing, memory = timing_of(sample, 1, "run-1", None), memory_of(sample)
    store_timing(store, key, timing, memory)
    found = stored_timing(store, key)
    assert found is not None and (found.timing, found.memory) == (timing, memory)


def test_a_reading_that_nobody_gave_is_kept_with_its_reason() -> None:
    sample, why = _samples([1.0]), {"governor": "the system shows none"}
    sample.disturbed = [Disturbed(seconds=1.0, missing=why), Disturbed(seconds=2.0, foreign_processes=1)]
    kept = timing_of(sample, 1, "run-1", None).disturbed
    assert kept is not None and (kept.missing, kept.seconds, kept.foreign_processes) == (why, 3.0, 1)
