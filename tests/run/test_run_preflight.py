"""The pre-flight asks a subprocess once, remembers by what determines an answer, and gives null with its reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from estimate.cases import mini_case
from support.footprints import look
from support.plans import make_plan

from harness.catalog.devices import DEVICES, memory_bytes, nearest_device
from harness.catalog.types import Place
from harness.errors import MissingError
from harness.plan.footprint import Answer
from harness.plan.preflight import preflight_json, render_preflight
from harness.run import preflight as under_test
from harness.run.preflight import Estimates, asked_for, case_of, estimate_key, preflight

GIB = 2**30


@pytest.fixture(autouse=True)
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cache of the test's own, and what the person is told."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return []


def test_a_plan_of_the_miniature_is_held_against_a_memory(told: list[str]) -> None:
    plan = make_plan(cells=2)
    found = preflight(plan, 16 * GIB, None, told.append)
    (group,) = found.groups
    assert set(group.image_flops) == {cell.id for cell in plan.cells} and group.fit.verdict == "fits"
    assert group.fit.footprint is not None and group.fit.footprint.parameters == 11_447_735
    assert told == ["estimating 1 footprint from configurations (once for these versions)"]
    text = render_preflight(found)
    assert "mini-2.2 · text-to-image · 64×64 · float32 · batch 4" in text and "11,447,735" in text
    assert "not counted" in text and "what makes it fit" not in text and "held against 16.0 GiB: 1 fits" in text
    data = json.loads(json.dumps(preflight_json(found)))
    assert data["error"] == 0.15 and data["groups"][0]["fit"]["stages"][0]["name"] == "prior: prompt"
    again: list[str] = []
    assert preflight(plan, 16 * GIB, None, again.append) == found and not again, "remembered"


def test_a_memory_that_is_too_small_names_the_cheapest_change(told: list[str]) -> None:
    plan = make_plan(cells=1, rows=1)
    peak = preflight(plan, GIB, None, told.append).groups[0].fit.peak_bytes
    assert peak is not None
    found = preflight(plan, round(peak * 0.9), None, told.append)
    (group,) = found.groups
    assert group.fit.verdict == "too large" and group.fit.way is not None and group.fit.lossy_way is not None
    assert [change.name for change in group.fit.way.changes] == ["model-offload"]
    assert [change.name for change in group.fit.lossy_way.changes] == ["float16"]
    assert "dtype: float16 costs" in render_preflight(found)
    for device in ("cpu", "mps"):
        (other,) = preflight(plan.model_copy(update={"device": device}), round(peak * 0.9), None, told.append).groups
        assert other.fit.way is not None and "model-offload" not in [change.name for change in other.fit.way.changes]


def test_a_model_whose_configuration_is_not_here_is_a_row_of_its_own(told: list[str]) -> None:
    plan = make_plan(cells=1)
    places = {part: Place(kind="hub", where=f"someone/{part}") for part in ("decoder", "prior")}
    strange = {name: row.model_copy(update={"parts": places}) for name, row in plan.models.items()}
    found = preflight(plan.model_copy(update={"models": strange}), GIB, None, told.append)
    (group,) = found.groups
    assert (group.fit.footprint, group.fit.peak_bytes, group.fit.verdict) == (None, None, None)
    assert "someone/prior" in str(group.fit.reason) and "unknown" in render_preflight(found)
    assert list(group.image_flops.values()) == [None]


def test_the_key_is_of_all_that_determines_an_answer(tmp_path: Path) -> None:
    case = mini_case("3")
    folder = shutil.copytree(Path(case.parts["decoder"]), tmp_path / "decoder")
    moved = case.model_copy(update={"parts": {"decoder": str(folder)}})
    before = estimate_key(moved)
    assert before == estimate_key(moved) != estimate_key(moved.model_copy(update={"dtype": "float16"}))
    path = folder / "unet" / "config.json"
    path.write_text(path.read_text().replace("}", ' ,"layers_per_block": 2}', 1))
    assert estimate_key(moved) != before


def test_only_what_is_not_known_is_asked(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    asked: list[int] = []

    def fake(cases: Any, _: Any) -> list[Answer]:
        asked.append(len(cases))
        return [Answer(reason="because") for _ in cases]

    monkeypatch.setattr(under_test, "_from_subprocess", fake)
    estimates = Estimates(told.append)
    cases = [mini_case("2.2"), mini_case("2.2"), mini_case("3")]
    estimates.ask(cases)
    estimates.ask(cases)
    assert asked == [2]
    Estimates(told.append).ask(cases)
    assert asked == [2, 2], "a reason is not remembered: what is missing today may be here tomorrow"


def test_what_all_rows_may_become_is_asked_in_one_go(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    asked: list[int] = []

    def fake(cases: Any, _: Any) -> list[Answer]:
        asked.append(len(cases))
        return [look(case) for case in cases]

    monkeypatch.setattr(under_test, "_from_subprocess", fake)
    plan = make_plan(cells=2)
    half = plan.cells[1].model_copy(update={"settings": plan.cells[1].settings.model_copy(update={"dtype": "float16"})})
    found = preflight(plan.model_copy(update={"cells": (plan.cells[0], half)}), GIB, None, told.append)
    assert [one.fit.verdict for one in found.groups] == ["too large", "too large"]
    assert asked == [2, 4], "the two cells, then batches of 2 and 1 in both dtypes"
    assert preflight(plan, 80 * GIB, None, told.append).groups[0].fit.verdict == "fits" and asked == [2, 4]


def test_a_subprocess_that_cannot_work_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(MissingError, match="Nothing can be estimated"):
        Estimates(told.append).ask([mini_case("2.2")])


def test_how_far_it_is_is_told_as_the_subprocess_tells_it(told: list[str], tmp_path: Path) -> None:
    code = "import sys; print(1); print('a library speaks'); print(2); sys.exit(3)"
    command = [sys.executable, "-c", code]
    assert under_test._listen(command, tmp_path / "errors", 2, told.append) == 3
    assert told == ["estimated 1/2", "estimated 2/2"]
    assert under_test._listen(command, tmp_path / "errors", 1, told.append) == 3 and len(told) == 2


def test_a_subprocess_that_gives_no_answer_in_time_is_ended(
    monkeypatch: pytest.MonkeyPatch, told: list[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(under_test, "_PATIENCE_S", 0.2)
    command = [sys.executable, "-c", "import time; time.sleep(3); print(1)"]
    assert under_test._listen(command, tmp_path / "errors", 2, told.append) is None and not told


def test_a_cell_takes_no_more_rows_together_than_it_has() -> None:
    """Neither a batch that is larger than the cell, nor more than one row in a combined pipeline."""
    plan = make_plan(cells=1, rows=3)
    cell = plan.cells[0]
    assert cell.settings.batch_size == 4 and case_of(plan, cell).batch == 3
    few = plan.model_copy(update={"limit": 1})
    assert case_of(few, cell).batch == 1
    whole = cell.model_copy(update={"settings": cell.settings.model_copy(update={"api": "combined"})})
    assert case_of(plan, whole).batch == 1


def test_cells_with_negative_prompts_and_without_guidance_are_cases_of_their_own() -> None:
    plan = make_plan(cells=1)
    cell = plan.cells[0]
    assert not case_of(plan, cell).negative and case_of(plan, cell).guided
    rows = tuple(row.model_copy(update={"negative_prompt": "blurry"}) for row in plan.rows)
    plain = cell.model_copy(update={"settings": cell.settings.model_copy(update={"guidance_scale": 1.0})})
    assert case_of(plan.model_copy(update={"rows": rows}), plain).negative
    assert not case_of(plan, plain).guided


def test_a_device_by_name_has_its_memory_and_a_given_memory_goes_before_it() -> None:
    assert asked_for("a100-80gb", None) == ("cuda", 80 * GIB, "a100-80gb")
    assert asked_for("a100-80gb", 40 * GIB) == ("cuda", 40 * GIB, None)
    assert asked_for("cpu", 8 * GIB) == ("cpu", 8 * GIB, None) and asked_for(None, None) == (None, None, None)
    assert nearest_device("a100") in ("a100-40gb", "a100-80gb") and nearest_device("H100") == "h100-80gb"
    assert all(row.source and 10 * GIB < row.memory_bytes < 200 * GIB for row in DEVICES.values())


def test_an_amount_of_memory_has_its_unit() -> None:
    assert memory_bytes("16GiB") == 16 * 2**30 and memory_bytes("16GB") == 16 * 10**9
    assert memory_bytes("1.5 gib") == 1.5 * 2**30 and memory_bytes("800MB") == 800 * 10**6
    for wrong in ("16", "16G", "GiB", "-1GiB", "0GiB", "sixteen", "16GiB x", "1e3GiB"):
        with pytest.raises(ValueError, match="no amount of memory"):
            memory_bytes(wrong)


def test_asking_imports_no_torch() -> None:
    code = (
        "import sys, harness.run.preflight, harness.plan.preflight\n"
        "sys.exit(any(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
