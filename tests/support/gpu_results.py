"""The optimization audit on a GPU: run it, and write docs/gpu-results.md from the run's records.

``nox -s gpu`` does it after the tests that need a GPU. ``-- --store FOLDER`` keeps the run; else it is thrown away.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from harness.report.optimizations.costs import speed_up
from harness.report.optimizations.wording import ratio_words
from harness.store.records import CellRecord, Evidence, RunRecord
from harness.store.runs import RunFolder
from harness.store.store import open_store

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/gpu-results.md"
SPEC = ROOT / "experiments/optimization-audit.yaml"
ROUNDS = 3  # of the timing pass: a GPU's calls spread by little, and its hours are dear
_FAILED_CELLS = 5  # the exit code of a run that is whole but for some cells
_GIB = 2**30
_PACKAGES = ("torch", "diffusers", "transformers", "accelerate")

_HEAD = "# What the optimizations do on a GPU\n"
UNMEASURED = f"""{_HEAD}
No GPU has been measured yet: this page's numbers are written where there is one, and nowhere else.
On a machine with a CUDA device

```bash
pip install -e '.[dev,nvml]' && nox -s gpu
```

runs the tests that need one (`tests/gpu/`), then `experiments/optimization-audit.yaml` on it, and writes this page from
the records: device, driver, versions; for each cell latency with its interval, speed-up, peak memory, energy, and the
evidence that each optimization was applied. Without a GPU the same code is tested against stand-ins whose readings are
known (`tests/measure/`).
"""
_COLUMNS = ("cell", "s an image", "speed-up", "peak allocated", "peak reserved", "energy an image", "evidence")


def main() -> int:
    """Run the audit and write the page; the run's own exit code if it is not whole."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", type=Path)
    asked = parser.parse_args()
    if not SPEC.is_file():
        print(f"There is no {SPEC.relative_to(ROOT)} to run; {PAGE.relative_to(ROOT)} is left as it is.")
        return 0
    with tempfile.TemporaryDirectory(prefix="gpu-results-") as scratch:
        store = asked.store.absolute() if asked.store else Path(scratch)
        code = _audit(store)
        if code not in (0, _FAILED_CELLS):
            return code
        run, cells = newest(store)
        PAGE.write_text(page(run, cells), encoding="utf-8")
    return code


def _audit(store: Path) -> int:
    with tempfile.TemporaryDirectory(prefix="gpu-spec-") as folder:
        return _run(shorter(Path(folder)), store)


def shorter(folder: Path) -> Path:
    """The shipped spec with fewer visits, in a file of the same name."""
    spec: dict[str, Any] = yaml.safe_load(SPEC.read_text(encoding="utf-8"))
    spec["prompts"]["file"] = str(SPEC.parent / spec["prompts"]["file"])
    spec["timing"]["rounds"] = ROUNDS
    path = folder / SPEC.name
    path.write_text(json.dumps(spec), encoding="utf-8")
    return path


def _run(spec: Path, store: Path) -> int:
    asked = ("run", str(spec), "--device", "cuda", "--store", str(store), "--no-track")
    return subprocess.run([sys.executable, "-m", "harness", *asked], cwd=ROOT, check=False).returncode


def newest(store: Path) -> tuple[RunRecord, list[CellRecord]]:
    """The newest run of a store, and its cells in the plan's order."""
    runs = open_store(store, create=False).runs
    folder: RunFolder = runs.folder(runs.find("latest"))
    run = folder.load_run()
    return run, [folder.load_cell(cell.id) for cell in run.plan.cells if folder.has_cell(cell.id)]


def page(run: RunRecord, cells: Sequence[CellRecord]) -> str:
    """The page's text. A number that is not there has its reason below the table."""
    lines = [_HEAD, *_where(run), "", f"| {' | '.join(_COLUMNS)} |", f"|{'---|' * len(_COLUMNS)}"]
    known = {cell.cell_id: cell for cell in cells}
    lines += [f"| {' | '.join(map(_plain, _row(cell, known.get(cell.reference or ''))))} |" for cell in cells]
    notes = [f"- {_plain(cell.label)}: {_plain(note)}" for cell in cells for note in _notes(cell)]
    return "\n".join([*lines, "", *_LEGEND, *([""] if notes else []), *notes, ""])


_LEGEND = (
    "Seconds are the median of the steady calls with its 95 % interval; the speed-up is the reference's time over the",
    "cell's, paired by visit, with its 95 % interval. Memory is the peak of the device's allocator (allocated: what is",
    "needed; reserved: what must fit). Energy is the whole card's, from NVML's counter.",
)


def _where(run: RunRecord) -> list[str]:
    device, software = run.environment.get("device", {}), run.environment.get("software", {})
    packages = software.get("packages", {})
    versions = ", ".join(f"{name} {packages.get(name) or 'unknown'}" for name in _PACKAGES)
    memory = device.get("memory_bytes")
    size = f"{memory / _GIB:.0f} GiB" if memory else "memory unknown"
    began = datetime.fromtimestamp(run.started_ms / 1000, UTC)
    revision = (run.environment.get("source", {}).get("revision") or "unknown")[:12]
    return [
        f"Written by `nox -s gpu` from run `{run.run_id}` of `{SPEC.relative_to(ROOT)}` in "
        f"{run.plan.timing.rounds} rounds of visits, begun on {began:%Y-%m-%d}.\n",
        f"- Device: {device.get('name') or 'unknown'}, {size}, driver {device.get('driver') or 'unknown'}.",
        f"- Versions: Python {software.get('python') or 'unknown'}, {versions}; revision {revision}.",
    ]


def _row(cell: CellRecord, reference: CellRecord | None) -> tuple[str, ...]:
    timing = cell.timing
    memory = cell.memory if cell.memory and cell.memory.kind == "device-allocated" else None
    label = f"{cell.label} (reference)" if cell.is_reference else cell.label
    return (
        label,
        "—" if timing is None else _between(timing.latency_s, timing.latency_interval, "{:.4g}"),
        _speed_up(cell, reference),
        _gib(memory.peak_bytes if memory else None),
        _gib(memory.reserved_bytes if memory else None),
        "—" if timing is None or timing.energy_j is None else f"{timing.energy_j:.3g} J",
        "; ".join(f"{one.part} {one.requested}: **{one.outcome}**" for one in _evidence(cell)) or "nothing asked for",
    )


def _speed_up(cell: CellRecord, reference: CellRecord | None) -> str:
    """As the audit has it."""
    return "—" if reference is None else ratio_words(speed_up(cell, reference))


def _evidence(cell: CellRecord) -> list[Evidence]:
    return (cell.timing.evidence if cell.timing else []) or cell.evidence


def _notes(cell: CellRecord) -> list[str]:
    """What was found, what is missing and why, and what disturbed it."""
    timing = cell.timing
    found = [f"{one.requested} on {one.part}: {one.observed} ({one.proof})" for one in _evidence(cell)]
    if cell.failure is not None:
        found.append(f"failed: {cell.failure.reason}")
    if timing is None:
        return [*found, f"no timing: {cell.timing_reason or 'no reason was recorded'}"]
    if timing.energy_j is None:
        found.append(f"no energy: {timing.energy_reason or 'no reason was recorded'}")
    return found + [f"disturbed: {words}" for words in timing.disturbances]


def _between(value: float, interval: Any, form: str) -> str:
    if interval is None:
        return form.format(value)
    return f"{form.format(value)} ({form.format(interval.low)} to {form.format(interval.high)})"


def _gib(size: int | None) -> str:
    return "—" if size is None else f"{size / _GIB:.3f} GiB"


def _plain(text: str) -> str:
    """A text that stays in its cell of a table and is no markup of its own."""
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


if __name__ == "__main__":
    sys.exit(main())
