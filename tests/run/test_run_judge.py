"""Verdicts on constructed records: who is compared with whom, by how much, in which unit, and when it decides nothing."""

from __future__ import annotations

from typing import Any

import pytest
from support.plans import make_plan

from harness.errors import HarnessError
from harness.plan.types import Plan
from harness.run.judge import Rows, compare_cells, relative_margin
from harness.run.ledger import pending
from harness.store.records import CellRecord, Comparison, Timing

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


def _timing(seconds: list[float], *, run: str = "run-1", drift: float = 0.0, batch: int = 1) -> Timing:
    return Timing(load_s=[1.0], first_call_s=[1.0], steady_s=seconds, round_of_call=[0] * len(seconds),
                  prior_s=[0.0] * len(seconds), batch=batch, latency_s=seconds[0] / batch, latency_interval=None,
                  throughput_images_per_s=batch / seconds[0], drift=drift, images_match_quality_pass=True,
                  largest_pixel_difference=0, measured_in=run, measured_at="2026-11-24T10:15:00+00:00")  # fmt: skip


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
    assert told.difference == pytest.approx(shift) and told.n_prompts == N
    assert told.interval and told.interval.low < told.difference < told.interval.high and told.interval.level == 0.9
    assert (told.reason is None) == (verdict != "inconclusive") == (told.n_to_settle is None)


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
    assert (told.n_prompts, told.verdict) == (N // 2, "inconclusive") and "no verdict" in (told.reason or "")


def test_a_share_is_of_the_references_mean() -> None:
    plan = _plan(margins={"clip_score": "2%"})
    told = _only(compare_cells(plan, _records(plan), _rows(plan, [50.0] * N, BASE)), plan)
    assert told.margin == pytest.approx(1.0)


def test_rows_without_a_number_are_left_out_and_none_is_no_comparison() -> None:
    plan = _plan()
    gaps = [None, None, *BASE[2:]]
    assert _only(compare_cells(plan, _records(plan), _rows(plan, [*BASE], gaps)), plan).n_prompts == N - 2
    assert compare_cells(plan, _records(plan), _rows(plan, [*BASE], [None] * N)) == {}


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
    for margins in ({}, {"frechet": 1.0}, {"world_truth": 0.1}, {"peak_memory": "2%"}, {"latency": "3%"}):
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


def _latency(first: Timing, second: Timing, margin: str = "5%") -> Comparison:
    plan = _plan(margins={"latency": margin})
    records = _records(plan)
    for cell, timing in zip(plan.cells, (first, second), strict=True):
        records[cell.id] = records[cell.id].model_copy(update={"timing": timing})
    return _only(compare_cells(plan, records, {}), plan)


def test_latency_is_a_ratio_call_by_call_for_each_image() -> None:
    calls = [1.0, 1.1, 0.9, 1.05, 1.2, 0.95, 1.02, 1.3]
    told = _latency(_timing(calls), _timing([2 * 0.8 * c for c in calls], batch=2))
    assert (told.verdict, told.n_prompts) == ("improved", N)
    assert told.difference == pytest.approx(-0.2) and told.margin == pytest.approx(0.05)
    told = _latency(_timing(calls), _timing([1.25 * c * (1 + n / 100) for c, n in zip(calls, NOISE, strict=True)]))
    assert told.verdict == "regressed" and told.difference == pytest.approx(0.25, abs=1e-3)
    assert told.interval is not None and 0 < told.interval.low < told.interval.high
    assert _latency(
        _timing(calls), _timing([c * (1 + n / 100) for c, n in zip(calls, NOISE, strict=True)])
    ).verdict == ("equivalent")


def test_a_machine_that_drifted_and_another_run_decide_nothing() -> None:
    fast, slow = [1.0] * N, [2.0 + n for n in NOISE]
    assert _latency(_timing(fast), _timing(slow, drift=0.049)).verdict == "regressed"
    for first, second in ((0.06, 0.0), (0.0, 0.06)):
        told = _latency(_timing(fast, drift=first), _timing(slow, drift=second))
        assert told.verdict == "inconclusive" and told.n_to_settle is None and "drifted by 6.0%" in (told.reason or "")
    told = _latency(_timing(fast, run="run-0"), _timing(slow))
    assert told.verdict == "inconclusive" and "--remeasure" in (told.reason or "")


def test_unequal_numbers_of_calls_are_no_pairs() -> None:
    plan = _plan(margins={"latency": "5%"})
    records = _records(plan)
    for cell, calls in zip(plan.cells, (N, N - 1), strict=True):
        records[cell.id] = records[cell.id].model_copy(update={"timing": _timing([1.0] * calls)})
    assert compare_cells(plan, records, {}) == {}


def test_margins_of_measures() -> None:
    assert (relative_margin("3%", "latency"), relative_margin(0.03, "latency")) == (pytest.approx(0.03), 0.03)
    with pytest.raises(HarnessError, match="margin of latency"):
        relative_margin("3", "latency")
