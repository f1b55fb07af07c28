"""The simulation behind docs/reference-sets.md: a run's own numbers and intervals, and what the page says of them."""

from __future__ import annotations

import re

import numpy as np
import pytest
from support.jackknife_coverage import BEGIN, CASES, END, OF_SETS, PAGE, SIZES, Row, held, rows, table, verdicts

from harness.catalog.metrics import METRICS
from harness.run.aggregate_sets import OF_SETS as COMPUTED
from harness.store.records import Interval, Score


def score(value: float, half: float) -> Score:
    bounds = Interval(low=value - half, high=value + half, level=0.95, method="made up")
    return Score(metric="kid", name="kid", value=value, unit="", direction="lower", n=32, n_prompts=32, interval=bounds,
                 reason=None)  # fmt: skip


def scores(half: float, n: int = 60) -> list[Score]:
    """Normal numbers with intervals of that half-width, in their standard deviations."""
    return [score(value, half) for value in np.random.default_rng(0).normal(size=n).tolist()]


def test_intervals_of_known_width_hold_as_often_as_they_must() -> None:
    assert held(scores(1.96)) / 60 == pytest.approx(0.95, abs=0.05)
    assert held(scores(0.67)) / 60 == pytest.approx(0.5, abs=0.15)
    assert held(scores(9.0)) == 60 and held(scores(0.0)) == 0


def test_a_draw_without_an_interval_is_no_miss() -> None:
    found = scores(1.0, 3)
    found[1] = found[1].model_copy(update={"interval": None, "reason": "none here"})
    with pytest.raises(ValueError, match="1 of 3 draws have no interval: none here"):
        held(found)


def test_a_few_draws_of_every_metric_are_a_runs_own_numbers() -> None:
    """As many as leave only what is grossly wrong to be found."""
    found = list(rows(12, sizes=(32,)))
    assert [row.metric for row in found[: len(OF_SETS)]] == list(OF_SETS) and len(found) == 2 * len(OF_SETS)
    assert all(row.covered >= 0.5 and row.draws == 12 for row in found)
    assert {name for name in COMPUTED if not METRICS[name].per_image} == set(OF_SETS)


def test_too_wide_and_too_narrow_are_told_and_chance_is_not() -> None:
    wide, narrow = Row("kid", "normal", 32, 1980, 2000), Row("vendi", "normal", 64, 340, 400)
    near, few = Row("recall", "normal", 32, 1905, 2000), Row("recall", "normal", 32, 20, 20)
    assert verdicts([near, few]) == []
    assert verdicts([narrow, near, wide]) == [
        "More than a point wider than they say, beyond chance: `kid` (99.00%: normal, n = 32).",
        "More than a point narrower than they say, beyond chance: `vendi` (85.00%: normal, n = 64).",
    ]


def test_the_page_has_the_table_of_every_metric_and_its_command() -> None:
    block = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    shares = re.findall(r"^\| `(\w+)` \| (.*) \|$", block, re.MULTILINE)
    assert [name for name, _ in shares] == list(OF_SETS)
    draws = int(re.findall(r"--draws (\d+)`", block)[0])
    found = [
        Row(name, case.words, n, round(float(cell.rstrip("%")) * draws / 100), draws)
        for name, cells in shares
        for (case, n), cell in zip([(c, n) for c in CASES for n in SIZES], cells.split(" | "), strict=True)
    ]
    assert table(found, draws) == block.strip(), "the words below the table are what its numbers say"
