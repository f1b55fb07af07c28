"""The pre-flight asks a subprocess once, remembers by what determines an answer, and gives null with its reason."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
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
from harness.run import estimates as under_test
from harness.run.estimates import Estimates, estimate_key
from harness.run.preflight import asked_for, case_of, preflight

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


def answering(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, then: str) -> None:
    """In the place of the process that estimates: one that answers its first two cases and then does as it is told."""
    code = "import sys\nfor n in '12':\n    print('{\"reason\": \"answer ' + n + '\"}', flush=True)\n"
    (tmp_path / "stand-in").write_text(f"#!{sys.executable}\n{code}{then}\n")
    (tmp_path / "stand-in").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "stand-in"))


FOUR = [mini_case("2.2").model_copy(update={"batch": batch}) for batch in (1, 2, 3, 4)]


def test_each_answer_is_told_as_it_comes(monkeypatch: pytest.MonkeyPatch, told: list[str], tmp_path: Path) -> None:
    answering(monkeypatch, tmp_path, "")
    found = under_test._from_subprocess(FOUR[:2], told.append)
    assert next(found).reason == "answer 1" and told == ["estimated 1/2"]
    assert next(found).reason == "answer 2" and next(found, None) is None and told[1:] == ["estimated 2/2"]


def test_what_was_answered_in_time_is_used_and_the_rest_says_why_not(
    monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    def slow(*_: Any) -> Iterator[str]:
        yield from ('{"reason": "answer 1"}\n', '{"reason": "answer 2"}\n')
        raise TimeoutError

    monkeypatch.setattr(under_test, "_lines", slow)
    estimates = Estimates(told.append)
    estimates.ask(FOUR)
    late = "had no result within 30 minutes"
    assert [estimates.look(case).reason for case in FOUR] == [
        "answer 1", "answer 2", f"its estimate {late}", f"not estimated: the estimate of one before it {late}",
    ]  # fmt: skip


def test_a_subprocess_that_says_nothing_in_time_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(under_test, "_PATIENCE_S", 0.2)
    with pytest.raises(TimeoutError):
        list(under_test._lines([sys.executable, "-c", "import time; time.sleep(30)"], tmp_path / "errors"))


def test_what_was_answered_before_the_subprocess_broke_is_used(
    monkeypatch: pytest.MonkeyPatch, told: list[str], tmp_path: Path
) -> None:
    answering(monkeypatch, tmp_path, "sys.exit('no memory left')")
    estimates = Estimates(told.append)
    estimates.ask(FOUR[:3])
    assert [estimates.look(case).reason for case in FOUR[:3]] == [
        "answer 1", "answer 2", "its estimate ended without a result: no memory left",
    ]  # fmt: skip


def test_an_answer_is_remembered_before_the_next_one_comes(
    monkeypatch: pytest.MonkeyPatch, told: list[str], tmp_path: Path
) -> None:
    def broken(*_: Any) -> Iterator[str]:
        yield look(FOUR[0]).model_dump_json()
        raise KeyboardInterrupt

    monkeypatch.setattr(under_test, "_lines", broken)
    with pytest.raises(KeyboardInterrupt):
        Estimates(told.append, tmp_path / "kept").ask(FOUR)
    assert len(list((tmp_path / "kept").glob("*.json"))) == 1


def test_a_timed_call_takes_its_own_number_of_rows(monkeypatch: pytest.MonkeyPatch, told: list[str]) -> None:
    """As ``timing.batch`` says, more than are made together or less; but not where nothing is timed."""

    def timed(batch: int, rows: int = 12, **known: Any) -> Any:
        plan = make_plan(cells=1, rows=rows, timed=known.pop("timed", True))
        return plan.model_copy(update={"timing": plan.timing.model_copy(update={"batch": batch}), **known})

    for plan, batch in (
        (timed(8), 8),
        (timed(2), 4),
        (timed(8, timed=False), 4),
        (timed(50), 12),
        (timed(8, limit=6), 6),
    ):
        assert case_of(plan, plan.cells[0]).batch == batch
    plan = timed(8)
    combined, converged = (plan.cells[0].model_copy(update=change) for change in (
        {"settings": plan.cells[0].settings.model_copy(update={"api": "combined"})}, {"is_converged": True},
    ))  # fmt: skip
    assert (case_of(plan, combined).batch, case_of(plan, converged).batch) == (1, 4)
    monkeypatch.setattr(under_test, "_from_subprocess", lambda cases, _: [look(case) for case in cases])
    both = plan.model_copy(update={"cells": (plan.cells[0], converged.model_copy(update={"id": "other"}))})
    first, other = preflight(both, 26 * GIB, None, told.append).groups  # 22 GiB of weights, 2 of decode for each row
    assert (first.case.batch, first.made_together) == (8, 4) and (other.case.batch, other.made_together) == (4, None)
    lines = render_preflight(preflight(both, round(30 * 1.16 * GIB), None, told.append)).splitlines()
    assert any(" · batch 8 (timing.batch; 4 made together)  " in line for line in lines)
    assert "    timing.batch: 4: 30 GiB" in lines and "    batch_size: 2" not in "\n".join(lines)


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
