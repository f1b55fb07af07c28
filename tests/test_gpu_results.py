"""The page of what a GPU measured: honest while there is none, and every number in it from a record."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import gpu_results
from support.gpu_results import PAGE, SPEC, UNMEASURED, newest, page, shorter
from support.records import make_run

from harness.plan.build import plan_file
from harness.store.records import CellRecord, Evidence, Failure, Interval, RunRecord
from harness.store.store import Store, open_store

ROOT = Path(__file__).parents[1]
_DEVICE = {"name": "NVIDIA H100", "driver": "580.65.06", "memory_bytes": 80 << 30, "capability": "9.0"}
_EVIDENCE = Evidence(requested="compile", part="unet", observed="2 graphs", proof="the type", outcome="applied")


@pytest.fixture
def run(tmp_path: Path) -> tuple[RunRecord, list[CellRecord]]:
    """A run as if it had been made on a GPU: the reference, and a cell at half its time."""
    store: Store = open_store(tmp_path)
    make_run(store, cells=2, name="audit")
    record, (first, second) = newest(tmp_path)
    record = record.model_copy(update={"environment": {**record.environment, "device": _DEVICE}})
    return record, [_measured(first, 0.5, (0.5, 0.5)), _measured(second, 0.25, (0.25, 0.2))]


def _measured(cell: CellRecord, latency_s: float, visits: tuple[float, float]) -> CellRecord:
    assert cell.timing is not None and cell.memory is not None
    bounds = Interval(low=0.9 * latency_s, high=1.1 * latency_s, level=0.95, method="made up")
    steady = [seconds for seconds in visits for _ in range(3)]
    timing = {"latency_s": latency_s, "latency_interval": bounds, "steady_s": steady, "energy_j": 12.5,
              "evidence": [_EVIDENCE]}  # fmt: skip
    memory = {"kind": "device-allocated", "peak_bytes": 3 << 30, "reserved_bytes": 4 << 30}
    changes: dict[str, Any] = {"timing": cell.timing.model_copy(update=timing)}
    changes["memory"] = cell.memory.model_copy(update=memory)
    return cell.model_copy(update=changes)


def test_the_committed_page_is_a_measured_one_or_says_that_it_is_not() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text == UNMEASURED or "Written by `nox -s gpu` from run `" in text


def test_the_numbers_of_the_page(run: tuple[RunRecord, list[CellRecord]]) -> None:
    text = page(*run)
    assert "with its 95 % interval. Memory" in text and "90 %" not in text
    assert "NVIDIA H100, 80 GiB, driver 580.65.06" in text and run[0].run_id in text
    first, second = [line for line in text.splitlines() if line.startswith("| ")][1:]
    assert "(reference)" in first and "0.5 (0.45 to 0.55)" in first
    assert "| — | 3.000 GiB | 4.000 GiB | 12.5 J |" in first
    # twice and 2.5 times as fast in two visits: √5, times or over exp(12.706·sd/√2), Student's t at 95 %
    assert "0.25 (0.225 to 0.275)" in second and "| 2.24× [0.54–9.23] | 3.000 GiB" in second
    assert "unet compile: **applied**" in second and "compile on unet: 2 graphs (the type)" in text


def test_a_number_that_is_missing_has_its_reason(run: tuple[RunRecord, list[CellRecord]]) -> None:
    record, (first, second) = run
    assert first.timing is not None
    without = {"energy_j": None, "energy_reason": "no NVML here", "disturbances": ["the device was throttled (a)"]}
    first = first.model_copy(update={"timing": first.timing.model_copy(update=without)})
    failure = Failure(kind="out-of-memory", reason="memory ran out")
    nothing = {"timing": None, "memory": None, "comparisons": [], "timing_reason": "the cell failed"}
    second = second.model_copy(update={**nothing, "failure": failure})
    text = page(record, [first, second])
    assert "| 4.000 GiB | — | unet" in text and "no energy: no NVML here" in text
    assert "disturbed: the device was throttled (a)" in text
    assert "| — | — | — | — | — | nothing asked for |" in text
    assert "failed: memory ran out" in text and "no timing: the cell failed" in text


def test_resident_memory_is_no_devices(run: tuple[RunRecord, list[CellRecord]]) -> None:
    record, (first, second) = run
    assert first.memory is not None
    resident = first.memory.model_copy(update={"kind": "resident-over-idle"})
    assert "3.000 GiB" not in page(record, [first.model_copy(update={"memory": resident})])
    assert "3.000 GiB" in page(record, [second])


def test_a_label_cannot_leave_its_cell(run: tuple[RunRecord, list[CellRecord]]) -> None:
    record, (first, second) = run
    text = page(record, [first.model_copy(update={"label": "a | <b>\nc"}), second])
    assert "| a \\| &lt;b> c" in text and "<b>" not in text


def test_nothing_is_measured_where_there_is_no_gpu() -> None:
    """In a process that cannot see a GPU, whatever the machine has."""
    command = [sys.executable, "-m", "nox", "-s", "gpu"]
    hidden = {"CUDA_VISIBLE_DEVICES": "", "PATH": str(Path(sys.executable).parent)}
    before = PAGE.read_bytes()
    done = subprocess.run(command, cwd=ROOT, env=hidden, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "torch finds no CUDA device here; nothing was measured" in done.stdout + done.stderr
    assert PAGE.read_bytes() == before


def test_the_spec_that_is_run_there_is_the_shipped_one_with_fewer_visits(tmp_path: Path) -> None:
    mine, shipped = plan_file(str(shorter(tmp_path))), plan_file(str(SPEC))
    assert mine.timing == shipped.timing.model_copy(update={"rounds": 3}) and shipped.timing.rounds > 3
    assert (mine.cells, mine.rows, mine.margins, mine.name) == (
        shipped.cells,
        shipped.rows,
        shipped.margins,
        shipped.name,
    )


def test_without_a_spec_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_results, "SPEC", gpu_results.ROOT / "experiments/no-such.yaml")
    monkeypatch.setattr(gpu_results, "PAGE", gpu_results.ROOT / "docs/no-such.md")
    monkeypatch.setattr(sys, "argv", ["gpu_results", "--store", str(tmp_path)])
    assert gpu_results.main() == 0 and not gpu_results.PAGE.exists()
