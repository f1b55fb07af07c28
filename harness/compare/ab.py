"""Two runs that were timed in turns by `harness ab`: latency and peak memory paired by round.

Both visits of a round are of the same minutes, so that what moved the machine from one round to the next cancels; the
rule is that of two cells of one run (decision 0005).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from harness.compare.cases import Case, CellPair
from harness.compare.types import Finding
from harness.stats.pairing import harm_by_visit
from harness.stats.standing import Against
from harness.stats.verdict import PairedSample
from harness.store.measured import drift, drift_words, not_its_own
from harness.store.records import CellRecord, RunRecord, Turns

IN_TURNS: dict[Turns, str] = {
    "visit": "The two were timed in turns, round by round, each going first as often as the other: "
    "latency and peak memory are paired by round.",
    "call": "The two were timed in turns, call by call in each round, each going first as often as the other: "
    "latency and peak memory are paired by round.",
}
WHOLE = "the whole of it, libraries included: what one environment loads when it starts, another loads when it works"
Visits = Mapping[int, float]  # round -> cost


def in_turns(baseline: RunRecord, run: RunRecord) -> bool:
    """Whether the two are the halves of one `harness ab`."""
    return baseline.pair is not None and run.pair is not None and baseline.pair.id == run.pair.id


def whole_memory(cells: CellPair, visits: tuple[Visits, Visits]) -> tuple[dict[int, float], dict[int, float]] | None:
    """Peaks over idle of both sides as peaks of the whole process; ``None`` where they are of a device, or unknown.

    Two environments have two idles, and a peak over the one says nothing against a peak over the other.
    """
    old, new = _whole(cells.old, visits[0]), _whole(cells.new, visits[1])
    return None if old is None or new is None else (old, new)


def _whole(record: CellRecord, peaks: Visits) -> dict[int, float] | None:
    """Each visit's peak over its own worker's idle; over the largest one where the record has no other."""
    memory = record.memory
    if memory is None or memory.kind != "resident-over-idle" or memory.idle_bytes is None:
        return None
    idle = dict(enumerate(memory.visit_idle_bytes))
    return {at: peak + idle.get(at, memory.idle_bytes) for at, peak in peaks.items()}


def paired_case(cells: CellPair, known: Finding, costs: tuple[Visits, Visits], margin: float) -> Case:
    """One metric of a pair of cells, by round.

    Args:
        cells: of the two halves.
        known: what is known of the metric beforehand.
        costs: the run's and the baseline's; a round that one of them lacks is left out.
        margin: 0.03 is 3 %. With a drift past it sameness is not shown. A difference is: what moves between rounds
            cancels in them, what moves within one stands in their spread, and each side goes first as often.
    """
    harm = harm_by_visit(*costs)
    if harm is None:
        reason = "a visit has no measurement above zero: no ratio is made of that"
        return Case(known.model_copy(update={"verdict": "inconclusive", "reason": reason}))
    moved = max(drift(cells.old), drift(cells.new)) if known.metric == "latency" else 0.0
    sample = PairedSample(f"{cells.old.cell_id}:{known.metric}", harm, math.log1p(margin), unit="visit")
    foreign = not_its_own(cells.old) or not_its_own(cells.new)
    against = Against(void=foreign, drifted=drift_words(moved, margin) if moved > margin else None)
    return Case(known, sample, "lower", against)
