"""The same comparison as JUnit XML, Markdown, JSON and terminal text: regressed first, and nothing unescaped."""

from __future__ import annotations

import json
from collections.abc import Callable
from xml.etree import ElementTree as ET

from support.compare_runs import OUT_OF_MEMORY

from harness.compare.junit import render_junit
from harness.compare.markdown import render_markdown
from harness.compare.terminal import render
from harness.compare.types import Compared
from harness.compare.whole import as_json

Compares = Callable[..., Compared]
_NASTY = "<b>&\"'|\x00\x0b\ud800"


def test_junit_has_a_case_for_each_cell_and_metric(compared: Compares) -> None:
    told = compared(shift={1: -1.0}, environment={"torch.threads": 4})
    suite = ET.fromstring(render_junit(told))[0]
    cases = {(case.get("classname"), case.get("name")): case for case in suite.iter("testcase")}
    assert len(cases) == 6 and suite.get("tests") == "6"
    first, second = (cell.label for cell in told.cells)
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
    gone = [case for case in suite.iter("testcase") if case.get("classname") == told.only_baseline[0]]
    assert len(gone) == 1 and gone[0].find("skipped") is not None


def test_junit_and_markdown_hold_any_text(compared: Compares) -> None:
    failure = OUT_OF_MEMORY.model_copy(update={"reason": _NASTY[:-1]})
    told = compared(failed={0: failure})
    told = told.model_copy(update={"cells": (told.cells[0].model_copy(update={"label": _NASTY}), *told.cells[1:])})
    case = ET.fromstring(render_junit(told))[0].find("testcase")
    assert case is not None and case.get("classname") == "<b>&\"'|\ufffd\ufffd\ufffd"
    assert "<b>" not in render_markdown(told)


def test_markdown_has_the_regressed_first_and_what_changed(compared: Compares) -> None:
    told = compared(shift={1: -1.0}, environment={"software.packages.torch": "2.15.0"}, unlike=3)
    text = render_markdown(told)
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert "**▼ regressed**" in lines[2] and "13/16" in lines[2] and told.cells[1].label in lines[2]
    assert not any("regressed" in line for line in lines[3:])
    assert "2.14.1 → 2.15.0" in text and text.startswith("### Regressed: 1 regressed")


def test_a_long_markdown_counts_what_is_quiet(compared: Compares) -> None:
    text = render_markdown(compared(old={"cells": 8}, cells=8, shift={5: -1.0}))
    assert "Not in the table" in text and text.count("regressed**") == 1


def test_json_has_all_numbers(compared: Compares) -> None:
    told = compared(shift={1: -1.0})
    content = json.loads(as_json(told))
    assert Compared.model_validate(content) == told
    assert content["cells"][1]["findings"][0]["p_adjusted"] <= 0.05


def test_the_terminal_names_cell_metric_and_numbers(compared: Compares) -> None:
    told = compared(shift={1: -1.0}, unlike=3)
    text = render(told)
    assert told.cells[1].label in text and "▼ CLIP score: regressed; 80.88 → 79.8" in text
    assert "pictures identical 13/16, the others up to 20 of 255 levels apart" in text
