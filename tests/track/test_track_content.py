"""What is sent: every knob, every number with its bounds, and a reason for each that is missing."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import make_run

from harness.catalog.types import OptimizationChoice
from harness.store.records import CellRecord, Interval, RunRecord, Score
from harness.store.store import open_store
from harness.track.content import (
    KEY_LIMIT,
    PARAMETER_LIMIT,
    Content,
    cell_content,
    legal_key,
    run_content,
    shared_parameters,
)

CLIP, FRECHET = "clip_score/mini-scorer-1a2b3c4d", "frechet/mini-extractor-9f8e7d6c"


@pytest.fixture(scope="module")
def records(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunRecord, list[CellRecord]]:
    """A run of a reference, a cell compared with it, and a failed one."""
    store = open_store(tmp_path_factory.mktemp("content"))
    run_id = make_run(store, cells=3, rows=8, seeds=2, failed={2})
    return store.load_run(run_id), store.load_cells(run_id)


def _values(told: Content) -> dict[str, float]:
    return {point.key: point.value for point in told.points if point.key != "steady_s"}


def test_a_cells_numbers_are_the_records(records: tuple[RunRecord, list[CellRecord]]) -> None:
    run, cells = records
    cell = cells[1]
    told = cell_content(run, cell, "parent")
    score, timing = cell.scores[0], cell.timing
    assert timing is not None and timing.latency_interval is not None and score.interval is not None
    assert cell.memory is not None
    assert _values(told) == {
        "images": 8,
        "seconds": 9.001,
        CLIP: score.value,
        f"{CLIP}.low": score.interval.low,
        f"{CLIP}.high": score.interval.high,
        f"{CLIP}.n": 8,
        f"{CLIP}.n_prompts": 4,
        f"{FRECHET}.n": 8,
        f"{FRECHET}.n_prompts": 4,
        "difference/clip_score": cell.comparisons[0].difference,
        "difference/clip_score.low": -0.30000000000000004,
        "difference/clip_score.high": -0.1,
        "latency_s": timing.latency_s,
        "latency_s.low": timing.latency_interval.low,
        "latency_s.high": timing.latency_interval.high,
        "throughput_images_per_s": timing.throughput_images_per_s,
        "load_s": 0.75,
        "first_call_s": 0.55,
        "drift": 0.004,
        "peak_memory_bytes": cell.memory.peak_bytes,
    }
    steady = [(point.value, point.step) for point in told.points if point.key == "steady_s"]
    assert steady == list(zip(timing.steady_s, range(6), strict=True))
    assert told.tags[f"missing.{FRECHET}"] == "4 prompts, at least 64 are needed"
    assert told.tags["verdict.clip_score"] == "inconclusive"
    assert (told.started_ms, told.finished_ms, told.status) == (cell.started_ms, cell.finished_ms, "FINISHED")


def test_a_converged_solution_is_a_child_that_says_so(records: tuple[RunRecord, list[CellRecord]]) -> None:
    run, cells = records
    settings = cells[0].settings.model_copy(update={"num_inference_steps": 250})
    first, *rest = run.plan.cells
    solution = first.model_copy(update={"id": "converged", "settings": settings, "is_converged": True})
    held = first.model_copy(update={"converged": solution.id})
    run = run.model_copy(update={"plan": run.plan.model_copy(update={"cells": (held, *rest, solution)})})
    cell = cells[0].model_copy(update={"cell_id": solution.id, "settings": settings, "scores": [], "timing": None,
                                       "timing_reason": "not timed"})  # fmt: skip
    told, other = cell_content(run, cell, "parent"), cell_content(run, cells[0], "parent")
    assert told.tags["kandinsky.is_converged"] == "true" and other.tags["kandinsky.is_converged"] == "false"
    assert other.tags["kandinsky.converged"] == "converged" and "kandinsky.converged" not in told.tags
    assert told.tags["missing.latency_s"] == "not timed" and _values(told)["images"] == 8
    assert told.parameters["num_inference_steps"] == "250"
    assert shared_parameters(run.plan)["num_inference_steps"] == 10, "shared by the cells that are compared"


def test_a_cells_parameters_are_its_knobs_and_its_parents(records: tuple[RunRecord, list[CellRecord]]) -> None:
    run, cells = records
    parent = run_content(run, cells, under_way=False).parameters
    child = cell_content(run, cells[1], "parent").parameters
    assert parent.items() <= child.items()
    assert "scheduler" not in parent
    assert {key: child[key] for key in ("scheduler", "scheduler_class", "num_inference_steps", "optimizations")} == {
        "scheduler": "DDPM",
        "scheduler_class": "DDPMScheduler",
        "num_inference_steps": "10",
        "optimizations": "none",
    }
    assert re.fullmatch("[0-9a-f]{64}", child["scheduler_config_sha256"])
    assert set(child) >= {name for name, value in cells[1].settings if value is not None}
    assert (child["n_prompts"], child["n_seeds"], child["n_rows"]) == ("4", "2", "8")


def test_a_swept_knob_is_not_the_parents(records: tuple[RunRecord, list[CellRecord]]) -> None:
    plan = records[0].plan
    other = plan.cells[1].settings.model_copy(
        update={"optimizations": (OptimizationChoice(name="compile"),), "height": 128}
    )
    cells = (plan.cells[0], plan.cells[1].model_copy(update={"settings": other}))
    shared = shared_parameters(plan.model_copy(update={"cells": cells}))
    assert not {"scheduler", "optimizations", "height"} & set(shared)
    assert shared["width"] == 64


def test_a_failed_cell_says_why_and_has_no_zero(records: tuple[RunRecord, list[CellRecord]]) -> None:
    run, cells = records
    told = cell_content(run, cells[2], "parent")
    assert told.status == "FAILED"
    assert told.tags["kandinsky.failure"] == "The device ran out of memory (wanted 2 GiB)."
    assert told.tags["kandinsky.failure_kind"] == "out-of-memory"
    assert told.tags["missing.latency_s"] == told.tags["missing.peak_memory_bytes"] == "the cell failed"
    assert _values(told) == {"images": 0, "seconds": 9.002}


def test_the_parent_counts_and_ends_as_the_run_did(records: tuple[RunRecord, list[CellRecord]]) -> None:
    run, cells = records
    told = run_content(run, cells, under_way=False)
    values = _values(told)
    assert (values["cells"], values["cells_done"], values["cells_failed"], values["images"]) == (3, 2, 1, 16)
    assert (values["seconds"], values["reused/prior"], values["made/images"]) == (40.0, 2, 3)
    assert (told.status, told.finished_ms) == ("FINISHED", run.finished_ms)
    assert told.tags["mlflow.note.content"] == run.plan.question
    broken = run.model_copy(update={"status": "interrupted", "finished_ms": None})
    assert run_content(broken, cells, under_way=False).status == "KILLED"
    assert run_content(broken, cells, under_way=False).finished_ms == cells[2].finished_ms
    going = run_content(broken, cells, under_way=True)
    assert (going.status, going.finished_ms) == ("RUNNING", None)


@pytest.mark.parametrize(("value", "reason"), [(None, "too few"), (float("nan"), "nan"), (float("inf"), "inf")])
def test_what_is_no_number_is_left_out_with_a_reason(
    records: tuple[RunRecord, list[CellRecord]], value: float | None, reason: str
) -> None:
    run, cells = records
    score = Score(metric="kid", name="kid/x", value=value, unit="", direction="lower", n=8, n_prompts=4,
                  interval=Interval(low=float("-inf"), high=1.0, level=0.9, method="m"),
                  reason="too few" if value is None else None)  # fmt: skip
    told = cell_content(run, cells[0].model_copy(update={"scores": [score]}), "parent")
    assert reason in told.tags["missing.kid/x"]
    assert "inf" in told.tags["missing.kid/x.low"]
    assert not {"kid/x", "kid/x.low"} & set(_values(told))
    assert _values(told)["kid/x.high"] == 1.0


def test_a_long_parameter_is_a_digest_and_a_text_for_a_file() -> None:
    told = Content("run", 0, 1, "FINISHED")
    told.parameter("prompt", "x" * PARAMETER_LIMIT)
    told.parameter("model", "y" * (PARAMETER_LIMIT + 1))
    assert told.parameters["prompt"] == "x" * PARAMETER_LIMIT
    assert re.fullmatch("sha256:[0-9a-f]{64}", told.parameters["model"])
    assert told.long == {"model": "y" * (PARAMETER_LIMIT + 1)}


def test_a_command_is_sent_without_its_secrets(records: tuple[RunRecord, list[CellRecord]]) -> None:
    run, cells = records
    run = run.model_copy(update={"command": "harness run a --tracking-uri https://me:secret@host/"})
    told: dict[str, Any] = run_content(run, cells, under_way=False).tags
    assert told["kandinsky.command"] == "harness run a --tracking-uri https://host/"


@given(name=st.text(max_size=400), other=st.text(max_size=400))
def test_every_name_has_a_legal_key_of_its_own(name: str, other: str) -> None:
    key = legal_key(name)
    assert re.fullmatch(r"[A-Za-z0-9_\-. /]+", key)
    assert len(key) <= KEY_LIMIT
    assert posixpath.normpath(key) == key
    assert not key.startswith(("/", ".."))
    assert (legal_key(other) == key) == (other == name)


def test_a_name_that_is_legal_stays() -> None:
    for name in ("clip_score/mini-scorer-1a2b3c4d.low", "latency_s", "a b"):
        assert legal_key(name) == name


def test_the_source_of_limits_still_has_them() -> None:
    from mlflow.utils import validation

    assert validation.MAX_PARAM_VAL_LENGTH >= PARAMETER_LIMIT
    assert validation.MAX_ENTITY_KEY_LENGTH >= KEY_LIMIT


def test_nothing_here_needs_mlflow() -> None:
    import subprocess
    import sys

    code = (
        "import sys, harness.track.tracking; print(*[m for m in sys.modules if m.split('.')[0] in ('mlflow', 'torch')])"
    )
    folder = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=folder)
    assert done.stdout.strip() == ""
