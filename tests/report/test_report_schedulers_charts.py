"""The charts' data is the records' data: marks, fronts, what is left out and what stands in."""

import json
import re
from itertools import combinations

import pytest
from support.sweeps import crowded, usual

import harness.report.schedulers.sweep as sweep_module
from harness.report.charts import Chart, finish
from harness.report.labels import Frame, bent, place_labels, shared_labels, unbent
from harness.report.schedulers.advice import advise
from harness.report.schedulers.costs import cost_chart, cost_charts
from harness.report.schedulers.distance import distance_chart
from harness.report.schedulers.look import colour_of, dash_of
from harness.report.schedulers.paired import Difference
from harness.report.schedulers.panels import bent_ticks, difference_chart, difference_panel
from harness.report.schedulers.sweep import read_sweep

_LABEL = r'<text [^>]*transform="translate\(([\d.]+),\s?([\d.]+)\)"[^>]*font-weight="bold"[^>]*>(\d+)</text>'


def difference(builder, **kwargs):
    sweep = read_sweep(builder.view(**kwargs))
    return difference_chart(sweep, [advice for of in advise(sweep) for advice in of.grounds], "clip_score")


def rows_of(chart) -> dict[str, dict]:
    found = (row for rows in chart.spec["datasets"].values() for row in rows if "cell" in row)
    return {row["cell"].removesuffix(" · guidance 4"): row for row in found}


def test_each_mark_is_its_verdict(grid) -> None:
    chart = difference(usual(grid()))
    marks = {cell: row["mark"] for cell, row in rows_of(chart).items()}
    assert marks == {
        "DDIM · 4 steps": "regressed", "DDIM · 8 steps": "open", "DDIM · 16 steps": "holds",
        "DDIM · 50 steps": "reference",
        "DPMSolverMultistep · 4 steps": "regressed", "DPMSolverMultistep · 8 steps": "cheapest",
        "DPMSolverMultistep · 16 steps": "holds", "DDPM · 4 steps": "regressed", "DDPM · 8 steps": "regressed",
        "DDPM · 16 steps": "regressed",
    }  # fmt: skip
    row = rows_of(chart)["DDIM · 8 steps"]
    assert (
        (row["x"], row["text"]) == (0.15, "8")
        and row["y"] == pytest.approx(-0.4)
        and row["y_low"] < -0.4 < row["y_high"]
    )
    assert "95 % interval" in chart.caption and "logarithmic beyond the margin" in chart.caption
    assert chart.svg().startswith("<svg")


def test_model_calls_stand_in_for_seconds(grid) -> None:
    chart = difference(usual(grid(), timed=False))
    rows = rows_of(chart)
    assert rows["DDPM · 8 steps"]["x"] > rows["DPMSolverMultistep · 8 steps"]["x"] > rows["DDIM · 8 steps"]["x"] > 7
    assert "Nothing was timed: model calls stand for seconds" in chart.caption and "model calls" in chart.title


def test_cells_without_a_time_are_named(grid) -> None:
    builder = usual(grid())
    builder.point("DDIM", 25, 0.0)
    chart = difference(builder)
    assert "DDIM · 25 steps" not in rows_of(chart)
    assert "Not shown, because not timed: DDIM · 25 steps" in chart.caption


def test_nothing_compared_no_chart(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, status="pending")
    builder.reference()
    assert difference(builder, status="interrupted") is None


def test_the_front_is_ringed_for_each_cost(grid) -> None:
    sweep = read_sweep(usual(grid()).view())
    assert [chart.name for chart in cost_charts(sweep)] == ["clip_score-model_calls", "clip_score-seconds"]
    on = {cell for cell, row in rows_of(cost_chart(sweep, "clip_score", "seconds")).items() if row["front"]}
    assert on == {
        "DDIM · 4 steps", "DDIM · 8 steps", "DPMSolverMultistep · 8 steps", "DPMSolverMultistep · 16 steps",
    }  # fmt: skip
    assert cost_chart(read_sweep(usual(grid(), timed=False).view()), "clip_score", "seconds") is None


def test_distances_are_drawn_where_there_are_any(grid) -> None:
    builder = grid()
    builder.point("DDIM", 8, -0.1, distance=4.0)
    builder.point("DDIM", 16, -0.1, distance=0.0)
    builder.point("DDPM", 8, -0.1, distance="stochastic: no seed has a converged picture")
    builder.reference()
    chart = distance_chart(read_sweep(builder.view()))
    assert [row["y"] for row in rows_of(chart).values()] == [4.0]
    assert "Not shown, because zero: DDIM · 16 steps" in chart.caption
    assert distance_chart(read_sweep(usual(grid()).view())) is None


def test_the_bent_scale_is_vegas_and_goes_both_ways() -> None:
    assert bent(0.0, 0.5) == 0 and bent(0.5, 0.5) == pytest.approx(0.6931, abs=1e-4)
    assert unbent(bent(-31.2, 0.5), 0.5) == pytest.approx(-31.2)
    frame = Frame((0.1, 1.0), (-40.0, 1.5), True, False, 400, 300, 0.5)
    assert frame.pixel(0.1, -40.0) == pytest.approx((0, 300)) and frame.number(400, 0) == pytest.approx((1.0, 1.5))
    assert bent_ticks(frame) == [-30.0, -10.0, -3.0, -1.0, 0.0, 1.0]


def test_points_of_one_text_that_lie_together_share_a_label() -> None:
    frame = Frame((0.0, 100.0), (0.0, 100.0), False, False, 100, 100)
    places = [
        ("8", 10, 10),
        ("8", 25, 15),
        ("8", 40, 10),
        ("16", 12, 12),
        ("8", 90, 90),
    ]  # a chain, another text, far off
    found = shared_labels([{"text": text, "x": x, "y": y} for text, x, y in places], frame)
    assert [(p["text"], p["alone"]) for p in found] == [
        ("", False), ("8", False), ("", False), ("16", True), ("8", True),
    ]  # fmt: skip


def test_labels_of_crowded_points_do_not_cover_each_other() -> None:
    points = [
        {"x": 10 * 2**i * (1 + 0.02 * s), "y": -20 / 4**i + 0.1 * s, "series": name, "order": i, "text": "16",
         "reference": False} for i in range(4) for s, name in enumerate("abc")
    ]  # fmt: skip
    points = [{**p, "x_low": p["x"], "x_high": p["x"], "y_low": p["y"] - 0.5, "y_high": p["y"] + 0.5} for p in points]
    frame = Frame((8.0, 100.0), (-30.0, 2.0), True, False, 400, 300, 0.5)
    columns = place_labels(points, frame)
    places = [frame.pixel(x, y) for x, y in zip(columns["label_x"], columns["label_y"], strict=True)]
    for (x1, y1), (x2, y2) in combinations(places, 2):
        assert abs(x1 - x2) > 13 or abs(y1 - y2) > 11


def test_an_interval_that_ends_at_zero_keeps_its_bar(grid, monkeypatch) -> None:
    ends = Difference(-0.4, -0.8, 0.0, 32)
    monkeypatch.setattr(sweep_module, "difference", lambda *_: ends)
    row = rows_of(difference(usual(grid())))["DDIM · 8 steps"]
    assert (row["y"], row["y_low"], row["y_high"]) == (-0.4, -0.8, 0.0)


def test_many_points_of_one_count_do_not_reach_the_next(grid) -> None:
    builder = grid()
    for number in range(20):
        for steps in (4, 6):
            builder.point(f"Solver{number}", steps, -0.1)
    builder.reference()
    rows = rows_of(difference(builder)).values()
    assert max(r["x"] for r in rows if r["text"] in ("4", "") and r["order"] == 4) < min(
        r["x"] for r in rows if r["order"] == 6
    )


def test_no_name_in_a_legend_is_cut(grid) -> None:
    chart = difference(usual(grid()))
    legends = re.findall(r'"labelLimit": (\d+)', json.dumps(chart.spec))
    assert "0" in legends


def test_schedulers_of_one_chart_are_told_apart_by_colour_and_dash(grid) -> None:
    builder = grid()
    for number in range(24):
        builder.point(f"Solver{number}", 8, -0.1)
    builder.reference()
    sweep = read_sweep(builder.view())
    looks = [(colour_of(sweep, name), dash_of(sweep, name)) for name in sweep.schedulers]
    assert len(set(looks)) == len(looks) == 25
    assert len({colour for colour, _ in looks[:10]}) == 10


@pytest.mark.parametrize("size", [(247, 205), (430, 300)])  # in the one picture, on the page
def test_labels_of_the_shipped_comparison_are_free_of_each_other(grid, size) -> None:
    sweep = read_sweep(crowded(grid()).view())
    panel = difference_panel(sweep, advise(sweep)[0].grounds[0], "clip_score", size)
    drawn = re.findall(_LABEL, Chart("panel", "", "", finish(panel)).svg())
    boxes = [(float(x), float(y), 7.0 * len(text)) for x, y, text in drawn]
    assert {text for *_, text in drawn} == {"4", "6", "10", "16", "25", "50"} and len(boxes) >= 6
    for (x1, y1, wide1), (x2, y2, wide2) in combinations(boxes, 2):
        assert abs(x1 - x2) >= (wide1 + wide2) / 2 or abs(y1 - y2) >= 10


def test_what_failed_is_on_no_front(grid) -> None:
    builder = usual(grid())
    lost = builder.point("DDPM", 3, 99.0)
    at = next(n for n, record in enumerate(builder.records) if record.cell_id == lost)
    builder.records[at] = builder.records[at].model_copy(update={"status": "failed"})
    ground = read_sweep(builder.view(status="failed-cells")).grounds[0]
    assert ground.on_front("clip_score", "model_calls") and lost not in ground.on_front("clip_score", "model_calls")
