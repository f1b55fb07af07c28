"""docs/statistics.md: what the verdicts' statistics hold to, in simulation and on replays of a stored run.

``nox -s statistics -- STORE RUN`` measures every part anew (an hour of one core) and writes docs/statistics.json with
the numbers and docs/statistics.md from it. ``--only coverage --only power`` measures those parts and keeps the others;
``--only`` of nothing measured before still writes the page, which says what is missing. Without STORE and RUN the
parts that need no run are measured. The run is made by
``harness run tests/support/one-thing.yaml --store STORE --no-track``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from math import ceil
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from support import statistics_moderated as tried
from support import statistics_simulations as simulated
from support.statistics_replays import Plant, Replays, Shape
from support.statistics_simulations import Rate, rate
from support.statistics_words import HEAD, TAIL, WORDS, Words

from harness.compare.types import Compared
from harness.measure.environment import machine
from harness.report.view import load_view
from harness.stats import power
from harness.stats.verdict import Mean
from harness.store.store import open_store

ROOT = Path(__file__).parents[2]
NUMBERS, PAGE = ROOT / "docs/statistics.json", ROOT / "docs/statistics.md"
PROMPTS = (8, 32, 128)
COVERED, ALARMS, FOUND, SETTLED = (0.92, 0.98), (0.0, 0.05), (0.9, 1.0), (0.8, 1.0)
METRIC = "clip_score"


@dataclass(frozen=True)
class Row:
    """A line of a table. ``bar``: the least and the most that the share may be; ``None``: told, not judged."""

    what: str
    rate: Rate
    bar: tuple[float, float] | None
    note: str = ""

    @property
    def kept(self) -> bool:
        """Whether the share is within the bar."""
        return self.bar is None or self.bar[0] <= self.rate.share <= self.bar[1]


@dataclass(frozen=True)
class Scale:
    """How much is simulated; the defaults are the page's, a test takes less."""

    replications: int = 2000
    verdicts: int = 1000
    settled: int = 500
    pairs: int = 200


def coverage(scale: Scale, _: Replays | None) -> Iterator[Row]:
    """95 % intervals of a mean over prompts, and over visits."""
    for shape in simulated.SHAPES:
        bar = None if shape == "very skewed" else COVERED
        for prompts in PROMPTS:
            yield Row(f"{shape}, {prompts} prompts", simulated.coverage(shape, prompts, scale.replications), bar)
    for visits in (2, 3, 5):
        found = simulated.coverage_of_visits(visits, scale.replications)
        yield Row(f"normal, {visits} visits (Student's t)", found, COVERED)


def table(scale: Scale, _: Replays | None) -> Iterator[Row]:
    """The verdict rule at a margin of half a standard deviation."""
    for prompts in (8, 16, 32, 64):
        known = power.Spread(1.0)
        same = simulated.verdicts(0.0, prompts, scale.verdicts)
        told = f"forecast {power.chance_equivalent(0.5, known, prompts):.0%}"
        yield Row(f"{prompts} prompts, no effect: equivalent", simulated.called(same, "equivalent"), None, told)
        twice = simulated.verdicts(1.0, prompts, scale.verdicts)
        told = f"forecast {power.chance_regressed(1.0, 0.5, known, prompts):.0%}"
        yield Row(f"{prompts} prompts, twice the margin: regressed", simulated.called(twice, "regressed"), None, told)
    for prompts in (8, 32):
        at = simulated.verdicts(0.5, prompts, scale.verdicts)
        wrong = rate([one.verdict in ("regressed", "equivalent") for one in at])
        yield Row(f"{prompts} prompts, just the margin: equivalent or regressed, both wrong", wrong, None, "5 % each")


def settle(scale: Scale, _: Replays | None) -> Iterator[Row]:
    """What is inconclusive, asked again with the number of prompts that it says, no effect."""
    for prompts, comparisons in ((8, 1), (16, 1), (16, 10)):
        others = "alone" if comparisons == 1 else f"among {comparisons} like it"
        found, said = simulated.settles(prompts, comparisons, scale.settled)
        yield Row(f"{prompts} prompts, {others}", found, SETTLED, f"asked for {said:.0f} (median)")
        with patch("harness.stats.verdict.n_to_settle", _of_a_known_spread):
            found, said = simulated.settles(prompts, comparisons, scale.settled)
        yield Row(f"{prompts} prompts, {others}, by 8.6·(σ/M)²", found, None, f"asked for {said:.0f} (median)")
    found, said = simulated.settles(16, 1, scale.settled, effect=0.25)
    yield Row("16 prompts, alone, an effect of half the margin", found, None, f"asked for {said:.0f} (median)")


def _of_a_known_spread(mean: Mean, margin: float, _: int = 1) -> int:
    """The number before decision 0010."""
    return max(ceil(8.6 * (mean.sd / margin) ** 2), mean.n + 1)


def nought(scale: Scale, _: Replays | None) -> Iterator[Row]:
    """Reports of nothing but noise at a margin of zero: where the rule has nothing to lean on."""
    for comparisons, reports in ((2, 10 * scale.pairs), (50, scale.pairs)):
        found = simulated.false_alarms(0.0, comparisons, 32, 3, reports)
        yield Row(f"{comparisons} comparisons", found, ALARMS if comparisons == 50 else None)
    with patch("harness.stats.verdict._across", return_value=0.0):
        found = simulated.false_alarms(0.0, 2, 32, 3, 10 * scale.pairs)
    yield Row("2 comparisons, one side at a time", found, None)


def moderated(scale: Scale, _: Replays | None) -> Iterator[Row]:
    """Variances over visits that are drawn to what a report's comparisons have in common, and such that are not."""
    for spreads in tried.SPREADS:
        for cells, visits in ((14, 4), (40, 3)):
            for drawn, what in ((False, "each its own"), (True, "shared")):
                found = tried.false_alarms(spreads, cells, visits, scale.replications, moderated=drawn)
                yield Row(f"{cells} comparisons, {visits} visits, spreads {spreads}: {what}", found, None)


def alarms(scale: Scale, replays: Replays | None) -> Iterator[Row]:
    """Pairs of runs of one thing: how many reports name any *regressed* or *improved*."""
    assert replays is not None
    shapes = {
        "the shipped margins": Shape(),
        "the shipped margins, drift ignored": Shape(drift=False),
        "margins of zero, drift ignored": Shape(margins=dict.fromkeys(_metrics(replays), 0.0), drift=False),
    }
    for at, (what, shape) in enumerate(shapes.items()):
        rng = np.random.default_rng([1, at])
        found = [replays.draw(rng, shape) for _ in range(scale.pairs)]
        judged = _judged(found[0])
        raised = rate([one.count("regressed") + one.count("improved") > 0 for one in found])
        counts = {verdict: sum(one.count(verdict) for one in found) for verdict in ("equivalent", "inconclusive")}
        share = ", ".join(f"{count / (judged * len(found)):.0%} {name}" for name, count in counts.items())
        yield Row(f"{judged} comparisons, {what}", raised, ALARMS, share)


def found(scale: Scale, replays: Replays | None) -> Iterator[Row]:
    """A loss of twice the margin in one cell, at the number of prompts that the plan's forecast asks for."""
    assert replays is not None
    rng = np.random.default_rng(2)
    spread = replays.spread(METRIC, rng)
    margin = spread / 2
    margins: dict[str, float | str] = {METRIC: margin, "world_truth": 0.05, "latency": "3%", "peak_memory": "2%"}
    total = _judged(replays.draw(rng, Shape(margins=margins)))
    for comparisons, what in ((1, "one comparison's number"), (total, f"the number for {total} comparisons")):
        prompts = power.needed(margin, power.Spread(spread), open_=comparisons)
        assert prompts is not None
        shape, caught = Shape(prompts=prompts, margins=margins), []
        for at in range(scale.pairs // 2):
            place = at % len(replays.view.cells)
            compared = replays.draw(rng, shape, Plant(place, METRIC, 2 * margin))
            caught.append(_verdict(compared, place) == "regressed")
        bar = FOUND if comparisons == total else None
        yield Row(
            f"{prompts} prompts, {what}", rate(caught), bar, f"margin {margin:.2f}, half of the widest spread seen"
        )


def _verdict(compared: Compared, place: int) -> str:
    return next(one.verdict for one in compared.cells[place].findings if one.metric == METRIC)


def _judged(compared: Compared) -> int:
    return sum(finding.margin is not None for _, finding in compared.findings())


def _metrics(replays: Replays) -> list[str]:
    return [METRIC, *(m for m in replays.view.plan.metrics if m != METRIC), "latency", "peak_memory"]


PARTS: dict[str, Callable[[Scale, Replays | None], Iterator[Row]]] = {
    "coverage": coverage, "table": table, "settle": settle, "nought": nought, "moderated": moderated,
    "alarms": alarms, "found": found,
}  # fmt: skip
OF_RUN = ("alarms", "found")


def measure(name: str, scale: Scale, replays: Replays | None) -> dict[str, Any]:
    """One part's numbers, as the JSON file has them."""
    began, rows = time.process_time(), []
    with patch("harness.stats.verdict._sign_flip", return_value=None):  # it decides nothing, and takes most of the time
        for row in PARTS[name](scale, replays):
            print(f"{name}: {row.what}: {row.rate.share:.1%} {row.note}", flush=True)
            rows.append({**asdict(row), "kept": row.kept})
    made: dict[str, Any] = {"date": datetime.now(UTC).date().isoformat(), "cpu_s": round(time.process_time() - began)}
    if name in OF_RUN and replays is not None:
        made["source"] = replays.source
    packages = machine()["software"]["packages"]
    return {"rows": rows, **made, "numpy": packages["numpy"], "scipy": packages["scipy"], "revision": _revision()}


def _revision() -> str:
    source = machine()["source"]
    return f"{source.get('revision') or 'unknown'}"[:12] + (" with changes" if source.get("dirty") else "")


def page(numbers: dict[str, Any]) -> str:
    """The page of the numbers that there are."""
    blocks = [HEAD, *(_section(words, numbers.get(name)) for name, words in WORDS.items()), TAIL]
    return "\n\n".join(blocks) + "\n"


def _section(words: Words, found: dict[str, Any] | None) -> str:
    lines = [f"## {words.title}", "", words.text, ""]
    if found is None:
        return "\n".join([*lines, "Not measured yet."])
    lines += [f"| | {words.column} | 95 % of the simulation | of | | kept |", "|---|---|---|---|---|---|"]
    lines += [_line(row) for row in found["rows"]]
    made = f"{found['date']}, revision {found['revision']}, numpy {found['numpy']}, scipy {found['scipy']}"
    source = f" From {found['source']}." if "source" in found else ""
    return "\n".join([*lines, "", f"Measured {made}, in {found['cpu_s']} s of one core.{source}"])


def _line(row: dict[str, Any]) -> str:
    seen, kept = row["rate"], "" if row["bar"] is None else "yes" if row["kept"] else "**no**"
    between = f"{100 * seen['low']:.1f} to {100 * seen['high']:.1f} %"
    return f"| {row['what']} | {100 * seen['share']:.1f} % | {between} | {seen['of']:,} | {row['note']} | {kept} |"


def main() -> int:
    """Measure, write the numbers and the page; 1 if a bar is not kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", nargs="?", type=Path)
    parser.add_argument("run", nargs="?", default="latest")
    parser.add_argument("--timings", metavar="RUN", help="A run of the same cells whose timings are taken.")
    parser.add_argument("--only", action="append", choices=sorted(PARTS), default=[])
    asked = parser.parse_args()
    numbers = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}
    replays = None
    if asked.store is not None:
        store = open_store(asked.store, create=False)
        timed = load_view(store, store.find_run(asked.timings)) if asked.timings else None
        replays = Replays(load_view(store, store.find_run(asked.run)), timed)
    for name in asked.only or PARTS:
        if name in OF_RUN and replays is None:
            print(f"{name}: needs STORE and RUN")
            continue
        numbers[name] = measure(name, Scale(), replays)
        NUMBERS.write_text(json.dumps(numbers, indent=1) + "\n")
    PAGE.write_text(page(numbers))
    return 0 if all(row["kept"] for part in numbers.values() for row in part["rows"]) else 1


if __name__ == "__main__":
    raise SystemExit(main())
