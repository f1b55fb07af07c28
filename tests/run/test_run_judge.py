"""Verdicts on constructed records: who is compared with whom, by how much, and when nothing is settled."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
from support.plans import make_plan

from harness.catalog.types import OptimizationChoice
from harness.errors import HarnessError
from harness.plan.margins import relative_margin
from harness.plan.types import Plan
from harness.run.judge import Rows, compare_cells
from harness.run.ledger import pending
from harness.store.records import Beside, CellRecord, Comparison, Memory, Timing

N = 8


def _plan(cells: int = 2, **changes: Any) -> Plan:
    return make_plan(cells=cells, rows=N).model_copy(update={"margins": {"clip_score": 1.0}, **changes})


def _records(plan: Plan, **changes: Any) -> dict[str, CellRecord]:
    done = {"status": "done", **changes}
    return {cell.id: pending("run-1", cell).model_copy(update=done) for cell in plan.cells}


def _rows(plan: Plan, *values: list[float | None]) -> dict[str, Rows]:
    """A column of ``clip_score`` for each cell."""
    return {
        cell.id: [
            {"row_id": row.id, "prompt_id": row.prompt_id, "clip_score": value}
            for row, value in zip(plan.rows, column, strict=True)
        ]
        for cell, column in zip(plan.cells, values, strict=True)
    }


def _timing(
    visits: list[list[float]], *, run: str = "run-1", drift: float = 0.0, batch: int = 1, apart: int = 0
) -> Timing:
    """Of the seconds of each visit's calls."""
    seconds = [second for visit in visits for second in visit]
    rounds = [place for place, visit in enumerate(visits) for _ in visit]
    return Timing(load_s=[1.0], first_call_s=[1.0], steady_s=seconds, round_of_call=rounds,
                  prior_s=[0.0] * len(seconds), batch=batch, latency_s=seconds[0] / batch, latency_interval=None,
                  throughput_images_per_s=batch / seconds[0], drift=drift, images_match_quality_pass=apart == 0,
                  largest_pixel_difference=apart, measured_in=run, measured_at="2026-11-24T10:15:00+00:00")  # fmt: skip


def _only(found: dict[str, list[Comparison]], plan: Plan, place: int = 1) -> Comparison:
    (comparison,) = found[plan.cells[place].id]
    return comparison


BASE = [80.0, 70.0, 75.0, 72.0, 78.0, 74.0, 76.0, 71.0]
NOISE = [0.1, -0.1, 0.05, -0.05, 0.2, -0.2, 0.15, -0.15]


@pytest.mark.parametrize(
    ("shift", "verdict"), [(3.0, "improved"), (-3.0, "regressed"), (0.2, "equivalent"), (0.95, "inconclusive")]
)
def test_a_shift_against_the_margin_gives_the_verdict(shift: float, verdict: str) -> None:
    plan = _plan()
    rows = _rows(plan, [*BASE], [b + shift + n for b, n in zip(BASE, NOISE, strict=True)])
    found = compare_cells(plan, _records(plan), rows)
    assert set(found) == {plan.cells[1].id}
    told = _only(found, plan)
    assert (told.verdict, told.metric, told.reference, told.margin) == (verdict, "clip_score", plan.cells[0].id, 1.0)
    assert told.difference == pytest.approx(shift) and told.n == N
    assert told.interval and told.interval.low < told.difference < told.interval.high and told.interval.level == 0.9
    assert (told.reason is None) == (verdict != "inconclusive") == (told.n_to_settle is None)


def test_it_keeps_the_spread_and_the_smallest_effect_in_the_unit_of_the_difference() -> None:
    plan = _plan()
    harms = [0.95 + n for n in NOISE]
    told = _only(
        compare_cells(plan, _records(plan), _rows(plan, [*BASE], [b + h for b, h in zip(BASE, harms, strict=True)])),
        plan,
    )
    assert told.sd == pytest.approx(statistics.stdev(NOISE))
    assert told.smallest_effect is not None and 1.0 < told.smallest_effect < 1.5
    slow, fast = _timing([[1.0], [1.02], [0.99]]), _timing([[1.01], [1.0], [1.0]])
    plan = _plan(margins={"latency": "3%"})
    records = _records(plan)
    for cell, timing in zip(plan.cells, (slow, fast), strict=True):
        records[cell.id] = records[cell.id].model_copy(update={"timing": timing})
    told = _only(compare_cells(plan, records, {}), plan)
    assert told.smallest_effect is not None and 0.03 < told.smallest_effect < 0.2  # a ratio minus one, no logarithm


def test_pairing_is_by_row_and_not_by_place() -> None:
    plan = _plan()
    rows = _rows(plan, [*BASE], [b + 3 + n for b, n in zip(BASE, NOISE, strict=True)])
    straight = compare_cells(plan, _records(plan), rows)
    rows[plan.cells[1].id].reverse()
    turned = _only(compare_cells(plan, _records(plan), rows), plan)
    assert turned.difference == pytest.approx(_only(straight, plan).difference) and turned.verdict == "improved"


def test_seeds_of_a_prompt_are_no_prompts_of_their_own() -> None:
    plan = make_plan(cells=2, rows=N, seeds=2).model_copy(update={"margins": {"clip_score": 1.0}})
    told = _only(compare_cells(plan, _records(plan), _rows(plan, BASE, [b + 3 for b in BASE])), plan)
    assert (told.n, told.verdict) == (N // 2, "inconclusive") and "no verdict" in (told.reason or "")


def test_a_share_is_of_the_references_mean() -> None:
    plan = _plan(margins={"clip_score": "2%"})
    told = _only(compare_cells(plan, _records(plan), _rows(plan, [50.0] * N, BASE)), plan)
    assert told.margin == pytest.approx(1.0)


def test_rows_without_a_number_are_left_out_and_none_is_no_comparison() -> None:
    plan = _plan()
    gaps = [None, None, *BASE[2:]]
    assert _only(compare_cells(plan, _records(plan), _rows(plan, [*BASE], gaps)), plan).n == N - 2
    told = _only(compare_cells(plan, _records(plan), _rows(plan, [*BASE], [None] * N)), plan)
    assert (told.verdict, told.n, told.difference) == ("inconclusive", 0, None)
    assert told.reason == "no picture has a clip_score in both cells"


def test_only_what_is_done_and_whose_reference_is_done_is_compared() -> None:
    plan = _plan(cells=3)
    rows, records = _rows(plan, BASE, BASE, BASE), _records(plan)
    one, two, three = (cell.id for cell in plan.cells)
    assert set(compare_cells(plan, records, rows)) == {two, three}
    failed = {**records, two: records[two].model_copy(update={"status": "failed"})}
    assert set(compare_cells(plan, failed, rows)) == {three}
    lost = {**records, one: records[one].model_copy(update={"status": "failed"})}
    assert compare_cells(plan, lost, rows) == {}


def test_what_has_no_margin_no_value_for_a_picture_or_is_not_computed_is_not_judged() -> None:
    rows = _rows(_plan(), BASE, BASE)
    for margins in ({}, {"frechet": 1.0}, {"world_truth": 0.1}):
        plan = _plan(margins=margins)
        assert compare_cells(plan, _records(plan), rows) == {}


def test_holms_adjustment_is_over_the_whole_run() -> None:
    """What is settled alone may not be so among many that are not."""
    noise = [1.3, -0.9, 1.1, 0.4, -0.6, 1.6, 0.7, -0.2]
    column = [b + 1.55 + n for b, n in zip(BASE, noise, strict=True)]
    alone, many = _plan(cells=2), _plan(cells=8)
    plain = _only(compare_cells(alone, _records(alone), _rows(alone, BASE, column)), alone)
    undecided = [[b + 1.0 + (1 + k / 10) * n for b, n in zip(BASE, noise, strict=True)] for k in range(6)]
    among = compare_cells(many, _records(many), _rows(many, BASE, column, *undecided))
    told = _only(among, many)
    assert plain.verdict == "improved"
    assert told.verdict == "inconclusive" and "Holm" in (told.reason or "") and told.interval == plain.interval


def _measured(first: dict[str, Any], second: dict[str, Any], metric: str, margin: str = "5%") -> Comparison:
    plan = _plan(margins={metric: margin})
    records = _records(plan)
    for cell, changes in zip(plan.cells, (first, second), strict=True):
        records[cell.id] = records[cell.id].model_copy(update=changes)
    return _only(compare_cells(plan, records, {}), plan)


def _latency(first: Timing | None, second: Timing | None) -> Comparison:
    return _measured({"timing": first}, {"timing": second}, "latency")


CALLS = [[1.0, 1.1, 0.9], [1.05, 1.2, 0.95], [1.02, 1.3, 1.0]]


def _scaled(by: float, wobble: float = 0.001, batch: int = 1, **known: Any) -> Timing:
    """Calls ``by`` times as long as ``CALLS``; each visit is off by ``wobble`` its own way."""
    visits = [[batch * by * c * (1 + wobble * (k - 1)) for c in calls] for k, calls in enumerate(CALLS)]
    return _timing(visits, batch=batch, **known)


@pytest.mark.parametrize(("by", "verdict"), [(0.8, "improved"), (1.25, "regressed"), (1.0, "equivalent")])
def test_latency_is_a_ratio_visit_by_visit_for_each_image(by: float, verdict: str) -> None:
    told = _latency(_timing(CALLS), _scaled(by, batch=2))
    assert (told.verdict, told.n, told.unit, told.p_sign_flip) == (verdict, 3, "visit", None)
    assert told.difference == pytest.approx(by - 1, abs=1e-4) and told.margin == pytest.approx(0.05)
    assert told.interval and told.interval.low < told.difference < told.interval.high
    assert told.interval.method == "Student t over visits"


def test_calls_of_one_visit_are_no_evidence_of_their_own() -> None:
    """A hundred calls that agree, in two processes that do not: the processes are what was sampled."""
    steady = _timing([[1.0] * 50, [1.0] * 50])
    moved = _timing([[1.001] * 50, [1.08] * 50])
    told = _latency(steady, moved)
    assert (told.verdict, told.n) == ("inconclusive", 2) and told.n_to_settle and told.n_to_settle > 2
    alone = _latency(_timing(CALLS[:1]), _timing(CALLS[:1]))
    assert (alone.verdict, alone.n) == ("inconclusive", 1) and "1 visit: no verdict" in (alone.reason or "")


def test_a_machine_that_drifted_another_run_and_other_pictures_decide_nothing() -> None:
    fast = _timing(CALLS)
    assert _latency(fast, _scaled(2.0, drift=0.049)).verdict == "regressed"
    spoilt = [
        (_timing(CALLS, drift=0.06), _scaled(1.02), "drifted by 6.0%"),
        (fast, _scaled(1.02, drift=0.06), "drifted by 6.0%"),
        (fast, _scaled(1.9, drift=1.0), "drifted by 100.0%"),
        (_timing(CALLS, run="run-0"), _scaled(2.0), "--remeasure"),
        (fast, _scaled(2.0, apart=200), "up to 200 of 255 levels apart"),
        (fast, None, "has no timing: not measured"),
        (None, _scaled(2.0), "has no timing: not measured"),
    ]
    for first, second, reason in spoilt:
        told = _latency(first, second)
        assert told.verdict == "inconclusive" and told.n_to_settle is None and reason in (told.reason or "")
    assert _latency(fast, _scaled(2.0, apart=2)).verdict == "regressed"  # the last bits of another batch


def test_beyond_the_drift_what_is_open_says_why_and_more_visits_may_settle_it() -> None:
    """Both are told: what leaves it open, and that the margin was as wide as the drift."""
    wide = _timing([[1.3] * 5, [4.0] * 5], drift=0.06)
    told = _latency(_timing([[1.0] * 5, [1.0] * 5]), wide)
    assert told.verdict == "inconclusive" and told.n_to_settle and told.n_to_settle > 2
    assert (told.reason or "").startswith("the interval") and "; the machine drifted by 6.0%" in (told.reason or "")


def test_a_clear_slowdown_that_decides_nothing_leans_to_worse_if_it_is_evidence() -> None:
    elsewhere = _latency(_timing(CALLS, run="run-0"), _scaled(2.0))
    assert elsewhere.verdict == "inconclusive" and elsewhere.leaning_worse
    assert not _latency(_timing(CALLS, run="run-0"), _scaled(0.5)).leaning_worse
    assert not _latency(_timing(CALLS), _scaled(2.0, apart=200)).leaning_worse


def test_a_difference_larger_than_the_drift_is_still_called() -> None:
    told = _latency(_timing(CALLS), _scaled(2.0, drift=0.3))
    assert (told.verdict, told.reason, told.margin) == ("regressed", None, pytest.approx(0.05))


def _in_turns(by: float, drift: float, key: str = "reference") -> Comparison:
    """A cell whose reference, which took twice as long by itself, was called in turn with it."""
    calls = [second for visit in CALLS for second in visit]
    beside = Beside(timing_key=key, steady_s=calls, round_of_call=[0, 0, 0, 1, 1, 1, 2, 2, 2])
    cell = _scaled(by, drift=drift).model_copy(update={"beside": beside})
    alone = {"timing": _timing([[2 * second for second in visit] for visit in CALLS]), "timing_key": "reference"}
    return _measured(alone, {"timing": cell, "timing_key": "cell"}, "latency")


@pytest.mark.parametrize(("by", "verdict"), [(0.8, "improved"), (1.25, "regressed"), (1.0, "equivalent")])
def test_calls_in_turns_have_the_references_place_and_the_margin_stays(by: float, verdict: str) -> None:
    steady, restless = _in_turns(by, 0.0), _in_turns(by, 0.4)
    assert steady.verdict == verdict and steady.difference == pytest.approx(by - 1, abs=1e-4)
    assert restless.verdict == ("inconclusive" if verdict == "equivalent" else verdict)
    assert restless.reason is None or "drifted by 40.0%" in restless.reason
    another = _in_turns(by, 0.0, key="of another cell")  # what was beside it says nothing of this reference
    assert another.difference == pytest.approx(by / 2 - 1, abs=1e-4)


@pytest.mark.parametrize(("by", "verdict"), [(0.5, "improved"), (1.5, "regressed"), (1.0, "equivalent")])
def test_memory_is_a_ratio_of_the_visits_peaks(by: float, verdict: str) -> None:
    peaks = [1_000_000, 1_002_000, 999_000]
    changes = [
        {
            "timing": _timing(CALLS),
            "memory": Memory(peak_bytes=max(visits), kind="resident-over-idle", visit_peaks_bytes=visits),
        }
        for visits in (peaks, [round(by * peak) + 500 * k for k, peak in enumerate(peaks)])
    ]
    told = _measured(*changes, "peak_memory")
    assert (told.verdict, told.unit) == (verdict, "visit") and told.difference == pytest.approx(by - 1, abs=1e-2)
    without = _measured(changes[0], {**changes[1], "memory": None}, "peak_memory")
    assert without.verdict == "inconclusive" and "not measured" in (without.reason or "")


def test_cuda_graphs_are_judged_by_what_was_reserved() -> None:
    """By allocated bytes, which do not show the graphs' pools, the cell would take half as much."""

    def measured(allocated: int, reserved: list[int], graphs: bool) -> dict[str, Any]:
        stack = [OptimizationChoice(name="compile", options={"mode": "reduce-overhead"})] if graphs else []
        memory = Memory(peak_bytes=allocated, kind="device-allocated", visit_peaks_bytes=[allocated] * 3,
                        reserved_bytes=max(reserved, default=None), visit_reserved_bytes=reserved)  # fmt: skip
        settings = _plan().cells[0].settings.model_copy(update={"optimizations": tuple(stack)})
        return {"timing": _timing(CALLS), "memory": memory, "settings": settings}

    plain, more = measured(1_000_000, [1_200_000, 1_201_000, 1_199_000], False), [1_800_000, 1_802_000, 1_799_000]
    assert _measured(plain, measured(500_000, more, graphs=False), "peak_memory").verdict == "improved"
    told = _measured(plain, measured(500_000, more, graphs=True), "peak_memory")
    assert (told.verdict, told.difference) == ("regressed", pytest.approx(0.5, abs=1e-2))
    unknown = _measured(plain, measured(500_000, [], graphs=True), "peak_memory")
    assert unknown.verdict == "inconclusive" and "reserved, by which CUDA graphs are compared" in (unknown.reason or "")


def test_equal_shares_of_few_prompts_prove_nothing() -> None:
    """Eight prompts, all right in both cells: a loss of a tenth would be missed four times in ten."""
    plan = _plan(metrics=("world_truth",), margins={"world_truth": 0.1})
    rows = {
        cell.id: [{"row_id": row.id, "prompt_id": row.prompt_id, "world_truth": 1.0} for row in plan.rows]
        for cell in plan.cells
    }
    told = _only(compare_cells(plan, _records(plan), rows), plan)
    assert (told.verdict, told.difference) == ("inconclusive", 0.0)
    assert told.interval and told.interval.low < -0.1 < 0.1 < told.interval.high


def test_margins_of_measures() -> None:
    assert (relative_margin("3%", "latency"), relative_margin(0.03, "latency")) == (pytest.approx(0.03), 0.03)
    with pytest.raises(HarnessError, match="margin of latency"):
        relative_margin("3", "latency")
