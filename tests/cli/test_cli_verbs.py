"""Every verb says what it should, and leaves with the design's code."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ExitCode
from harness.store.store import Store

Harness = Callable[..., Any]


def test_plan_is_for_people_and_for_machines(harness: Harness) -> None:
    said = harness("plan", "quickstart")
    assert said.code == 0 and "10 cells × 64 images (64 prompts)" in said.out and not said.err
    plan = json.loads(harness("plan", "quickstart", "--json").out)
    assert plan["name"] == "quickstart" and len(plan["cells"]) == 10


def test_flags_choose_and_limit(harness: Harness) -> None:
    chosen = ("--only", "scheduler=DDPM,DDIM", "--only", "num_inference_steps=4", "--limit", "3", "--device", "cpu")
    plan = json.loads(harness("plan", "quickstart", *chosen, "--json").out)
    labels = {cell["label"] for cell in plan["cells"] if not cell["is_reference"]}
    assert labels == {"DDIM · 4 steps", "DDPM · 4 steps"}
    assert len(plan["rows"]) == 3 and plan["device"] == "cpu"


def test_a_label_with_a_comma_is_typed_as_it_is_shown(harness: Harness) -> None:
    label = "DPMSolverMultistep(solver_order=2, use_karras_sigmas=true)"
    Path("solvers.yaml").write_text(
        "prompts: [a]\nscheduler: [DDIM, {DPMSolverMultistep: {use_karras_sigmas: true, solver_order: 2}}]\n"
    )
    plan = json.loads(harness("plan", "solvers.yaml", "--only", f"scheduler={label}", "--json").out)
    assert [cell["label"] for cell in plan["cells"]] == [label]


def test_ls_and_status_show_every_run(harness: Harness, store: Store) -> None:
    for verb in ("ls", "status"):
        lines = harness(verb).out.splitlines()
        assert [line.split()[:3] for line in lines[1:]] == [
            [store.run_ids()[0], "finished", "2/2"],
            [store.run_ids()[1], "failed-cells", "2/3"],
            [store.run_ids()[2], "interrupted", "2/3"],
        ]
        found = json.loads(harness(verb, "--json").out)
        assert isinstance(found, list) and [next(iter(item)) for item in found] == ["run_id"] * 3
        assert [item["run_id"] for item in found] == store.run_ids()


def test_status_of_one_run_names_its_cells_and_their_reasons(harness: Harness, store: Store) -> None:
    out = harness("status", "other").out
    assert out.splitlines()[0].split()[:2] == ["run", "status"]
    assert "DDPM · 10 steps" in out and "ran out of memory" in out
    (item,) = json.loads(harness("status", "other", "--json").out)
    assert item["run_id"] == store.run_ids()[1] and item["cells_failed"] == 1


@pytest.mark.parametrize("verb", ["ls", "status"])
def test_no_store_yet_is_no_fault(harness: Harness, verb: str) -> None:
    said = harness(verb)
    assert said.code == 0 and "`harness run quickstart` makes the first" in said.out
    assert json.loads(harness(verb, "--json").out) == []
    assert not Path("runs").exists(), "looking makes nothing"


def test_show_without_a_cell_lists_them(harness: Harness, store: Store) -> None:
    said = harness("show", "other")
    assert said.code == ExitCode.DONE and "has 3 cells" in said.out.splitlines()[0]
    ids = [cell.cell_id for cell in store.load_cells(store.find_run("other"))]
    assert [line.split()[0] for line in said.out.splitlines()[1:]] == ids


def test_a_run_that_was_stopped_while_it_timed_says_how_far_it_is(harness: Harness, store: Store) -> None:
    run = store.load_run(store.find_run("half"))
    store.save_run(run.model_copy(update={"timed_calls": 19, "calls_to_time": 42}))
    assert "interrupted, timing 19/42" in harness("status", "half").out
    assert "interrupted, timing 19/42" in harness("ls").out
    (cell,) = [cell for cell in store.load_cells(run.run_id) if cell.status == "done"][:1]
    store.save_cell(cell.model_copy(update={"timing": None, "timing_reason": None}))
    told = next(line for line in harness("status", "half").out.splitlines() if line.startswith(cell.label))
    assert told.endswith("not timed yet")


def test_show_gives_numbers_a_strip_or_code(harness: Harness, store: Store, tmp_path: Path) -> None:
    said = harness("show", "other", "DDIM · 10 steps", "--out", tmp_path / "strip.png")
    assert said.code == 0 and "latency 250 ms" in said.out
    assert (tmp_path / "strip.png").read_bytes().startswith(b"\x89PNG")
    code = harness("show", "other", "DDIM", "--code", "--row", "p001-s0").out
    compile(code, "shown", "exec")
    assert "KandinskyV22Pipeline" in code


def test_report_says_where_it_lies(harness: Harness, store: Store, tmp_path: Path) -> None:
    said = harness(
        "report", "which-scheduler", "--out", tmp_path / "report", "--png", tmp_path / "one.png", "--compact"
    )
    assert said.code == 0 and [Path(line).is_file() for line in said.out.splitlines()] == [True] * 3
    assert str(tmp_path / "one.png") in said.out


def test_the_store_can_be_measured_swept_and_checked(harness: Harness, store: Store) -> None:
    assert "images" in harness("store", "du").out
    assert len(json.loads(harness("store", "du", "--json").out)["runs"]) == 3
    kept = harness("store", "gc", "--keep", "which-scheduler", "--dry-run")
    assert kept.code == 0 and "would free" in kept.out
    assert harness("store", "check").code == ExitCode.DONE
    next(store.blobs.all("images")).write_bytes(b"torn")
    torn = harness("store", "check")
    assert torn.code == ExitCode.STORE and "1 damaged" in torn.out


def test_the_store_may_be_named_by_the_environment(
    harness: Harness, store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setenv("HARNESS_STORE", str(store.root))
    assert len(json.loads(harness("ls", "--json").out)) == 3
    assert json.loads(harness("ls", "--json", "--store", "none").out) == [], "the flag wins"


@pytest.mark.parametrize(("kept", "code"), [(True, ExitCode.DONE), (False, ExitCode.REGRESSED)])
def test_the_miniature_s_bars_are_a_gate(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, kept: bool, code: ExitCode
) -> None:
    from harness.miniature import verb

    monkeypatch.setattr(verb, "evaluate", lambda *_: ("the page", kept))
    said = harness("miniature", "evaluate")
    assert (said.code, said.out) == (code, "the page\n")


def test_a_miniature_part_that_does_not_exist_is_named(harness: Harness, tmp_path: Path) -> None:
    said = harness("miniature", "build", "mowq", "--workshop", tmp_path / "shop")
    assert said.code == ExitCode.USAGE and "no part 'mowq'" in said.err and "movq" in said.err
    assert not (tmp_path / "shop").exists()
