"""What `harness doctor --noise` found of a machine: how far the same cell is from itself, kept by the environment.

A run names its environment by ``RunRecord.environment_digest``; that digest is the fingerprint asked for here.
"""

from __future__ import annotations

import re

from pydantic import ValidationError

from harness.base import Frozen
from harness.errors import StoreError
from harness.store.store import Store

SCHEMA_VERSION = 1
_STAGE = "noise"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


class SmallestDifference(Frozen):
    """The smallest real difference, a share, that ``visits`` visits would call *regressed* at a margin of zero with
    80 % power.

    ``beside``: between two cells of one load group, timed in the same processes. ``apart``: between two runs, or two
    load groups' visits taken as unpaired. ``None``: so few visits bound nothing.
    """

    visits: int
    beside: float | None
    apart: float | None


class Noise(Frozen):
    """The same cell twice, its calls interleaved, in ``visits`` fresh processes. Shares: 0.012 is 1.2 %.

    ``between_calls``: standard deviation of one call within a visit. ``between_visits``: of the visits' means, beyond
    what their calls explain. ``beside``: mean ratio of the one cell to the other minus one, which should be 0, with its
    90 % interval. ``drift``: as the timing pass reads it; ``trend_per_minute``: slope over the visits.
    ``memory_between_visits``: standard deviation of the peaks.
    """

    schema_version: int = SCHEMA_VERSION
    fingerprint: str
    model: str
    cell: str  # what was called, in words
    device: str
    measured_at: str  # ISO 8601, UTC
    seconds: float
    visits: int
    calls: int  # of each of the two cells in a visit
    latency_s: float  # for an image, geometric mean
    between_calls: float
    between_visits: float
    beside: float
    beside_low: float | None
    beside_high: float | None
    drift: float
    trend_per_minute: float | None
    trend_low: float | None
    trend_high: float | None
    smallest: tuple[SmallestDifference, ...]  # latency
    smallest_memory: tuple[SmallestDifference, ...]
    peak_memory_bytes: int | None
    memory_between_visits: float | None
    identical_pictures: bool | None
    largest_pixel_difference: int | None  # of 255 levels
    disturbances: tuple[str, ...] = ()
    margins: dict[str, str] = {}  # suggested, in a spec's words: {"latency": "3%"}
    timing: dict[str, int] = {}  # suggested: {"rounds": 3, "repeats": 5, "warmups": 1}
    advice: tuple[str, ...] = ()  # what the suggestions rest on, a sentence each

    def smallest_latency(self, visits: int) -> SmallestDifference | None:
        """What so many visits can see of latency: the nearest number of visits that is not above; ``None``: none is."""
        return _nearest(self.smallest, visits)

    def smallest_peak(self, visits: int) -> SmallestDifference | None:
        """The same of peak memory."""
        return _nearest(self.smallest_memory, visits)

    def words(self, visits: int) -> str:
        """One line for a report: "latency ±1.2 % between two runs of 3 visits, memory ±0.4 %, pictures identical"."""
        parts = [_part("latency", self.smallest_latency(visits), f" between two runs of {visits} visits"),
                 _part("memory", self.smallest_peak(visits), "")]  # fmt: skip
        if self.identical_pictures is not None:
            apart = f"pictures up to {self.largest_pixel_difference} of 255 levels apart"
            parts.append("pictures identical" if self.identical_pictures else apart)
        return ", ".join(part for part in parts if part)


class _Kept(Frozen):
    """What is kept under one fingerprint: the newest measurement of each model, newest last."""

    found: tuple[Noise, ...] = ()


def keep_noise(store: Store, noise: Noise) -> None:
    """Keep a measurement in the place of an earlier one of the same model and environment."""
    others = tuple(one for one in _kept(store, noise.fingerprint).found if one.model != noise.model)
    data = _Kept(found=(*others, noise)).model_dump_json()
    store.put(_STAGE, noise.fingerprint, data.encode())


def noise_of(store: Store, fingerprint: str, model: str | None = None) -> Noise | None:
    """The newest A/A measurement made in an environment, or ``None`` where there is none.

    Args:
        store: where runs are.
        fingerprint: ``RunRecord.environment_digest`` of the run that is reported on.
        model: only of this model.

    Raises:
        StoreError: a newer version wrote it.
    """
    found = [one for one in _kept(store, fingerprint).found if model in (None, one.model)]
    return found[-1] if found else None


def _kept(store: Store, fingerprint: str) -> _Kept:
    data = store.find(_STAGE, fingerprint) if _FINGERPRINT.fullmatch(fingerprint) else None
    if data is None:
        return _Kept()
    try:
        return _Kept.model_validate_json(data)
    except ValidationError as error:
        raise StoreError(
            f"The A/A measurement {fingerprint[:12]}… in {store.root} does not read as one of this version's.",
            do="update kandinsky-harness, or measure again with `harness doctor --noise`",
        ) from error


def _nearest(found: tuple[SmallestDifference, ...], visits: int) -> SmallestDifference | None:
    return max((one for one in found if one.visits <= visits), key=lambda one: one.visits, default=None)


def _part(what: str, smallest: SmallestDifference | None, how: str) -> str:
    return "" if smallest is None or smallest.apart is None else f"{what} ±{100 * smallest.apart:.1f} %{how}"
