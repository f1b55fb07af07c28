"""From the timing pass's samples to a record, and the record's life in the store."""

from __future__ import annotations

import statistics
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime

from harness.base import Frozen
from harness.run.protocol import TimeDone
from harness.stats.intervals import median_interval
from harness.store.disturbed import Disturbed, together
from harness.store.records import Beside, Evidence, Failure, Interval, Memory, Stages, Timing
from harness.store.store import Store


@dataclass
class Samples:
    """What the visits gave for one cell, seconds and bytes."""

    load_s: list[float] = field(default_factory=list)
    first_call_s: list[float] = field(default_factory=list)
    steady_s: list[float] = field(default_factory=list)
    round_of_call: list[int] = field(default_factory=list)
    prior_s: list[float] = field(default_factory=list)
    beside_s: list[float] = field(default_factory=list)  # the reference's, in turn with the cell's own
    round_beside: list[int] = field(default_factory=list)
    beside_difference: int | None = None  # of the reference's pictures that were made then
    bracket_s: defaultdict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    resident_peaks: list[int] = field(default_factory=list)  # over the worker's idle, one for each visit
    idle_residents: list[int] = field(default_factory=list)  # the worker's, one for each visit
    device_peaks: list[int] = field(default_factory=list)  # allocated, one for each visit
    reserved_peaks: list[int] = field(default_factory=list)  # of the device's allocator, one for each visit
    used_device: int | None = None  # of the whole device
    largest_pixel_difference: int | None = None
    stages: Stages | None = None
    evidence: list[Evidence] = field(default_factory=list)
    disturbances: list[str] = field(default_factory=list)
    disturbed: list[Disturbed] = field(default_factory=list)
    energy_j: float | None = None  # for each image
    energy_reason: str | None = None
    failure: Failure | None = None

    def add(self, done: TimeDone, round_index: int, *, first_call_s: float | None = None) -> None:
        """One answer of the worker; ``first_call_s``: of the warm-ups, where nothing was called before in the visit."""
        if first_call_s is not None:
            self.first_call_s.append(first_call_s)
        self.steady_s += done.steady_s
        self.disturbed += [done.disturbed] if done.disturbed is not None else []
        self.prior_s += done.prior_s
        self.round_of_call += [round_index] * len(done.steady_s)
        self.largest_pixel_difference = _highest(self.largest_pixel_difference, done.largest_pixel_difference)

    def note_beside(self, reference: Samples) -> None:
        """What a companion's calls of the cell's reference gave in one visit, one next to each of its own."""
        self.beside_s += reference.steady_s
        self.round_beside += reference.round_of_call
        self.beside_difference = _highest(self.beside_difference, reference.largest_pixel_difference)
        self.disturbed += reference.disturbed

    def note_memory(self, done: TimeDone, resident: int, idle: int | None) -> None:
        """The peak of a visit: of a steady call, after warm-ups that began with memory given back."""
        if done.peak_device_bytes is not None:
            self.device_peaks.append(done.peak_device_bytes)
            self.reserved_peaks += [done.reserved_device_bytes] if done.reserved_device_bytes is not None else []
            self.used_device = _highest(self.used_device, done.used_device_bytes)
        elif idle is not None and resident:
            self.resident_peaks.append(max(resident - idle, 0))
            self.idle_residents.append(idle)

    def extend(self, other: Samples) -> None:
        """Take in what another visit gave."""
        for name in _LISTS:
            getattr(self, name).extend(getattr(other, name))
        for visit, seconds in other.bracket_s.items():
            self.bracket_s[visit] += seconds
        self.stages = self.stages or other.stages
        if self.energy_j is None:
            self.energy_j, self.energy_reason = other.energy_j, other.energy_reason or self.energy_reason
        self.used_device = _highest(self.used_device, other.used_device)
        self.largest_pixel_difference = _highest(self.largest_pixel_difference, other.largest_pixel_difference)

    def drift(self) -> float:
        """Largest relative change: of a visit's median from that of all calls, and of its bracket from its median."""
        visits: defaultdict[int, list[float]] = defaultdict(list)
        for visit, second in zip(self.round_of_call, self.steady_s, strict=True):
            visits[visit].append(second)
        whole = statistics.median(self.steady_s)
        medians = {visit: statistics.median(seconds) for visit, seconds in visits.items()}
        between = [abs(median / whole - 1.0) for median in medians.values()]
        within = [abs(s / medians[visit] - 1.0) for visit in medians for s in self.bracket_s.get(visit, [])]
        return max(between + within)


_LISTS = ("load_s", "first_call_s", "steady_s", "round_of_call", "prior_s", "beside_s", "round_beside",
          "resident_peaks", "idle_residents", "device_peaks", "reserved_peaks", "disturbances", "disturbed",
          "evidence")  # fmt: skip


def _highest(first: int | None, second: int | None) -> int | None:
    return max((number for number in (first, second) if number is not None), default=None)


class StoredTiming(Frozen):
    """A cell's timing as later runs may reuse it, memory with it."""

    timing: Timing
    memory: Memory | None


def timing_of(sample: Samples, batch: int, run_id: str, drift: float | None, reference: str = "") -> Timing:
    """The record of a cell's samples; latency is the median over all visits, seconds for each image.

    ``reference``: the key of the timing of the cell that was called beside it.
    """
    latency = statistics.median(sample.steady_s) / batch
    estimate = median_interval([second / batch for second in sample.steady_s], level=0.95)
    bounds = None
    if estimate.low is not None and estimate.high is not None:
        bounds = Interval(low=estimate.low, high=estimate.high, level=0.95, method=estimate.method)
    difference, disturbed = sample.largest_pixel_difference, together(sample.disturbed)
    beside = Beside(timing_key=reference, steady_s=sample.beside_s, round_of_call=sample.round_beside,
                    largest_pixel_difference=sample.beside_difference)  # fmt: skip
    return Timing(
        load_s=sample.load_s,
        first_call_s=sample.first_call_s,
        steady_s=sample.steady_s,
        round_of_call=sample.round_of_call,
        prior_s=sample.prior_s,
        beside=beside if sample.beside_s else None,
        batch=batch,
        latency_s=latency,
        latency_interval=bounds,
        throughput_images_per_s=1.0 / latency,
        drift=drift,
        images_match_quality_pass=None if difference is None else difference == 0,
        largest_pixel_difference=difference,
        measured_in=run_id,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        stages=sample.stages,
        evidence=sample.evidence,
        disturbed=disturbed,
        disturbances=[*dict.fromkeys(sample.disturbances), *(disturbed.seen() if disturbed is not None else [])],
        energy_j=sample.energy_j,
        energy_reason=sample.energy_reason,
    )


def memory_of(sample: Samples) -> Memory | None:
    """Allocated device memory where there is a device, else resident memory over the worker's idle."""
    if peaks := sample.device_peaks:
        return Memory(
            peak_bytes=max(peaks),
            kind="device-allocated",
            reserved_bytes=max(sample.reserved_peaks, default=None),
            used_bytes=sample.used_device,
            visit_peaks_bytes=peaks,
            visit_reserved_bytes=sample.reserved_peaks,
        )
    if peaks := sample.resident_peaks:
        return Memory(
            peak_bytes=max(peaks),
            kind="resident-over-idle",
            idle_bytes=max(sample.idle_residents, default=None),
            visit_peaks_bytes=peaks,
            visit_idle_bytes=sample.idle_residents,
        )
    return None


def store_timing(store: Store, key: str, timing: Timing, memory: Memory | None) -> None:
    """Keep a timing under the environment it was made in."""
    store.put("timing", key, StoredTiming(timing=timing, memory=memory).model_dump_json().encode())


def stored_timing(store: Store, key: str) -> StoredTiming | None:
    """A timing made before in an identical environment, or ``None``."""
    if not store.has("timing", key):
        return None
    return StoredTiming.model_validate_json(store.get("timing", key))
