"""The same comparison as JUnit XML, Markdown, JSON and terminal text: regressed first, and nothing unescaped."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

from support.compare_runs import OUT_OF_MEMORY, keep

from harness.compare import words
from harness.compare.compare import compare
from harness.compare.junit import render_junit
from harness.compare.markdown import render_markdown
from harness.compare.strict import strict_lines
from harness.compare.terminal import render
from harness.compare.types import Compared, Finding
from harness.compare.whole import as_json
from harness.report.view import load_view
from harness.store.records import Interval
from harness.store.store import Store

Compares = Callable[..., Compared]
_NASTY = "<b>&\"'|\x00\x0b\ud800"


def test_junit_has_a_case_for_each_cell_and_metric(compared: Compares) -> None:
    told = compared(shift={1: -1.0}, environment={"torch.threads": 4})
    suite = ET.fromstring(render_junit(told))[0]
    cases = {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}
    assert len(cases) == 6 and suite.get("tests") == "6"
    first, second = (cell.name for cell in told.cells)
    failure = cases[second, "clip_score"].find("failure")
    assert failure is not None and "regressed; −1" in str(failure.get("message"))
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "4")
    assert cases[first, "latency"].find("skipped") is not None
    assert cases[first, "clip_score"].find("failure") is None and cases[first, "clip_score"].find("skipped") is None


def test_junit_calls_the_inconclusive_skipped_or_under_strict_failed(compared: Compares) -> None:
    told = compared(old={"rows": 4, "visits": None}, rows=4, visits=None)
    usual, strict = (ET.fromstring(render_junit(told, strict=strict))[0] for strict in (False, True))
    assert (usual.get("failures"), usual.get("skipped")) == ("0", "2")
    assert (strict.get("failures"), strict.get("skipped")) == ("2", "0")


def test_junit_of_a_new_failure_and_of_a_cell_that_is_gone(compared: Compares) -> None:
    told = compared(old={"cells": 3}, failed={0: OUT_OF_MEMORY})
    suite = ET.fromstring(render_junit(told))[0]
    (failure,) = suite.iter("failure")
    assert OUT_OF_MEMORY.reason in str(failure.get("message"))
    gone = [case for case in suite.iter("testcase") if case.get("classname") == told.only_baseline[0].name]
    assert len(gone) == 1 and gone[0].find("skipped") is not None
    leaves = [prop.get("value") for prop in suite.iter("property") if prop.get("name") == "leaves with"]
    assert leaves == ["1"]


def test_junit_and_markdown_hold_any_text(compared: Compares) -> None:
    failure = OUT_OF_MEMORY.model_copy(update={"reason": _NASTY[:-1]})
    told = compared(failed={0: failure})
    told = told.model_copy(
        update={"cells": (told.cells[0].model_copy(update={"label": _NASTY, "name": _NASTY}), *told.cells[1:])}
    )
    case = ET.fromstring(render_junit(told))[0].find("testcase")
    assert case is not None and case.get("classname") == "<b>&\"'|\ufffd\ufffd\ufffd"
    assert "<b>" not in render_markdown(told)


def test_markdown_has_the_regressed_first_and_what_changed(compared: Compares) -> None:
    told = compared(shift={1: -1.0}, environment={"software.packages.torch": "2.15.0"}, unlike=3)
    text = render_markdown(told)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert "**▼ regressed**" in lines[2] and "13/16" in lines[2] and told.cells[1].label in lines[2]
    assert not any("regressed" in line for line in lines[3:])
    assert "2.14.1 → 2.15.0" in text and text.startswith("### Regressed: DDPM · 10 steps (CLIP score); 1 regressed")


def test_a_long_markdown_counts_what_is_quiet(compared: Compares) -> None:
    text = render_markdown(compared(old={"cells": 8}, cells=8, shift={5: -1.0}))
    assert "Not in the table" in text and text.count("regressed**") == 1


def test_json_has_all_numbers(compared: Compares) -> None:
    told = compared(shift={1: -1.0})
    content = json.loads(as_json(told))
    assert Compared.model_validate({name: content[name] for name in Compared.model_fields}) == told
    assert content["cells"][1]["findings"][0]["p_adjusted"] <= 0.05
    assert content["headline"].startswith("Regressed: DDPM · 10 steps (CLIP score); 1 regressed") and content[
        "exit_code"
    ] == {
        "usual": 1,
        "strict": 1,
    }


def test_the_terminal_names_cell_metric_and_numbers(compared: Compares) -> None:
    told = compared(shift={1: -1.0}, unlike=3)
    text = render(told)
    assert told.cells[1].label in text and "▼ CLIP score: regressed; 80.88 → 79.8" in text
    assert "pictures identical 13/16, the others up to 20 of 255 levels apart" in text


WRECKED: dict[str, object] = {
    "old": {"rows": 4, "visits": None},
    "rows": 4,
    "visits": None,
    "shift": {0: -20.0, 1: 0.1},
}


def test_a_wrecked_model_on_few_prompts_does_not_read_as_calm(compared: Compares) -> None:
    told = compared(**WRECKED)
    said = (
        "Undecided: 2 of 2 comparisons in 2 shared cells could not be settled "
        "(2 of pictures; 1 leaning worse: CLIP score of DDIM · 10 steps)"
    )
    worst = "Leaning worse: DDIM · 10 steps, CLIP score −20.0"
    suite = ET.fromstring(render_junit(told))[0]
    properties = {str(one.get("name")): str(one.get("value")) for one in suite.iter("property")}
    content = json.loads(as_json(told))
    assert properties["said"].startswith(said) and content["headline"].startswith(said)
    assert said in render(told) and render_markdown(told).startswith(f"### {said}")
    for text in (
        properties["leaning worse the most"],
        content["leaning_worse_most"],
        render(told),
        render_markdown(told),
    ):
        assert worst in text and "(no interval); margin 0.3; 4 prompts; about 6 prompts would settle it." in text
    assert len(content["open"]) == 2 and content["exit_code"] == {"usual": 0, "strict": 3}


def test_what_leans_most_is_told_with_its_interval(compared: Compares) -> None:
    told = compared(shift={0: -0.29, 1: -0.295}, old={"visits": None}, visits=None)
    (line,) = (line for line in render(told).splitlines() if line.startswith("Leaning worse"))
    assert "Leaning worse the most: DDPM · 10 steps, CLIP score −0.295 (90 % interval −0.30" in line
    assert "16 prompts; about" in line and "would settle it" in line
    at_the_margin = render(compared(shift={1: -0.3}, old={"visits": None}, visits=None))
    assert "no number of prompts is known to settle it: the interval reaches over the margin." in at_the_margin


def test_what_leans_to_better_or_is_settled_raises_no_alarm(compared: Compares) -> None:
    better = compared(**{**WRECKED, "shift": {0: 20.0}})
    assert "none leaning worse" in render(better) and "Leaning worse" not in render(better)
    assert "Undecided" not in render(compared()) and "Leaning worse" not in render(compared())


def test_cells_of_one_side_are_in_the_headline_and_in_every_table(compared: Compares) -> None:
    told = compared(old={"cells": 3})
    missing, counted = told.only_baseline[0].label, "Not compared: 1 cell that only the baseline has."
    markdown = render_markdown(told)
    assert counted in render(told) and f"≠ {missing}: only the baseline has it" in render(told)
    assert counted in markdown.splitlines()[0]
    assert f"| {missing} | result | — | — | — | — | ≠ not compared | only the baseline has it |" in markdown
    more = compared(cells=3)
    assert "Not compared: 1 cell that only the run has." in render(more)
    cases = {case.get("classname"): case for case in ET.fromstring(render_junit(more, strict=True))[0].iter("testcase")}
    assert cases[more.only_run[0].name].find("skipped") is not None  # a new cell fails no gate


def test_many_cells_of_one_side_do_not_fill_the_table(compared: Compares) -> None:
    text = render_markdown(compared(old={"cells": 20}))
    assert text.count("only the baseline has it") == 12 and "6 cells of one run only" in text


def test_nothing_changed_says_where_and_what_is_not_known(compared: Compares) -> None:
    shared = "Nothing changed in the environment, nor, in the shared cells, in the schedulers as loaded or the weights."
    assert shared in render_markdown(compared())
    unknown = {"environment": {"source.revision": None}}
    text = render_markdown(compared(old=unknown, **unknown))
    assert "revision of either run is not known: whether its code changed is not known." in text
    assert "Nothing else is known to have changed" in text and shared not in text
    mixed = compared(old=unknown, environment={"source.dirty": True}).unknown
    assert len(mixed) == 2 and "of the baseline is not known" in mixed[0] and "of the run had files" in mixed[1]
    dirty = compared(environment={"source.dirty": True})
    assert "The harness of the run had files that differ from its revision" in render(dirty)


def test_strict_says_what_is_open_and_what_to_do(compared: Compares) -> None:
    told = compared(**{**WRECKED, "old": {"rows": 4, "visits": None, "cells": 3}})
    text = "\n".join(strict_lines(told))
    assert text.startswith("--strict leaves with 3: 3 things of the baseline have no verdict.")
    assert "DDIM · 10 steps: CLIP score: about 6 prompts would settle it" in text
    assert "DPMSolverMultistep · 10 steps: only the baseline has it" in text
    assert "ask more prompts" in text and "make the missing cells" in text and "idle machine" not in text
    assert "leaves with 3" in render_markdown(told, strict=True) and "leaves with 3" not in render_markdown(told)
    assert strict_lines(compared()) == [] and strict_lines(compared(shift={0: -1.0})) == []  # nothing is open
    beside = strict_lines(compared(old={"cells": 3}, shift={0: -1.0}))  # it leaves with 1, for another reason
    assert beside[0] == "Beside that, 1 thing of the baseline has no verdict." and "missing cells" in beside[-1]
    restless = compared(drift=0.5)
    assert "idle machine" in strict_lines(restless)[-1] and "ask more prompts" not in strict_lines(restless)[-1]


def test_pictures_that_were_not_opened_are_told_in_a_pull_request(compared: Compares) -> None:
    told = compared()
    seen = told.cells[0].pictures
    assert seen is not None
    cell = told.cells[0].model_copy(update={"pictures": seen.model_copy(update={"identical": 14, "unread": 2})})
    text = render_markdown(told.model_copy(update={"cells": (cell, *told.cells[1:])}))
    assert f"- {cell.label}: pictures identical 14/16, 2 not opened" in text


def test_a_share_differs_by_points_of_a_percentage() -> None:
    bounds = Interval(low=-0.2, high=-0.05, level=0.9, method="x")
    lost = Finding(metric="world_truth", verdict="regressed", difference=-0.1, interval=bounds, margin=0.05)
    assert words.change(lost) == "−10.0 %-points (−20.0 to −5.0)" and words.margin(lost) == "5.0 %-points"
    slower = Finding(metric="latency", verdict="regressed", difference=0.1, relative=True, margin=0.03)
    assert (words.change(slower), words.margin(slower)) == ("+10.0 %", "3.0 %")


def test_points_are_explained_once_where_there_are_any(compared: Compares) -> None:
    told = compared(shift={0: -1.0})
    assert "%-points are" not in render(told)
    shares = [one.model_copy(update={"metric": "world_truth"}) for one in told.cells[0].findings]
    told = told.model_copy(update={"cells": (told.cells[0].model_copy(update={"findings": tuple(shares)}),)})
    assert render(told).count("%-points are points of a percentage: from 90 % to 80 % is −10 %-points.") == 1


def test_junit_names_do_not_move_with_what_is_swept(store: Store) -> None:
    """A run of one cell names what its spec sweeps, which is nothing: the test keeps its history all the same."""
    label, cases = {}, {}
    for cells in (1, 3):
        view = load_view(store, keep(store, f"of-{cells}", cells=cells, text="" if cells == 3 else " alone"))
        told = compare(view, view, places=("one", "one"))[0]
        label[cells] = told.cells[0].label
        suite = ET.fromstring(render_junit(told))[0]
        cases[cells] = {(case.get("classname"), case.get("name")) for case in suite.iter("testcase")}
    assert label[1] != label[3] and cases[1] < cases[3]
    assert {"mini-2.2 · text-to-image · two-stage · float32 · none · 64 px · DDIM · 10 steps · guidance 4 · "
            "25 prior steps · prior guidance 4"} == {name for name, _ in cases[1]}  # fmt: skip


def test_cells_of_one_label_that_have_no_like_are_told_apart(compared: Compares) -> None:
    """Only a knob that neither run sweeps differs: the labels are the same on both sides."""
    found = words.one_sided(compared(settings={"guidance_scale": 1.0}))
    assert [label for label, _ in found if "guidance 4" in label] and [lab for lab, _ in found if "guidance 1" in lab]
    assert len({label for label, _ in found}) == 4
