"""The simulation behind docs/reference-sets.md: a run's own numbers and intervals, and what the page says of them."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from support import jackknife_coverage
from support.jackknife_coverage import (
    BEGIN,
    CASES,
    END,
    KNOWN,
    NONE,
    OF_SETS,
    PAGE,
    SIZES,
    Row,
    held,
    main,
    outside,
    rows,
    table,
    verdicts,
)  # fmt: skip

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
    with_interval = [name for name in OF_SETS if name != "recall"]
    assert [row.metric for row in found] == 2 * with_interval
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


def test_what_is_clearly_outside_is_told_unless_it_is_known() -> None:
    wide, narrow = Row("kid", "normal", 32, 1990, 2000), Row("recall", "a dozen clumps", 64, 1700, 2000)
    near, few = Row("kid", "normal", 64, 1965, 2000), Row("kid", "normal", 64, 18, 20)
    known = [Row(*place, 2000, 2000) for place in KNOWN]
    assert known and outside([near, few, *known]) == []
    assert outside([wide, *known, narrow]) == [wide, narrow]
    assert outside([Row(*place, 1700, 2000) for place in KNOWN]) != [], "known as too wide, it may not be too narrow"


@pytest.mark.parametrize("held", [95, 50])
def test_it_leaves_with_a_fault_where_an_interval_does_not_hold(
    held: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"{BEGIN}\n{END}\n")
    monkeypatch.setattr(jackknife_coverage, "PAGE", page)
    monkeypatch.setattr(jackknife_coverage, "rows", lambda draws: iter([Row("kid", "normal", 32, held, draws)]))
    monkeypatch.setattr("sys.argv", ["jackknife_coverage", "--draws", "100"])
    assert main() == (0 if held == 95 else 1)
    assert f"{held}.00%" in page.read_text()


def test_the_page_has_the_table_of_every_metric_and_its_command() -> None:
    block = PAGE.read_text(encoding="utf-8").partition(BEGIN)[2].partition(END)[0]
    shares = re.findall(r"^\| `(\w+)` \| (.*) \|$", block, re.MULTILINE)
    assert [name for name, _ in shares] == list(OF_SETS)
    draws = int(re.findall(r"--draws (\d+)`", block)[0])
    found = [
        Row(name, case.words, n, round(float(cell.rstrip("%")) * draws / 100), draws)
        for name, cells in shares
        for (case, n), cell in zip([(c, n) for c in CASES for n in SIZES], cells.split(" | "), strict=True)
        if cell != NONE
    ]
    assert table(found, draws) == block.strip(), "the words below the table are what its numbers say"
