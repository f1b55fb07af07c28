"""The power of a plan, forecast from what earlier runs in the store saw of the same metric, model and task.

It reads records as plain JSON and imports no numpy: a plan costs nothing, and its power next to nothing.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.metrics import MARGINS, MEASURES, METRICS
from harness.catalog.types import OptimizationChoice
from harness.errors import HarnessError
from harness.plan.margins import absolute_margin, margins_that_count, relative_margin
from harness.plan.power import NEWEST_RUNS, NOTHING_LIKE, Power
from harness.plan.types import Cell, Plan
from harness.stats import power as rule
from harness.store.measured import graphs_replayed
from harness.store.store import Store, open_store

_ALWAYS_READ = 5  # of the newest runs are looked through for the best source; more only for a kind without any
_SHOWN_LEVEL, _SCORE_LEVEL = 0.9, 0.95
Record = dict[str, Any]


@dataclass(frozen=True)
class Seen:
    """One spread of one metric in one run. ``sd``: of a unit's harm; ``mean``: of the metric, ``seeds`` a prompt.

    ``steps``: denoising steps of the cell: pictures of four vary by far more than pictures of twenty-five.
    """

    metric: str
    model: str
    task: str
    run: str
    sd: float
    n: int
    paired: bool
    steps: int
    mean: float | None = None
    seeds: float | None = None


def power_of(plan: Plan, store_path: Path) -> tuple[Power, ...]:
    """What the plan could see of each metric with a margin; a record that cannot be read tells nothing."""
    wanted = list(_wanted(plan))
    if not wanted:
        return ()
    known = (store_path / "store.json").is_file()
    kinds, apart = {one[:3] for one in wanted}, not _compares(plan)
    steps = {cell.settings.num_inference_steps for cell in plan.scored_cells}
    seen = spreads(open_store(store_path, create=False), kinds, steps, apart=apart) if known else {}
    total = sum(count for *_, count in wanted)
    return tuple(_power(plan, one[:3], total, seen.get(one[:3], ())) for one in wanted)


Kind = tuple[str, str, str]  # metric, model, task


def _wanted(plan: Plan) -> Iterator[tuple[str, str, str, int]]:
    """Metric, model, task, and in how many comparisons; of a plan that compares nothing, those with a later run."""
    cells = [cell for cell in plan.scored_cells if cell.reference is not None or not _compares(plan)]
    kinds = dict.fromkeys((cell.settings.model, cell.settings.task) for cell in cells)
    for model, task in kinds:
        own = [cell for cell in cells if (cell.settings.model, cell.settings.task) == (model, task)]
        for metric in margins_that_count(plan):
            if _is_judged(plan, own[0], metric):
                yield metric, model, task, len(own)


def _compares(plan: Plan) -> bool:
    return any(cell.reference is not None for cell in plan.scored_cells)


def _is_judged(plan: Plan, cell: Cell, metric: str) -> bool:
    if metric in MEASURES:
        return plan.timing.enabled
    return metric in MARGINS and metric in plan.metrics_of(cell)


def spreads(
    store: Store, kinds: set[Kind], steps: Collection[int], *, apart: bool = False
) -> dict[Kind, tuple[Seen, ...]]:
    """For each kind what one run saw: of the newest few, a run that paired before one that did not, and the largest.

    Of equally large ones the newest counts. A spread of so few that no verdict rests on it forecasts nothing. Older
    runs, up to ``NEWEST_RUNS``, are read only while a kind has no source.

    ``steps``: of the plan's cells; what was seen of pictures of other step counts says nothing of theirs.
    ``apart``: what is timed will not be paired, so that only a run's own spread between visits counts.
    """
    sources: dict[Kind, list[tuple[Seen, ...]]] = {}
    for place, run_id in enumerate(reversed(store.run_ids()[-NEWEST_RUNS:])):
        if place >= _ALWAYS_READ and kinds <= set(sources):
            break
        with suppress(HarnessError, KeyError, TypeError, ValueError):  # another version's record tells nothing
            counts = (one for one in _seen(store, run_id) if _counts(one, steps, apart=apart))
            for kind, found in _by_kind(counts).items():
                alike = (tuple(one for one in found if one.paired is paired) for paired in (True, False))
                sources.setdefault(kind, []).extend(filter(None, alike))
    return {kind: max(sources.get(kind, [()]), key=_rank) for kind in kinds}


def _counts(one: Seen, steps: Collection[int], *, apart: bool) -> bool:
    timed = one.metric in MEASURES
    if not timed and one.steps not in steps:
        return False
    return one.n >= rule.LEAST["visit" if timed else "prompt"] and not (apart and timed and one.paired)


def _rank(source: tuple[Seen, ...]) -> tuple[bool, int]:
    """Pairs first, then the most prompts (or visits); ``max`` takes the first of equals, which is the newest."""
    return (source[0].paired, min(one.n for one in source)) if source else (False, 0)


def _by_kind(seen: Iterable[Seen]) -> dict[Kind, list[Seen]]:
    found: dict[Kind, list[Seen]] = {}
    for one in seen:
        found.setdefault((one.metric, one.model, one.task), []).append(one)
    return found


def _seen(store: Store, run_id: str) -> Iterator[Seen]:
    for cell in store.runs.folder(run_id).raw_cells():
        if cell["status"] == "done":
            yield from _of_comparisons(run_id, cell)
            yield from _of_scores(run_id, cell)
            yield from _of_timing(run_id, cell)


def _of_comparisons(run_id: str, cell: Record) -> Iterator[Seen]:
    """Pictures that all differ by nothing were not changed at all: that says nothing of those that will be."""
    scores = {score["metric"]: score for score in cell["scores"]}
    for one in cell["comparisons"]:
        sd, score = _sd_of(one), scores.get(one["metric"])
        if sd is not None and one["n"] > 1 and (sd > 0 or one["metric"] in MEASURES):
            mean = score["value"] if score else None
            yield Seen(one["metric"], *_place(cell), run_id, sd, one["n"], True, _steps(cell), mean, _seeds(score))


def _sd_of(comparison: Record) -> float | None:
    """As recorded; of a record that does not hold it, from its interval."""
    if comparison.get("sd") is not None or comparison["interval"] is None:
        return comparison.get("sd")
    ends = [comparison["interval"]["low"], comparison["interval"]["high"]]
    if comparison["metric"] in MEASURES:
        if min(ends) <= -1:
            return None
        ends = [math.log1p(end) for end in ends]
    return _from_interval(ends[0], ends[1], comparison["n"], _SHOWN_LEVEL)


def _from_interval(low: float, high: float, n: int, level: float) -> float | None:
    if n < 2:
        return None
    return (high - low) / 2 * math.sqrt(n) / rule.t_quantile((1 + level) / 2, n - 1)


def _of_scores(run_id: str, cell: Record) -> Iterator[Seen]:
    """Between prompts, times √2: as far as two such cells differ if they have nothing in common."""
    for score in cell["scores"]:
        bounds, n = score["interval"], score["n_prompts"]
        if bounds is not None and n > 1 and METRICS.get(score["metric"]) and METRICS[score["metric"]].per_image:
            sd = _from_interval(bounds["low"], bounds["high"], n, bounds["level"])
            if sd is not None and sd > 0:
                yield Seen(score["metric"], *_place(cell), run_id, sd * math.sqrt(2), n, False, _steps(cell),
                           score["value"], _seeds(score))  # fmt: skip


def _of_timing(run_id: str, cell: Record) -> Iterator[Seen]:
    timing, memory = cell.get("timing"), cell.get("memory")
    if timing:
        visits: dict[int, list[float]] = {}
        for visit, second in zip(timing["round_of_call"], timing["steady_s"], strict=True):
            visits.setdefault(visit, []).append(second)
        yield from _of_visits(
            "latency", run_id, cell, [statistics.fmean(map(_log, calls)) for calls in visits.values()]
        )
    if memory:
        yield from _of_visits("peak_memory", run_id, cell, [_log(peak) for peak in _peaks(cell)])


def _peaks(cell: Record) -> list[int]:
    """One for each visit, of the kind that the cell's memory is judged by."""
    memory, stack = cell["memory"], map(OptimizationChoice.model_validate, cell["settings"].get("optimizations", ()))
    reserved = graphs_replayed(memory["kind"], stack)
    return list(memory.get("visit_reserved_bytes" if reserved else "visit_peaks_bytes", ()))


def _log(value: float) -> float:
    return math.log(value) if value > 0 else math.nan


def _of_visits(metric: str, run_id: str, cell: Record, logs: Sequence[float]) -> Iterator[Seen]:
    if len(logs) > 1 and all(map(math.isfinite, logs)):
        yield Seen(metric, *_place(cell), run_id, statistics.stdev(logs) * math.sqrt(2), len(logs), False, _steps(cell))


def _place(cell: Record) -> tuple[str, str]:
    return cell["settings"]["model"], cell["settings"]["task"]


def _steps(cell: Record) -> int:
    return int(cell["settings"]["num_inference_steps"])


def _seeds(score: Record | None) -> float | None:
    return score["n"] / score["n_prompts"] if score and score["n_prompts"] else None


def _power(plan: Plan, kind: Kind, total: int, seen: Sequence[Seen]) -> Power:
    metric, model, task = kind
    timed = metric in MEASURES
    n = plan.timing.rounds if timed else _prompts(plan, model, task)
    base = Power(metric=metric, model=model, task=task, unit="visit" if timed else "prompt", margin=None, n=n,
                 comparisons=total)  # fmt: skip
    limit = _margin(plan, metric, seen)
    if not seen or limit is None:
        return base.model_copy(update={"reason": NOTHING_LIKE})
    widest = max(seen, key=lambda one: one.sd)  # a plan is enough when it is for every one of its comparisons
    sd, fewest, share = widest.sd, widest.n, not timed and METRICS[metric].unit == "share"
    sides = 2 if timed and not _compares(plan) else 1
    spread = rule.Spread(sd, sides * (fewest - 1), sides, share)
    enough = n >= rule.LEAST[base.unit]
    smallest = rule.smallest_effect(limit, spread, n, open_=total) if enough else None
    twice = rule.chance_regressed(2 * limit, limit, spread, n, open_=total) if enough else 0.0
    return base.model_copy(
        update={
            "margin": _as_shown(limit, timed=timed),
            "sd": sd,
            "smallest_effect": None if smallest is None else _as_shown(smallest, timed=timed),
            "equivalent": rule.chance_equivalent(limit, spread, n, open_=total) if enough else 0.0,
            "regressed": twice,
            "needed": rule.needed(limit, spread, open_=total, least=rule.LEAST[base.unit]),
            "source": _source(seen, apart=sides == 2),
            "unpaired": not seen[0].paired,
            "notes": tuple(_notes(plan, kind, seen)),
        }
    )


def _as_shown(harm: float, *, timed: bool) -> float:
    return math.expm1(harm) if timed else harm


def _prompts(plan: Plan, model: str, task: str) -> int:
    own = [cell for cell in plan.scored_cells if (cell.settings.model, cell.settings.task) == (model, task)]
    return min(len({row.prompt_id for row in plan.rows_of(cell)}) for cell in own)


def _margin(plan: Plan, metric: str, seen: Sequence[Seen]) -> float | None:
    """In the unit of the harm; ``None``: a share of a mean that nobody has measured."""
    margin = margins_that_count(plan)[metric]
    if metric in MEASURES:
        return math.log1p(relative_margin(margin, metric))
    means = [one.mean for one in seen if one.mean is not None]
    if isinstance(margin, str) and not means:
        return None
    return absolute_margin(margin, metric, statistics.fmean(means) if means else math.nan)


def _source(seen: Sequence[Seen], *, apart: bool) -> str:
    """Whose spread it is, over how many, and what was made of it."""
    unit = "visits" if seen[0].metric in MEASURES else "prompts"
    over = f"over {_range(sorted({one.n for one in seen}), 'd')} {unit}"
    spread = _range(sorted({one.sd for one in seen}), ".2g")
    spread = f"standard deviation {spread}{', of which the widest counts' * (' to ' in spread)}"
    if seen[0].paired:
        return f"from {_plural(len(seen), 'comparison')} of {seen[0].run} {over}, {spread}"
    why = "two runs are not timed side by side" if apart else "as if two cells had nothing in common"
    whose = f"the spread between {unit} of {_plural(len(seen), 'cell')} of {seen[0].run} {over}"
    return f"from {whose}, times √2 ({why}), {spread}"


def _range(ordered: Sequence[float], shape: str) -> str:
    ends = [f"{end:{shape}}" for end in (ordered[0], ordered[-1])]
    return " to ".join(dict.fromkeys(ends))


def _plural(count: int, what: str) -> str:
    return f"{count} {what}{'s' * (count != 1)}"


def _notes(plan: Plan, kind: Kind, seen: Sequence[Seen]) -> Iterator[str]:
    metric, model, task = kind
    then = next((one.seeds for one in seen if one.seeds), None)
    if metric in MEASURES or then is None:
        return
    cell = next(c for c in plan.scored_cells if (c.settings.model, c.settings.task) == (model, task))
    rows = plan.rows_of(cell)
    now = len(rows) / len({row.prompt_id for row in rows})
    if round(now, 2) != round(then, 2):
        less = "less" if now > then else "more"
        yield f"there with {then:g} seeds a prompt, here with {now:g}: expect {less} spread"
