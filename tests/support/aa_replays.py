"""How often a speed-up's 95 % interval covers 1 where nothing was changed: replays of stored A/A timings.

``python -m tests.support.aa_replays STORE RUN…``: of each run the cells that ran one pipeline are taken: no
optimization, ``again``, and stacks that were all no-ops by their evidence. A replay draws visits of the pool; in each,
two of those cells stand for A and B, with all their calls, so that neither shares a call with the other. On a processor
the two are a cell and its reference as it was called in turn with it. Which of the two is A is drawn too. Three such
cells in twelve rounds give more than a thousand distinct pairs, two need 32 rounds.

Because which is A is drawn, a cell that is always slower, by its place in the visit, would not show: each two cells are
also compared as measured. The command ends with 1 where a coverage leaves the bar or cannot be judged, or where two
cells differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np

from harness.stats.intervals import mean_interval
from harness.stats.ratio import LEVEL, OverVisits, ratio_over_visits
from harness.store.records import CellRecord
from harness.store.store import Store, open_store

LEAST = 1000  # distinct pairs of runs, below which a coverage says little
BAR = (0.92, 0.98)
VISITS = (2, 3, 5)


@dataclass(frozen=True)
class Visit:
    """The calls, in seconds for each image, that each of the same cells made in one visit of one run."""

    of: str
    calls: tuple[tuple[float, ...], ...]


@dataclass(frozen=True)
class Replays:
    """What the replays of ``visits`` visits say. ``covered`` is ``None`` where the pool has too few."""

    visits: int
    pairs: int
    distinct: int
    covered: float | None
    low: float | None = None
    high: float | None = None


def pool_of(cells: Sequence[CellRecord]) -> list[Visit]:
    """The visits in which at least two cells of one pipeline were timed."""
    families: dict[str, list[CellRecord]] = {}
    for cell in cells:
        if cell.timing is not None and ran_plain(cell):
            key = cell.timing.measured_in + cell.settings.model_dump_json(exclude={"optimizations"})
            families.setdefault(key, []).append(cell)
    return [visit for key, family in families.items() for visit in _visits(key, family)]


def ran_plain(cell: CellRecord) -> bool:
    """Whether nothing was asked for, or nothing that was asked for changed what runs."""
    found = [*cell.evidence, *(cell.timing.evidence if cell.timing else [])]
    told = {evidence.requested for evidence in found}
    asked = {choice.label for choice in cell.settings.optimizations if choice.name != "again"}
    return asked <= told and all(evidence.outcome == "no-op" for evidence in found)


def _visits(key: str, family: list[CellRecord]) -> list[Visit]:
    """In turns, if they had any: a cell's calls and its reference's beside them; else what all made in one visit."""
    return _in_turns(key, family) or _apart(key, family)


def _in_turns(key: str, family: list[CellRecord]) -> list[Visit]:
    """Of cells whose reference is one of the same pipeline."""
    known = {cell.timing_key for cell in family}
    found = []
    for timing in (cell.timing for cell in family):
        beside = timing.beside if timing is not None else None
        if timing is None or beside is None or beside.timing_key not in known:
            continue
        own = _calls(timing.steady_s, timing.round_of_call, timing.batch)
        theirs = _calls(beside.steady_s, beside.round_of_call, timing.batch)
        found += [Visit(key, (calls, theirs[visit])) for visit, calls in own.items() if visit in theirs]
    return found


def _calls(seconds: Sequence[float], visits: Sequence[int], batch: int) -> dict[int, tuple[float, ...]]:
    return {
        visit: tuple(s / batch for s, of in zip(seconds, visits, strict=True) if of == visit)
        for visit in sorted(set(visits))
    }


def _apart(key: str, family: list[CellRecord]) -> list[Visit]:
    by_visit: dict[int, list[tuple[float, ...]]] = {}
    for cell in family:
        timing = cell.timing
        assert timing is not None
        for visit, calls in _calls(timing.steady_s, timing.round_of_call, timing.batch).items():
            by_visit.setdefault(visit, []).append(calls)
    return [Visit(key, tuple(calls)) for calls in by_visit.values() if len(calls) > 1]


@dataclass(frozen=True)
class Bias:
    """Two cells as measured, by their places in a visit: the ratio of their times."""

    first: int
    second: int
    ratio: OverVisits

    @property
    def is_there(self) -> bool:
        """Whether the interval leaves out 1: one of the two is slower, though they are one pipeline."""
        return self.ratio.low is not None and not self.ratio.covers(1.0)


def biases(pool: Sequence[Visit]) -> list[Bias]:
    """Each two cells over all visits; their intervals hold 1 together in 95 % of pools without a bias (Bonferroni)."""
    pairs = list(combinations(range(min(len(visit.calls) for visit in pool)), 2))
    level = 1 - (1 - LEVEL) / len(pairs)
    return [Bias(one, other, _as_measured(pool, one, other, level)) for one, other in pairs]


def _as_measured(pool: Sequence[Visit], one: int, other: int, level: float) -> OverVisits:
    sides = ({number: visit.calls[place] for number, visit in enumerate(pool)} for place in (one, other))
    return ratio_over_visits(*sides, level=level)


def replay(pool: Sequence[Visit], visits: int, pairs: int, seed: int = 0) -> Replays:
    """Draw pairs of runs of so many visits, and count the intervals that cover 1."""
    distinct = _distinct(pool, visits)
    if len(pool) < visits:
        return Replays(visits, 0, distinct, None)
    rng = np.random.default_rng(seed)
    covered = [_pair(pool, visits, rng).covers(1.0) for _ in range(pairs)]
    found = mean_interval([float(one) for one in covered], list(range(pairs)), share=True)
    return Replays(visits, pairs, distinct, found.value, found.low, found.high)


def _pair(pool: Sequence[Visit], visits: int, rng: np.random.Generator) -> OverVisits:
    one: dict[int, tuple[float, ...]] = {}
    other: dict[int, tuple[float, ...]] = {}
    for at in rng.choice(len(pool), visits, replace=False):
        first, second = rng.choice(len(pool[at].calls), 2, replace=False)
        one[int(at)], other[int(at)] = pool[at].calls[first], pool[at].calls[second]
    return ratio_over_visits(one, other)


def _distinct(pool: Sequence[Visit], visits: int) -> int:
    """How many pairs of runs there are, A and B in one order only."""
    ways = [len(visit.calls) * (len(visit.calls) - 1) for visit in pool]
    if len(set(ways)) == 1 and ways:
        return int(_choose(len(pool), visits) * ways[0] ** visits // 2)
    return sum(int(np.prod([ways[i] for i in chosen])) for chosen in combinations(range(len(pool)), visits)) // 2


def _choose(n: int, k: int) -> int:
    return int(np.prod([(n - i) / (i + 1) for i in range(k)]).round()) if k <= n else 0


def report(store: Store, runs: Sequence[str], pairs: int) -> tuple[list[str], bool]:
    """The lines to print, and whether every coverage that could be had is within the bar and no cell is slower."""
    pool = pool_of([cell for run in runs for cell in store.load_cells(store.find_run(run))])
    if len(pool) < min(VISITS):
        return ["No two visits have two timed cells of one pipeline: add `again` to a spec's optimizations."], False
    found_biases = biases(pool)
    lines = [f"{len(pool)} visits of {len({visit.of for visit in pool})} families", *map(_told, found_biases)]
    fine = not any(bias.is_there for bias in found_biases)
    for visits in VISITS:
        found = replay(pool, visits, pairs)
        if found.covered is None:
            lines.append(f"{visits} visits: the pool has {len(pool)}")
            continue
        enough, inside = found.distinct >= LEAST, BAR[0] <= found.covered <= BAR[1]
        fine = fine and enough and inside
        judged = ("met" if inside else "NOT met") if enough else f"not judged: {LEAST} distinct pairs are needed"
        lines.append(f"{visits} visits: {found.covered:.1%} of {found.pairs} replays cover 1 ({found.low:.1%} to "
                     f"{found.high:.1%}; {found.distinct} distinct pairs), bar {BAR[0]:.0%} to {BAR[1]:.0%}: "
                     f"{judged}")  # fmt: skip
    return lines, fine


def _told(bias: Bias) -> str:
    ratio = bias.ratio
    between = "" if ratio.low is None else f", interval {ratio.low:.4f} to {ratio.high:.4f}"
    judged = "NOT met: one of the two is always slower" if bias.is_there else "met"
    cells = f"cell {bias.first + 1} over cell {bias.second + 1}"
    return f"as measured, {cells}: {ratio.value:.4f}{between}, no bias: {judged}"


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("store", type=Path)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--pairs", type=int, default=4000)
    given = parser.parse_args()
    lines, fine = report(open_store(given.store), given.runs, max(given.pairs, 1000))
    print("\n".join(lines))
    return 0 if fine else 1


if __name__ == "__main__":
    raise SystemExit(main())
