"""How steady a machine must be for the gate to find a UNet that is a tenth slower: simulated visits, the real gate.

Times are drawn with a known spread, put into the records of a kept pair of runs, and judged by `compare`'s own
functions, its rule on drift included; nothing of the gate is written down again.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from support.compare_runs import keep

from harness.compare.cases import CellPair, settled
from harness.compare.costs import cost_cases
from harness.report.markdown import table_line
from harness.report.text import percent
from harness.report.view import load_view
from harness.run.timing_record import Samples
from harness.stats.verdict import paired_comparisons
from harness.store.records import CellRecord, Pair
from harness.store.store import open_store

SLOWER = 0.09  # of a call: a tenth of the UNet's nine tenths
SPREADS = (0.005, 0.01, 0.02, 0.04, 0.08)
ROUNDS = (4, 8, 16)
DRAWS, REPEATS, BRACKET = 200, 9, 3
_MARGINS: dict[str, float | str] = {"latency": "3%"}


@dataclass(frozen=True)
class Rate:
    """How often *regressed* was said, of ``DRAWS``: of a slower UNet, and of the same one."""

    way: str
    spread: float
    rounds: int
    found: float
    false: float


def rates(seed: int = 0) -> list[Rate]:
    """Every way, spread and number of rounds."""
    random = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory(prefix="slow-") as folder:
        apart = pair_of(Path(folder))
    ways = {"two runs, `compare`": apart, "in turns, `ab`": in_turns_of(apart)}
    return [
        Rate(way, spread, rounds, *(rate_of(pair, spread, rounds, slower, random) for slower in (SLOWER, 0.0)))
        for way, pair in ways.items()
        for spread in SPREADS
        for rounds in ROUNDS
    ]


def pair_of(folder: Path) -> CellPair:
    """A kept baseline and run of one cell; ``folder`` becomes their store."""
    store = open_store(folder)
    views = [load_view(store, keep(store, name, anew=name == "new", cells=1)) for name in ("old", "new")]
    return CellPair(views[0], views[1], views[0].records[0], views[1].records[0])


def in_turns_of(pair: CellPair) -> CellPair:
    """The same, as the two halves of one `harness ab`."""
    sides = [
        replace(view, run=view.run.model_copy(update={"pair": half}))
        for view, half in ((pair.baseline, _half("a")), (pair.run, _half("b")))
    ]
    return CellPair(sides[0], sides[1], pair.old, pair.new)


def _half(side: Literal["a", "b"]) -> Pair:
    return Pair(id="pair", side=side, other="the other", environment=side, python="")


def rate_of(pair: CellPair, spread: float, rounds: int, slower: float, random: np.random.Generator) -> float:
    """How often *regressed* is said of a run whose calls take ``slower`` longer, a share, at a spread of ``spread``."""
    return float(np.mean([_is_found(pair, spread, rounds, slower, random) for _ in range(DRAWS)]))


def _is_found(pair: CellPair, spread: float, rounds: int, slower: float, random: np.random.Generator) -> bool:
    old, new = (_timed(one, spread, rounds, by, random) for one, by in ((pair.old, 0.0), (pair.new, slower)))
    cases = cost_cases(CellPair(pair.baseline, pair.run, old, new), _MARGINS, None)
    (latency,) = (case for case in cases if case.finding.metric == "latency")
    assert latency.sample is not None
    return settled(latency, paired_comparisons([latency.sample])[0]).verdict == "regressed"


def _timed(record: CellRecord, spread: float, rounds: int, slower: float, random: np.random.Generator) -> CellRecord:
    """The record with visits and calls that each spread by so much."""
    visits = np.exp(random.normal(0.0, spread, rounds)) * (1 + slower)
    calls = visits[:, None] * np.exp(random.normal(0.0, spread, (rounds, REPEATS + BRACKET)))
    sample = Samples(
        steady_s=calls[:, :REPEATS].ravel().tolist(),
        round_of_call=np.repeat(np.arange(rounds), REPEATS).tolist(),
        bracket_s=defaultdict(list, {at: [float(np.median(one[REPEATS:]))] for at, one in enumerate(calls)}),
    )
    assert record.timing is not None
    known = {"steady_s": sample.steady_s, "round_of_call": sample.round_of_call, "drift": sample.drift()}
    return record.model_copy(update={"timing": record.timing.model_copy(update=known)})


def slow_table() -> str:
    """The page's table."""
    head = ("how it is timed", "spread of a visit and of a call", *(f"{n} rounds" for n in ROUNDS), "false alarms")
    lines = [table_line(head), table_line(["---"] * len(head))]
    found = rates()
    for way, spread in dict.fromkeys((one.way, one.spread) for one in found):
        row = [one for one in found if (one.way, one.spread) == (way, spread)]
        worst = percent(max(one.false for one in row))
        lines.append(table_line([way, percent(spread), *(percent(one.found, 0) for one in row), worst]))
    return "\n".join(lines)


if __name__ == "__main__":
    print(slow_table())
