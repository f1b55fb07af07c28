"""One pipeline before and after a compile that fails and a cell that runs out of memory, timed in one run."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.failing import SPEC, plant
from support.runs import CAPTIONS, Lab

from harness.report.optimizations.costs import speed_up


def test_cells_after_failures_take_the_time_that_they_take_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in plant(tmp_path / "planted").items():
        monkeypatch.setenv(name, value)
    lab = Lab(tmp_path, Path("mini-2.2"))
    lab.spec(**{**SPEC, "num_inference_steps": 25}, prompts=CAPTIONS[:2], margins={"latency": "10%"},
             timing={"repeats": 3, "rounds": 8, "warmups": 1})  # fmt: skip
    cells = lab.cells(lab.run())
    found = speed_up(cells["again"], cells["none"])
    (verdict,) = [one.verdict for one in cells["again"].comparisons if one.metric == "latency"]
    assert found.value is not None and found.low is not None and found.high is not None
    with capsys.disabled():
        print(
            f"\nafter a failed compile and a lack of memory: {found.value:.3f} of the speed before "
            f"({found.low:.3f} to {found.high:.3f}, {found.n} visits), {verdict} within 10 %"
        )
