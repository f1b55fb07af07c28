"""The power of a plan from what a store's runs saw: paired first, else a run's own spread, and nothing of too few."""

import json
import math
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.compare_runs import keep
from support.plans import make_plan

from harness.catalog.types import OptimizationChoice
from harness.plan.power import NOTHING_LIKE, Power, power_json, render_power
from harness.plan.types import Plan
from harness.run.power import power_of, spreads
from harness.stats.power import Spread, needed
from harness.store.records import Comparison, Interval
from harness.store.store import Store, open_store

STEPS = (10, 20, 25, 40, 50)
MARGINS = {"clip_score": 0.3, "latency": "3%"}


def plan(rows: int = 64, margins: dict[str, Any] | None = None, **changes: Any) -> Plan:
    made = make_plan(cells=3, rows=rows)
    return made.model_copy(update={"margins": MARGINS if margins is None else margins, **changes})


def comparison(metric: str, *, sd: float | None, n: int, low: float = -0.1, high: float = 0.1) -> Comparison:
    unit = "visit" if metric in ("latency", "peak_memory") else "prompt"
    bounds = Interval(low=low, high=high, level=0.9, method="")
    return Comparison(metric=metric, reference="r", difference=0.0, interval=bounds, margin=0.3, verdict="equivalent",
                      n=n, unit=unit, sd=sd)  # fmt: skip


def compared(store: Store, *found: Comparison, name: str = "earlier") -> str:
    """A run whose second cell has those comparisons."""
    run_id = keep(store, name, cells=2)
    cell = store.load_cells(run_id)[1]
    store.save_cell(cell.model_copy(update={"comparisons": list(found)}))
    return run_id


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def of(found: tuple[Power, ...], metric: str) -> Power:
    return next(one for one in found if one.metric == metric)


def test_paired_differences_of_earlier_runs_come_first(store: Store) -> None:
    run_id = compared(store, comparison("clip_score", sd=1.5, n=32), comparison("latency", sd=0.02, n=3))
    found = power_of(plan(), store.root)
    quality, latency = of(found, "clip_score"), of(found, "latency")
    assert (quality.sd, quality.n, quality.unit, quality.comparisons) == (1.5, 64, "prompt", 4)
    assert not quality.unpaired
    assert quality.source == f"from 1 comparison of {run_id} over 32 prompts, standard deviation 1.5"
    assert quality.needed == needed(0.3, Spread(1.5, 31), open_=4, least=6)
    assert quality.smallest_effect is not None and quality.smallest_effect > 0.3
    assert (latency.unit, latency.n) == ("visit", 2)
    assert latency.margin == pytest.approx(0.03)


def test_a_record_without_the_spread_gives_it_by_its_interval(store: Store) -> None:
    half = 1.6955188 * 2.0 / math.sqrt(32)  # t of 31 degrees of freedom at 95 %
    compared(store, comparison("clip_score", sd=None, n=32, low=-half, high=half))
    assert of(power_of(plan(), store.root), "clip_score").sd == pytest.approx(2.0, rel=1e-4)


def test_a_run_that_compared_nothing_gives_its_own_spread(store: Store) -> None:
    run_id = keep(store, "alone", cells=2)
    latency = of(power_of(plan(), store.root), "latency")
    logs = [math.log(visit) for visit in (1.0, 1.004, 0.997)]
    mean = sum(logs) / 3
    assert latency.unpaired
    assert latency.sd == pytest.approx(math.sqrt(2 * sum((x - mean) ** 2 for x in logs) / 2), rel=1e-3)
    told = f"from the spread between visits of 2 cells of {run_id} over 3 visits, times √2 "
    assert latency.source.startswith(f"{told}(as if two cells had nothing in common), standard deviation ")
    assert latency.source in render_power((latency,)) and "bound" not in render_power((latency,))


def test_of_runs_that_paired_the_newest_counts(store: Store) -> None:
    compared(store, comparison("clip_score", sd=9.0, n=32), name="a-old")
    compared(store, comparison("clip_score", sd=1.0, n=32), name="b-new")
    assert of(power_of(plan(), store.root), "clip_score").sd == 1.0


def test_of_the_newest_the_largest_counts(store: Store) -> None:
    compared(store, comparison("clip_score", sd=2.0, n=64), name="a-large")
    compared(store, comparison("clip_score", sd=0.5, n=8), comparison("clip_score", sd=1.0, n=12), name="b-small")
    found = of(power_of(plan(), store.root), "clip_score")
    assert found.sd == 2.0 and found.source.endswith("over 64 prompts, standard deviation 2")
    compared(store, *(comparison("clip_score", sd=sd, n=n) for sd, n in ((3.0, 96), (2.5, 80))), name="c-larger")
    found = of(power_of(plan(), store.root), "clip_score")
    assert found.sd == 3.0 and found.source.endswith(
        "over 80 to 96 prompts, standard deviation 2.5 to 3, of which the widest counts"
    )


def test_pairs_come_before_a_larger_spread_of_ones_own(store: Store) -> None:
    """Each run's cells have three visits of their own."""
    compared(store, comparison("latency", sd=0.5, n=2), name="a-pairs")
    keep(store, "b-alone", cells=2)
    latency = of(power_of(plan(), store.root), "latency")
    assert (latency.sd, latency.unpaired) == (0.5, False)


def test_a_run_of_too_few_prompts_for_a_verdict_is_no_source(store: Store) -> None:
    compared(store, comparison("clip_score", sd=0.01, n=5), comparison("latency", sd=0.01, n=1), name="a-tiny")
    kinds = of(power_of(plan(), store.root), "clip_score")
    assert (kinds.reason, kinds.sd) == (NOTHING_LIKE, None)
    compared(store, comparison("clip_score", sd=1.5, n=6), name="b-enough")
    compared(store, comparison("clip_score", sd=0.01, n=5), name="c-tiny")
    assert of(power_of(plan(), store.root), "clip_score").sd == 1.5


@pytest.mark.parametrize(("options", "peaks"), [({"mode": "reduce-overhead"}, (100, 110, 120)), ({}, (40, 40, 41))])
def test_memory_of_code_that_replays_graphs_spreads_as_what_was_reserved(
    store: Store, options: dict[str, str | bool], peaks: tuple[int, ...]
) -> None:
    stack = (OptimizationChoice(name="compile", options=options),)
    run_id = keep(store, "graphs", cells=1, settings={"optimizations": stack})
    (cell,) = store.load_cells(run_id)
    assert cell.memory is not None
    seen = {"kind": "device-allocated", "visit_peaks_bytes": [40, 40, 41], "visit_reserved_bytes": [100, 110, 120]}
    store.save_cell(cell.model_copy(update={"memory": cell.memory.model_copy(update=seen)}))
    kind = ("peak_memory", cell.settings.model, cell.settings.task)
    (found,) = spreads(store, {kind}, STEPS)[kind]
    assert found.sd == pytest.approx(statistics.stdev(map(math.log, peaks)) * math.sqrt(2))


def _older(cell: dict[str, Any]) -> None:
    del cell["memory"]["visit_peaks_bytes"]


def _stranger(cell: dict[str, Any]) -> None:
    cell["memory"]["kind"] = "device-allocated"
    cell["settings"]["optimizations"] = [{"name": "compile", "options": {"mode": ["of", "another", "kind"]}}]


def _without(cell: dict[str, Any]) -> None:
    cell["comparisons"] = [{"metric": "clip_score"}]


@pytest.mark.parametrize(("change", "others"), [(_older, True), (_stranger, False), (_without, False)])
def test_what_another_versions_record_lacks_it_does_not_tell(
    store: Store, change: Callable[[dict[str, Any]], None], others: bool
) -> None:
    earlier = keep(store, "a-readable", cells=1)
    run_id = keep(store, "b-other", cells=1)
    (path,) = (store.runs.folder(run_id).path / "cells").glob("*.json")
    cell = json.loads(path.read_text())
    change(cell)
    path.write_text(json.dumps(cell))
    settings = store.load_cells(earlier)[0].settings
    kinds = [(metric, settings.model, settings.task) for metric in ("peak_memory", "latency")]
    found = spreads(store, set(kinds), STEPS)
    assert [found[kind][0].run for kind in kinds] == [earlier, run_id if others else earlier]


def test_nothing_like_it_is_said(store: Store, tmp_path: Path) -> None:
    compared(store, comparison("clip_score", sd=1.0, n=32))
    other = plan(margins={"world_truth": 0.05}, metrics=("world_truth",))
    assert [one.reason for one in power_of(other, store.root)] == [NOTHING_LIKE]
    nowhere = power_of(plan(), tmp_path / "nowhere")
    assert {one.reason for one in nowhere} == {NOTHING_LIKE}
    assert render_power(nowhere).count(NOTHING_LIKE) == 1 and "clip_score, latency" in render_power(nowhere)


def test_pictures_of_other_step_counts_tell_nothing_of_these_and_their_times_do(store: Store) -> None:
    compared(store, comparison("clip_score", sd=30.0, n=32), comparison("latency", sd=0.02, n=3))
    cells = [
        cell.model_copy(update={"settings": cell.settings.model_copy(update={"num_inference_steps": 3})})
        for cell in plan().cells
    ]
    quality, latency = power_of(plan(cells=tuple(cells)), store.root)
    assert (quality.reason, quality.needed) == (NOTHING_LIKE, None)
    assert latency.sd == 0.02


def test_few_prompts_see_nothing_and_the_text_says_how_many_it_takes(store: Store) -> None:
    compared(store, comparison("clip_score", sd=1.5, n=32))
    five = of(power_of(plan(rows=5), store.root), "clip_score")
    assert (five.smallest_effect, five.equivalent, five.regressed) == (None, 0.0, 0.0)
    assert f"5 prompts can see nothing; it takes about {five.needed} prompts" in render_power((five,))


def test_a_plan_that_compares_nothing_is_one_that_a_later_run_is_held_against(store: Store) -> None:
    compared(store, comparison("latency", sd=1e-9, n=8))
    alone = plan(margins={}, compare_to=None)
    cells = tuple(cell.model_copy(update={"reference": None}) for cell in alone.cells)
    found = power_of(alone.model_copy(update={"cells": cells}), store.root)
    latency = of(found, "latency")
    assert latency.sd is not None and latency.sd > 1e-3  # two runs are not timed side by side: no pair counts
    assert latency.comparisons == 3 * len(found) and "(two runs are not timed side by side)" in latency.source


def test_pictures_that_never_differed_forecast_nothing(store: Store) -> None:
    compared(store, comparison("clip_score", sd=1.5, n=32), name="a-old")
    compared(store, comparison("clip_score", sd=0.0, n=32), comparison("peak_memory", sd=0.0, n=3), name="b-new")
    quality, memory = power_of(plan(margins={"clip_score": 0.3, "peak_memory": "2%"}), store.root)
    assert quality.sd == 1.5 and (memory.sd, memory.unpaired) == (0.0, False)


def test_a_kind_that_is_found_nowhere_is_looked_for_in_older_runs(store: Store) -> None:
    """Six newer runs of something else; no other kind is asked for, so that none of them would be read for a pair."""
    compared(store, comparison("depth_agreement", sd=1.5, n=32), name="a-old")
    for place in range(6):
        compared(store, comparison("clip_score", sd=1.0, n=32), name=f"b-new-{place}")
    settings = store.load_cells(store.run_ids()[0])[0].settings
    kind = ("depth_agreement", settings.model, settings.task)
    assert [one.sd for one in spreads(store, {kind}, STEPS)[kind]] == [1.5]


def test_json_has_every_number(store: Store) -> None:
    compared(store, comparison("clip_score", sd=1.5, n=32))
    (quality, latency) = power_json(power_of(plan(), store.root))
    assert quality["needed"] > 0 and quality["smallest_effect"] > 0.3 and quality["reason"] is None
    assert latency["unpaired"] is True
