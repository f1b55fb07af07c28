"""The charts' data is the records' data, and each chart can be drawn without a browser."""

import io

import altair as alt
import pandas as pd
import pytest
from PIL import Image

from harness.report.against_reference import against_reference
from harness.report.charts import Chart, finish
from harness.report.quality_latency import log_ticks, quality_latency
from harness.report.view import load_view


def rows_of(chart: Chart) -> list[dict]:
    return max(chart.spec["datasets"].values(), key=len)


def test_points_are_the_cells_that_have_both_numbers(sweep) -> None:
    chart = quality_latency(load_view(*sweep.finish()), "clip_score")
    rows = {row["cell"]: row for row in rows_of(chart)}
    assert list(rows) == [
        "DDIM · 10 steps",
        "DDIM · 20 steps",
        "UniPC · 10 steps",
        "UniPC · 5 steps",
        "DDIM · 100 steps",
    ]
    row = rows["UniPC · 10 steps"]
    assert (row["x"], row["y"], row["y_low"], row["y_high"]) == (0.12, 84.4, 83.9, 84.9)
    assert (row["series"], row["text"], row["verdict"]) == ("UniPC", "10", "equivalent")
    assert rows["DDIM · 100 steps"]["reference"] and rows["DDIM · 100 steps"]["verdict"] == "reference"
    assert chart.title == "CLIP score against latency"


def test_model_calls_stand_in_where_nothing_was_timed(build) -> None:
    builder = build(compare=False)
    builder.cell("DDIM", 10, 83.0)
    builder.cell("DDIM", 50, 84.0)
    chart = quality_latency(load_view(*builder.finish()), "clip_score")
    assert [row["x"] for row in rows_of(chart)] == [10.0, 50.0]
    assert "Nothing was timed: model calls stand for cost." in chart.caption


def test_a_sweep_that_costs_nothing_is_drawn_over_its_knob(build) -> None:
    builder = build(compare=False)
    for guidance in (1, 2, 4):
        builder.cell("DDIM", 25, 84.0, guidance=guidance, latency=0.2, swept={"guidance_scale": guidance})
    chart = quality_latency(load_view(*builder.finish()), "clip_score")
    assert [row["x"] for row in rows_of(chart)] == [1.0, 2.0, 4.0]
    assert chart.title == "CLIP score against guidance scale"


def test_untimed_cells_are_named(sweep) -> None:
    sweep.cell("UniPC", 50, 84.5, versus="DDIM-100-g4")
    assert (
        "Not shown, because not timed: UniPC · 50 steps."
        in quality_latency(load_view(*sweep.finish()), "clip_score").caption
    )


def test_far_off_differences_become_arrows(sweep) -> None:
    sweep.cell("DDIM", 2, 60.0, versus="DDIM-100-g4", verdict="regressed", difference=-24.5)
    chart = against_reference(load_view(*sweep.finish()), "clip_score")
    rows = {row["cell"]: row for row in rows_of(chart)}
    assert rows["DDIM · 2 steps"]["off"] and rows["DDIM · 2 steps"]["arrow"] == "← −24.50"
    near = rows["UniPC · 10 steps"]
    assert not near["off"] and (near["shown"], near["low"], near["high"]) == (-0.1, -0.25, 0.04999999999999999)


def test_no_points_no_chart(build) -> None:
    builder = build(compare=False)
    builder.cell("DDIM", 10, 83.0, frechet=None)
    view = load_view(*builder.finish())
    assert quality_latency(view, "frechet") is None
    assert against_reference(view, "clip_score") is None


def test_charts_are_drawn_without_a_browser(sweep) -> None:
    view = load_view(*sweep.finish())
    for chart in (quality_latency(view, "clip_score"), against_reference(view, "clip_score")):
        assert chart.svg().startswith("<svg")
        assert chart.png(1.0).startswith(b"\x89PNG")


def test_ticks_of_a_logarithmic_axis_are_round() -> None:
    assert log_ticks(0.04, 1.2) == [0.05, 0.1, 0.2, 0.5, 1.0]


def test_a_line_that_is_seen_through_keeps_its_colour_in_a_png() -> None:
    ends = pd.DataFrame({"x": [0, 1], "y": [0, 1]})
    line = alt.Chart(ends).mark_line(strokeWidth=9, opacity=0.75, color="#56B4E9").encode(x="x:Q", y="y:Q")
    with Image.open(io.BytesIO(Chart("line", "", "", finish(alt.layer(line))).png(1.0))) as picture:
        colours = {colour for _, colour in picture.convert("RGB").getcolors(maxcolors=10_000)}
    on_white = [255 - 0.75 * (255 - channel) for channel in (0x56, 0xB4, 0xE9)]
    assert any(colour == pytest.approx(on_white, abs=2) for colour in colours)
