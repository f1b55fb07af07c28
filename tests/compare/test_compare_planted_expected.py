"""Whether the gate found a planted fault is judged by metric and cell: on comparisons that are made up."""

from __future__ import annotations

import json
from subprocess import CompletedProcess
from typing import Any

import pytest
from support.planted_expected import EXPECTED, SHOWN_CODES, Found, failings, wrong_codes
from support.planted_faults import FAULTS
from support.planted_regressions import found, planted_table

from harness.compare.types import CellCompared, Finding, Pictures

BOTH = ("DDIM", "EulerDiscrete")


def cell(label: str, identical: int = 0, **verdicts: Any) -> CellCompared:
    """Of 64 pictures, with the verdict of each metric."""
    told = tuple(Finding(metric=metric, verdict=verdict) for metric, verdict in verdicts.items())
    seen = Pictures(rows=64, identical=identical, different=64 - identical, missing=0, resized=0,
                    largest_difference=None)  # fmt: skip
    return CellCompared(label=label, name=label, baseline_id="a", run_id="b", outcome="compared", pictures=seen,
                        findings=told)  # fmt: skip


def as_it_must(fault: str) -> list[CellCompared]:
    """A comparison that says of a fault what it must, and is *equivalent* in all else."""
    must = EXPECTED[fault]
    labels = BOTH if must.pictures else ("mini-2.2",)
    metrics = ("clip_score", "world_truth") if must.pictures else ("clip_score", "latency", "peak_memory")
    return [
        cell(
            label,
            0 if must.changes_pictures(label) else 64,
            **{name: "regressed" if label in must.regressed.get(name, ()) else "equivalent" for name in metrics},
        )
        for label in labels
    ]


def changed(cells: list[CellCompared], label: str, **changes: str) -> list[CellCompared]:
    """The same with other verdicts in one cell."""
    return [
        one.model_copy(update={"findings": tuple(
            told.model_copy(update={"verdict": changes.get(told.metric, told.verdict)}) for told in one.findings
        )})
        if one.label == label else one
        for one in cells
    ]  # fmt: skip


def told(fault: str, cells: list[CellCompared], code: int = 1) -> list[str]:
    return failings(Found(fault, "harness compare", code, tuple(cells)))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_it_must_say_is_enough(fault: str) -> None:
    assert set(EXPECTED) == set(FAULTS)
    assert told(fault, as_it_must(fault)) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_an_exit_of_one_alone_is_no_success(fault: str) -> None:
    """Something has regressed, and not what the fault must have brought down."""
    for metric, labels in EXPECTED[fault].regressed.items():
        for label in labels:
            missed = told(fault, changed(as_it_must(fault), label, **{metric: "inconclusive"}))
            assert missed == [f"{fault}: {metric} of {label} is inconclusive, expected regressed"]


@pytest.mark.parametrize("code", [0, 2, 3, 4])
def test_another_exit_code_is_no_success(code: int) -> None:
    assert told("jpeg", as_it_must("jpeg"), code) == [f"jpeg: the gate left with {code}, expected 1"]


@pytest.mark.parametrize(
    ("fault", "label", "metric"), [("scaling", "DDIM", "world_truth"), ("slow", "mini-2.2", "peak_memory")]
)
@pytest.mark.parametrize("verdict", ["regressed", "improved"])
def test_nothing_is_called_where_the_fault_cannot_reach(fault: str, label: str, metric: str, verdict: str) -> None:
    false = told(fault, changed(as_it_must(fault), label, **{metric: verdict}))
    assert false == [f"{fault}: {metric} of {label} is {verdict}, where the fault cannot reach"]
    assert told(fault, changed(as_it_must(fault), label, **{metric: "inconclusive"})) == []


def test_what_it_reaches_may_be_called() -> None:
    assert told("scaling", changed(as_it_must("scaling"), "EulerDiscrete", world_truth="regressed")) == []
    assert told("guidance", changed(as_it_must("guidance"), "EulerDiscrete", clip_score="regressed")) == []


@pytest.mark.parametrize(("fault", "label"), [("scaling", "DDIM"), ("slow", "mini-2.2")])
def test_pictures_where_it_cannot_reach_are_the_same(fault: str, label: str) -> None:
    cells = [one for one in as_it_must(fault) if one.label != label]
    metrics = {one.metric: one.verdict for each in as_it_must(fault) if each.label == label for one in each.findings}
    (only,) = told(fault, [*cells, cell(label, 63, **metrics)])
    assert only == f"{fault}: {label}: pictures identical 63/64, where the fault cannot reach"
    unseen = cell(label, **metrics).model_copy(update={"pictures": None})
    assert told(fault, [*cells, unseen]) == [f"{fault}: no picture of {label} was held against another"]


def test_a_cell_that_is_not_there_is_no_success() -> None:
    assert told("jpeg", as_it_must("jpeg")[:1]) == [
        "jpeg: clip_score of EulerDiscrete is not there, expected regressed"
    ]


def test_the_gates_own_json_is_read_and_told() -> None:
    cells = [one.model_dump(mode="json") for one in as_it_must("scaling")]
    said = CompletedProcess([], 1, stdout=json.dumps({"cells": cells}), stderr="")
    in_turns = CompletedProcess([], 1, stdout=json.dumps({"compared": {"cells": cells}, "rounds": 8}), stderr="")
    one, other = (found("scaling", "harness compare main scaling", each) for each in (said, in_turns))
    assert one == other and failings(one) == []
    line = planted_table([one]).splitlines()[-1]
    assert line.startswith("| a sigma-space scheduler without its scaling | 1 | EulerDiscrete: CLIP score: ")
    assert "**regressed** | DDIM 64/64<br>EulerDiscrete 0/64 |" in line
    with pytest.raises(SystemExit, match="gave no JSON"):
        found("scaling", "harness compare", CompletedProcess([], 2, stdout="", stderr="no such run"))


def test_the_shown_calls_have_their_codes() -> None:
    assert tuple(map(int, SHOWN_CODES)) == (0, 1, 3, 4, 4, 1)
    calls = [(f"call {place}", int(code), "") for place, code in enumerate(SHOWN_CODES)]
    assert wrong_codes(calls) == []
    calls[2] = ("call 2", 0, "")
    assert wrong_codes(calls) == ["`call 2` left with 0, expected 3"]
    with pytest.raises(ValueError, match="longer"):
        wrong_codes(calls[:5])
