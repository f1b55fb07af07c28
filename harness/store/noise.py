"""What `harness doctor --noise` found of a machine: how far the same cell is from itself, kept by the environment.

A run names its environment by ``RunRecord.environment_digest``; that digest is the fingerprint asked for here. The name
of a model stands for other weights after a fine-tune, and a folder has several names: weights say what was measured.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from harness.base import Frozen, digest
from harness.errors import StoreError
from harness.store.store import Store

SCHEMA_VERSION = 2
_STAGE = "noise"
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")
_NO_PART = "depth estimator"  # stands among a cell's weights, and makes no picture


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

    ``model`` is its name as a run's plan has it, ``weights`` the digest of the parts that it loaded.
    ``between_calls``: standard deviation of one call within a visit. ``between_visits``: of the visits' means, beyond
    what their calls explain. ``beside``: mean ratio of the one cell to the other minus one, which should be 0, with its
    90 % interval. ``drift``: as the timing pass reads it; ``trend_per_minute``: slope over the visits.
    ``memory_between_visits``: standard deviation of the peaks.
    """

    schema_version: int = SCHEMA_VERSION
    fingerprint: str
    model: str
    weights: str
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
        """One line for a report: "latency ±1.2 % between two runs of 3 visits of 5 calls, memory ±0.4 %, …".

        It names the visits that the numbers are of: the nearest ones in the table, no more than were asked for.
        """
        latency, memory = self.smallest_latency(visits), self.smallest_peak(visits)
        parts = [_part("latency", latency, calls=self.calls)]
        alike = bool(parts[0]) and latency is not None and memory is not None and memory.visits == latency.visits
        parts.append(_part("memory", memory, named=not alike))
        if self.identical_pictures is not None:
            apart = f"pictures up to {self.largest_pixel_difference} of 255 levels apart"
            parts.append("pictures identical" if self.identical_pictures else apart)
        return ", ".join(part for part in parts if part)


def weights_digest(weights: Mapping[str, Any]) -> str:
    """Of a cell's ``weights`` (part -> place, revision, digest): what it loaded, wherever that lies."""
    return digest({part: found["digest"] for part, found in weights.items() if part != _NO_PART})


class _Kept(Frozen):
    """What is kept under one fingerprint: the newest measurement of each model and its weights, newest last."""

    found: tuple[Noise, ...] = ()


def keep_noise(store: Store, noise: Noise) -> None:
    """Keep a measurement in the place of an earlier one of the same model, weights and environment.

    What an older version has kept there gives way: it cannot be read, and this one can.

    Raises:
        StoreError: a newer version wrote what is there.
    """
    refuse_newer(store, noise.fingerprint)
    try:
        known = _kept(store, noise.fingerprint).found
    except StoreError:
        known = ()
    others = tuple(one for one in known if (one.model, one.weights) != (noise.model, noise.weights))
    data = _Kept(found=(*others, noise)).model_dump_json()
    store.put(_STAGE, noise.fingerprint, data.encode())


def refuse_newer(store: Store, fingerprint: str) -> None:
    """Ask before minutes are spent on a measurement that ``keep_noise`` would not keep.

    Raises:
        StoreError: a newer version wrote what is there.
    """
    newest = _newest_schema(store.find(_STAGE, fingerprint) or b"")
    if newest > SCHEMA_VERSION:
        raise StoreError(
            f"The A/A measurement {fingerprint[:12]}… in {store.root} was written by a newer version "
            f"(schema {newest}).",
            expected=f"schema {SCHEMA_VERSION} or older",
            do="update kandinsky-harness, or use another store with --store; nothing was touched",
        )


def _newest_schema(data: bytes) -> int:
    """Of what is kept, read without a shape: a newer version may have another; 0 where nothing says it."""
    try:
        content = json.loads(data)
    except ValueError:
        return 0
    found = content.get("found") if isinstance(content, dict) else None
    one_by_one = [content, *(found if isinstance(found, list) else [])]
    versions = [one.get("schema_version") for one in one_by_one if isinstance(one, dict)]
    return max((version for version in versions if isinstance(version, int)), default=0)


def noise_of(store: Store, fingerprint: str, model: str, weights: str) -> Noise | None:
    """The newest A/A measurement of a model in an environment, or ``None`` where there is none.

    Args:
        store: where runs are.
        fingerprint: ``RunRecord.environment_digest`` of the run that is reported on.
        model: its name in the run's plan: of two names of the same weights, this one's is taken.
        weights: ``weights_digest`` of the cell that is reported on.

    Raises:
        StoreError: another version wrote it.
    """
    found = [one for one in reversed(_kept(store, fingerprint).found) if one.weights == weights]
    return max(found, key=lambda one: one.model == model, default=None)


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


def _part(what: str, smallest: SmallestDifference | None, *, calls: int = 0, named: bool = True) -> str:
    if smallest is None or smallest.apart is None:
        return ""
    of = f"{smallest.visits} visits{f' of {calls} calls' if calls else ''}"
    return f"{what} ±{100 * smallest.apart:.1f} %{f' between two runs of {of}' if named else ''}"
