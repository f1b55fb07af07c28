"""The page of the statistics: its simulations and its replays in small, and faults that they must find."""

from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from support import statistics_page as page
from support import statistics_simulations as simulated
from support.compare_runs import keep
from support.statistics_replays import Plant, Replays, Shape

from harness.report.view import load_view
from harness.store.store import open_store

SMALL = page.Scale(replications=100, verdicts=60, settled=20, pairs=20)


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Replays:
    """Of a run of two cells, 16 prompts and two seeds."""
    store = open_store(tmp_path_factory.mktemp("store") / "runs")
    visits = tuple(np.exp(0.003 * np.random.default_rng(0).normal(size=8)).tolist())
    run = keep(store, "one", rows=32, seeds=2, anew=True, visits=visits, peaks_mib=[100.0 + 0.1 * v for v in range(8)])
    return Replays(load_view(store, run))


def test_an_interval_that_ignores_prompts_is_found_out() -> None:
    """Taken for independent, four seeds of half a prompt's variance cover 77 %: far under the bar."""
    assert simulated.coverage("clustered", 32, 200).share > page.COVERED[0] - 0.04
    with patch.object(simulated, "ICC", 0.5), patch.object(simulated, "SHAPES", {"clustered": _as_if_independent}):
        assert simulated.coverage("clustered", 32, 200).share < 0.85


def _as_if_independent(rng: np.random.Generator, prompts: int) -> tuple[simulated.Vector, list[int]]:
    values, _ = simulated._clustered(rng, prompts)
    return values, list(range(len(values)))


def test_runs_of_one_thing_raise_no_alarm_and_a_planted_loss_is_found(replays: Replays) -> None:
    rng = np.random.default_rng(0)
    same = replays.draw(rng, Shape(prompts=16, margins={"clip_score": 2.0, "latency": "3%", "peak_memory": "2%"}))
    assert (len(same.cells), same.count("regressed"), same.count("improved")) == (2, 0, 0)
    assert {finding.n for _, finding in same.findings() if finding.metric == "clip_score"} == {16}
    shape = Shape(prompts=16, margins={"clip_score": 0.1, "latency": "3%", "peak_memory": "2%"})
    hurt = replays.draw(rng, shape, Plant(1, "clip_score", 3.0))
    found = [(cell.label, finding.metric) for cell, finding in hurt.findings() if finding.verdict == "regressed"]
    assert found == [(hurt.cells[1].label, "clip_score")]


def test_the_two_sides_share_no_picture_and_no_visit(replays: Replays) -> None:
    compared = replays.draw(np.random.default_rng(1), Shape(prompts=8))
    for _, finding in compared.findings():
        assert finding.reason is None or "one stored" not in finding.reason
    quality = [finding for _, finding in compared.findings() if finding.metric == "clip_score"]
    assert all(finding.baseline != finding.run for finding in quality)


def test_every_part_gives_rows_and_the_page_shows_them(replays: Replays, tmp_path: Path) -> None:
    numbers = {}
    for name in ("settle", "nought", "alarms"):
        with patch.object(page, "PARTS", {name: _first_of(page.PARTS[name])}):
            numbers[name] = page.measure(name, SMALL, replays)
    text = page.page(numbers)
    assert text.count("Not measured yet.") == len(page.PARTS) - len(numbers)
    assert all(row["what"] in text for part in numbers.values() for row in part["rows"])


def _first_of(part: object) -> object:
    def first(scale: page.Scale, replays: Replays | None) -> Iterator[page.Row]:
        yield next(part(scale, replays))  # type: ignore[operator]

    return first


def test_a_bar_that_is_not_kept_is_said() -> None:
    row = page.Row("x", simulated.rate([True, False]), (0.9, 1.0))
    assert not row.kept
    assert page.Row("x", simulated.rate([True, False]), None).kept


def test_the_pages_numbers_are_those_of_the_file() -> None:
    """docs/statistics.md is what the page's writer makes of docs/statistics.json, and all bars are kept."""
    import json

    numbers = json.loads(page.NUMBERS.read_text())
    assert page.PAGE.read_text() == page.page(numbers)
    assert all(row["kept"] for part in numbers.values() for row in part["rows"])
