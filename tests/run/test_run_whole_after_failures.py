"""One compile that fails and one cell that runs out of memory: the cells after them are made as if neither had been."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.failing import RUNS_OUT, SPEC, plant
from support.runs import CAPTIONS, Lab

pytestmark = pytest.mark.slow


def test_a_failed_compile_and_a_lack_of_memory_leave_the_next_cell_a_clean_pipeline(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in plant(tmp_path / "planted").items():
        monkeypatch.setenv(name, value)
    lab = Lab(tmp_path, tiny)
    few = {"num_inference_steps": 2, "metrics": ["world_truth"]}
    lab.spec(**{**SPEC, **few}, prompts=CAPTIONS[:2], timing={"repeats": 2, "rounds": 2, "warmups": 1})
    run = lab.run(rounds=1)
    cells, pictures = lab.cells(run), lab.pictures(run)
    assert run.status == "failed-cells"

    broken = cells["compile"].failure
    assert broken is not None and broken.kind == "error"
    assert "C++ compile error" in broken.reason and len(broken.reason) <= 500
    out = cells[RUNS_OUT].failure
    assert out is not None and out.kind == "out-of-memory" and "900 GiB" in out.reason
    assert out.peak_bytes is not None and out.peak_bytes > 2**28  # what the planted tensor alone took
    assert [cells[name].timing_reason for name in ("compile", RUNS_OUT)] == ["the cell failed"] * 2

    again, none = cells["again"], cells["none"]
    assert again.status == "done" and pictures["again"] == pictures["none"]
    assert again.timing is not None
    assert [one.outcome for one in (*again.evidence, *again.timing.evidence)] == ["no-op"] * 2
    assert none.timing is not None
    assert again.timing.largest_pixel_difference == none.timing.largest_pixel_difference
    assert {one.metric for one in again.comparisons} >= {"latency", "peak_memory"}
