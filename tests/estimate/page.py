"""How far the pre-flight is from what is measured: ``nox -s preflight`` writes the page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from estimate.cases import CASES, case_of
from estimate.measured import ROOT, STORED, idle_bytes, load_mini, measured_peaks, stored_decoder

from harness.catalog.devices import DEVICES, memory_bytes
from harness.estimate.footprint import footprint
from harness.plan.build import plan_file
from harness.plan.fits import CHANGES, ERROR
from harness.plan.footprint import Case
from harness.plan.preflight import render_preflight
from harness.report.text import listing
from harness.run.estimates import _PATIENCE_S
from harness.run.preflight import preflight

PAGE = ROOT / "docs" / "preflight.md"
EXAMPLE, EXAMPLE_MEMORY = "kandinsky-2.2-schedulers", "8GiB"
_READ = Path(__file__).with_name("preflight_page.md")
_HEAD = """
## Against what is measured

How far the estimate is from what was measured. This page is written by `nox -s preflight` (minutes), with the same
comparison that `tests/estimate` holds to 15 %.

Weights are right to the byte, in every dtype. Work is right to the operation against formulas written down by hand
(`tests/estimate/by_hand.py`), at the miniature's size and at the real one. What follows is the peak of live tensors
beyond the weights, of the miniature's own pipelines with their own weights, in one batch at 64×64 (`{torch}`).

The miniature's smaller stages lack some ten kilobytes of noise schedules and random states, which no size of a model
changes; the last column is the worst stage of more than 100 kB, where they still weigh.

| model | task | form | dtype | batch | stage that holds most | estimated | measured | off by | worst stage |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
_FULL = """
## The real decoder

| what | bytes |
| --- | --- |
| estimated peak of 2.2's decoder, {dtype}, {height}×{width} | {mine:,} |
| measured: peak of resident memory (docs/full-size.json) | {peak:,} |
| of it a process that has imported what it runs, and loaded nothing | {idle:,} |
| estimated against measured over idle | {off:+.1%} |

What a kernel takes for itself while it works is not estimated; on a processor it is part of what is measured.
"""


def text() -> str:
    """The page, measured anew."""
    torch.set_num_threads(1)
    stored = json.loads(STORED.read_text(encoding="utf-8"))
    mine, idle = stored_decoder(stored).peak_bytes, idle_bytes()
    off = mine / (stored["peak_bytes"] - idle) - 1
    full = _FULL.format(mine=mine, idle=idle, off=off, peak=stored["peak_bytes"],
                        **{name: stored[name] for name in ("dtype", "height", "width")})  # fmt: skip
    rows = "".join(_row(case_of(asked)) for asked in CASES)
    return read(example()) + _HEAD.format(torch=f"torch {torch.__version__}") + rows + full


_WHY = {
    "model-offload": "exact; each network crosses the bus once for each batch",
    "release-prior": "exact; both parts are read from disk once for each batch. It needs no GPU, and stands in the "
    "place of an offload: a stack has one of them",
    "sequential-offload": "exact; all weights cross the bus in every step, so that it is many times slower",
    "float16": "half of the bytes; the first that changes pictures",
    "layerwise-casting": "a quarter to a half of the UNet's bytes; changes pictures, and casts in every call",
}


def read(shown: str) -> str:
    """What the page says of how to read a pre-flight, with an example."""
    changes = "\n".join(f"| `{change.name}` | {change.cost} | {_WHY[change.name]} |" for change in CHANGES)
    exact, lossy = (_listed([change.name for change in CHANGES if change.lossy == lossy]) for lossy in (False, True))
    values = {"spec": EXAMPLE, "memory": EXAMPLE_MEMORY, "example": shown, "error": f"{ERROR:.0%}",
              "changes": changes, "exact": exact, "lossy": lossy, "minutes": f"{_PATIENCE_S / 60:.0f}",
              "devices": ", ".join(f"`{name}`" for name in DEVICES)}  # fmt: skip
    return _READ.read_text(encoding="utf-8").format(**values)


def _listed(names: Sequence[str]) -> str:
    return listing([f"`{name}`" for name in names], len(names))


def example() -> str:
    """The table and the ways of a shipped spec, without the notes."""
    plan = plan_file(EXAMPLE)
    found = preflight(plan, memory_bytes(EXAMPLE_MEMORY), None, lambda _: None)
    return render_preflight(found).split("\n\n  an estimate")[0]


def _row(case: Case) -> str:
    measured = measured_peaks(load_mini(case), case)
    mine = {stage.name: stage.active_bytes for stage in footprint(case).stages if stage.name in measured}
    top = max(mine, key=lambda name: measured[name])
    errors = {name: mine[name] / measured[name] - 1 for name in mine if measured[name] > 100_000}
    worst = max(errors, key=lambda name: abs(errors[name]))
    cells = (f"mini-{case.version}", case.task, case.api, case.dtype, str(case.batch), top, f"{mine[top]:,}",
             f"{measured[top]:,}", f"{errors[top]:+.1%}", f"{worst} {errors[worst]:+.1%}")  # fmt: skip
    return f"| {' | '.join(cells)} |\n"


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
