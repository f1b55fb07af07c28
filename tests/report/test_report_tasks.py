"""A run over tasks: each cell has its task's numbers only, in their units, and each task its sentence."""

import csv
import io
import re

import pytest
from support.task_runs import TaskRun, every_task

from harness.report.answer import answer
from harness.report.assemble import assemble
from harness.report.provenance import provenance
from harness.report.quality_latency import quality_latency
from harness.report.summary import draw_summary
from harness.report.table import build_table
from harness.report.terminal import render_cell, render_table
from harness.report.view import RunView, load_view
from harness.store.store import open_store


@pytest.fixture
def run(tmp_path) -> TaskRun:
    return every_task(open_store(tmp_path / "runs"))


@pytest.fixture
def view(run) -> RunView:
    return load_view(*run.finish())


def test_a_cell_has_the_metrics_of_its_task_and_dashes_elsewhere(view) -> None:
    rows = {row.label: row.numbers for row in build_table(view).rows}
    there = {key for key, number in rows["inpainting"].items() if number.applies}
    assert there - {"latency", "throughput", "peak_memory", "first_call", "load"} == {
        "clip_inside", "outside_error", "edge_error", "clip_score",
    }  # fmt: skip
    lacking = rows["inpainting"]["depth_error"]
    assert (lacking.value, lacking.text, lacking.reason) == (None, "—", "no metric of inpainting")
    asked = rows["inpainting"]["clip_score"]  # the task has it, and nobody asked for it
    assert (asked.applies, asked.reason) == (True, "not scored yet")


@pytest.mark.parametrize(
    ("task", "metric", "text", "interval"),
    [
        ("text-to-image", "world_truth", "90.0 %", "88.2 % to 91.8 %"),
        ("inpainting", "outside_error", "1.250", "1.225 to 1.275"),
        ("controlnet-depth-text-to-image", "depth_agreement", "0.930", "0.911 to 0.949"),
        ("controlnet-depth-text-to-image", "depth_error", "0.1200", "0.1176 to 0.1224"),
    ],
)
def test_each_number_is_shown_in_its_unit(view, task, metric, text, interval) -> None:
    number = next(row for row in build_table(view).rows if row.label == task).numbers[metric]
    assert (number.text, number.interval_text) == (text, interval)


def test_where_a_picture_stands_is_neither_good_nor_bad(view) -> None:
    columns = {column.key: column for column in build_table(view).columns}
    assert (columns["mix_position"].unit, columns["mix_position"].better) == ("share of the way", "")
    assert columns["depth_error"].better == "lower is better"


def test_each_task_has_its_sentence(view) -> None:
    said = answer(view)
    assert said.headline == (
        "text-to-image: CLIP score of text-to-image: 84.5 (95 % interval 82.8 to 86.2, 3 prompts). "
        "image-to-image: highest CLIP score of 2 cells: image-to-image · 0.3, 84.5 "
        "(95 % interval 82.8 to 86.2, 3 prompts). "
        "inpainting: CLIP score around the mask of inpainting: 80.1 (95 % interval 78.5 to 81.7, 3 prompts). "
        "No reference was named (compare_to), so no verdict is given."
    )
    assert "interpolation: place between the ends of 3 cells: 0.00 to 1.00." in said.details


def test_interpolation_alone_names_no_best_weight(tmp_path) -> None:
    run = TaskRun(open_store(tmp_path / "runs"))
    for weight in (0.25, 0.5):
        run.cell("interpolation", angle=weight, weights=(1 - weight, weight))
    said = answer(load_view(*run.finish()))
    assert (said.headline, said.chosen) == ("Place between the ends of 2 cells: 0.16 to 0.32.", ())


def test_a_start_in_the_middle_calls_the_decoder_less(view) -> None:
    calls = {row.label: row.model_calls for row in build_table(view).rows}
    assert [calls[f"image-to-image · {s}"] for s in (0.3, 0.6)] == [3, 6]
    assert calls["text-to-image"] == 10


def test_pictures_left_out_are_told_beside_the_count(run) -> None:
    told = "1 of 3 pictures are left out: no ring around the mask"
    cell = run.records[3]
    scores = [s.model_copy(update={"reason": told}) if s.metric == "edge_error" else s for s in cell.scores]
    run.records[3] = cell.model_copy(update={"scores": scores})
    row = build_table(load_view(*run.finish())).rows[3]
    assert (row.numbers["edge_error"].text, row.numbers["edge_error"].count_text) == ("6.50", f"3 images; {told}")


def test_prompts_that_were_cut_name_row_encoder_and_words(run) -> None:
    cut = {"p1-s0": {"CLIP": "and a far hill", "XLM-R": "hill"}}
    for at in (0, 3):
        run.records[at] = run.records[at].model_copy(update={"truncated": cut})
    view = load_view(*run.finish())
    (section,) = [section for section in provenance(view) if section.title == "Prompts that were cut"]
    assert section.facts == (("p1-s0, CLIP", "and a far hill"), ("p1-s0, XLM-R", "hill"))
    assert "cut by XLM-R from p1-s0: hill" in render_cell(view, view.cells[0], width=160)
    assert "cut by" not in render_cell(view, view.cells[1], width=160)


def test_nothing_cut_is_no_section(view) -> None:
    assert "Prompts that were cut" not in [section.title for section in provenance(view)]


def test_a_cell_in_full_has_the_knobs_of_its_task_only(view) -> None:
    shown = {cell.settings.task: render_cell(view, cell, width=160) for cell in view.cells}
    assert (
        "strength" not in shown["text-to-image"]
        and "  task                        text-to-image" in shown["text-to-image"]
    )
    assert "  prior_strength              0.85" in shown["controlnet-depth-image-to-image"]
    assert "—" in render_table(view, width=400)


def test_a_chart_joins_what_differs_in_strength_and_names_no_knob_that_is_not_there(view) -> None:
    chart = quality_latency(view, "image_similarity")
    assert chart is not None
    rows = max(chart.spec["datasets"].values(), key=len)
    assert [(row["series"], row["text"], row["x"]) for row in rows] == [
        ("image-to-image", "0.3", 3.0), ("image-to-image", "0.6", 6.0), ("controlnet-depth-image-to-image", "", 5.0),
    ]  # fmt: skip


def test_one_point_is_no_chart(view) -> None:
    page = assemble(view, compact=False)["report.html"].decode()
    titles = ["CLIP score", "image similarity", "depth agreement", "depth error"]
    assert re.findall(r"<strong>(.+?) against", page) == titles


def test_every_file_of_a_run_over_tasks(view) -> None:
    files = assemble(view, compact=False)
    page, markdown = files["report.html"].decode(), files["report.md"].decode()
    for task in view.plan.tasks:
        assert f"<h3>{task}</h3>" in page
    assert '<span class="words">a blue circle</span>' in page and 'alt="hint"' in page
    lines = [line for line in markdown.splitlines() if line.startswith("| ") and "image" in line]
    assert len({line.count("|") for line in lines if "text-to-image" in line}) == 1
    table = list(csv.DictReader(io.StringIO(files["table.csv"].decode())))
    assert (table[0]["depth_error"], table[0]["depth_error_reason"]) == ("", "no metric of text-to-image")
    assert [row["strength"] for row in table[:3]] == ["", "0.3", "0.6"]


def test_the_summary_has_a_strip_for_each_task(view) -> None:
    said = answer(view)
    with_all = draw_summary(view, said, None)
    assert with_all.size == (1600, 900)
    for row in view.plan.rows:
        view.store.path("inputs", row.image).unlink()
    assert with_all.tobytes() != draw_summary(view, said, None).tobytes()
