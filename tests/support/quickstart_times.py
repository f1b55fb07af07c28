"""The quickstart against its bars: run in an empty store, run again, run with one more scheduler; and the quick verbs.

``nox -s quickstart`` writes docs/quickstart-times.md with it. On a busy machine the times mean nothing: the page says
how busy it was. ``-- --spec small.yaml`` tries the script out on another spec; the page is printed then, not written.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from harness.measure.environment import machine
from harness.spec.load import find
from tests.support.watched import Watched, answer, bare_seconds, watch

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/quickstart-times.md"
SPEC = "quickstart"
ADDED: dict[str, Any] = {"DPMSolverMultistep": {"use_karras_sigmas": True}}
QUICK = (("--help",), ("plan", SPEC), ("ls",))
_REPEATS = 5


@dataclass(frozen=True)
class Row:
    """A line of the page."""

    what: str
    bar: str
    measured: str
    kept: bool


@dataclass(frozen=True)
class Counts:
    """How many runs a store has, and what the newest one made and took from the store: stage -> results."""

    runs: int
    made: dict[str, int]
    reused: dict[str, int]


def main() -> int:
    """Measure, write or print the page; 1 if a bar is not kept."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--spec", default=SPEC)
    asked = parser.parse_args()
    before = machine()
    with tempfile.TemporaryDirectory(prefix="quickstart-") as folder:
        rows = measure(SPEC if asked.spec == SPEC else str(Path(asked.spec).absolute()), Path(folder))
    text = page(rows, before)
    if asked.spec == SPEC:
        PAGE.write_text(text)
    else:
        print(text)
    return 1 if not all(row.kept for row in rows) else 0


def measure(spec: str, folder: Path) -> list[Row]:
    """Every row of the page, measured in an empty store in ``folder``."""
    first, found = _run(spec, folder), counts(folder)
    rows = [_first(first, found), _again(_run(spec, folder), found, counts(folder))]
    wider = one_more(find(spec).absolute(), folder)
    rows.append(_added(_run(wider, folder), counts(folder), _pictures_of_added(wider, folder)))
    return rows + [_quick(arguments, folder) for arguments in QUICK]


def _run(spec: str, folder: Path) -> Watched:
    done = watch(("run", spec), folder)
    if done.code != 0:
        sys.exit(f"harness {' '.join(done.arguments)} left with {done.code}:\n{done.err}")
    return done


def counts(folder: Path) -> Counts:
    """What the store in ``folder`` says of its newest run."""
    listed: Any = answer(("status",), folder)
    return Counts(len(listed), listed[-1]["made"], listed[-1]["reused"])


def one_more(shipped: Path, folder: Path) -> str:
    """The spec with one more scheduler, as a person would write it beside the first."""
    spec = yaml.safe_load(shipped.read_text())
    spec["scheduler"].append(ADDED)
    if "file" in spec["prompts"]:
        spec["prompts"]["file"] = str(shipped.parent / spec["prompts"]["file"])
    path = folder / "one-more.yaml"
    path.write_text(yaml.safe_dump(spec, sort_keys=False))
    return str(path)


def _pictures_of_added(spec: str, folder: Path) -> int:
    plan: Any = answer(("plan", spec), folder)
    (config,) = ADDED.values()
    new = [cell for cell in plan["cells"] if cell["settings"]["scheduler"]["config"] == config]
    return len(new) * len(plan["rows"])


def _first(run: Watched, found: Counts) -> Row:
    made = f"{found.made.get('images', 0)} pictures made"
    what = f"`harness run {SPEC}` in an empty store"
    return Row(what, "≤ 4 minutes", f"{run.seconds:.0f} s; {made}; {_memory(run)}", run.seconds <= 240)


def _again(run: Watched, before: Counts, found: Counts) -> Row:
    idle = found == before  # no new run, and the old one's counts as they were
    measured = f"{run.seconds:.1f} s; {'no picture made' if idle else '**something was made**'}; {_torch(run)}; "
    kept = run.seconds <= 5 and idle and not run.torch
    return Row("the same again", "≤ 5 s, no picture made, torch not imported", measured + _memory(run), kept)


def _added(run: Watched, found: Counts, new: int) -> Row:
    made, priors = found.made.get("images", 0), found.made.get("prior", 0)
    measured = f"{made} pictures made, the new scheduler has {new}; {priors} results of the prior made; "
    measured += f"{found.reused.get('images', 0)} pictures taken from the store; {run.seconds:.0f} s"
    what = "one more scheduler configuration, `DPMSolverMultistep` with `use_karras_sigmas`"
    return Row(what, "only its pictures are made, and no prior result", measured, made == new > 0 and priors == 0)


def _quick(arguments: tuple[str, ...], folder: Path) -> Row:
    seconds = bare_seconds(arguments, folder, _REPEATS)
    spied, middle = watch(arguments, folder), statistics.median(seconds)
    measured = f"{middle:.2f} s ({min(seconds):.2f} to {max(seconds):.2f}); {_torch(spied)}"
    what = f"`harness {' '.join(arguments)}`"
    return Row(what, "≤ 0.5 s, torch not imported", measured, middle <= 0.5 and not spied.torch)


def _torch(run: Watched) -> str:
    return "**torch imported**" if run.torch else "torch not imported"


def _memory(run: Watched) -> str:
    return f"at most {run.peak_bytes / 2**20:,.0f} MiB resident, workers included"


def page(rows: Sequence[Row], before: dict[str, Any]) -> str:
    """The page's text."""
    lines = [_HEAD, "| what | bar | measured | kept |", "|---|---|---|---|"]
    lines += [f"| {row.what} | {row.bar} | {row.measured} | {'yes' if row.kept else '**no**'} |" for row in rows]
    return "\n".join([*lines, "", *_where(before), ""])


def _where(before: dict[str, Any]) -> list[str]:
    hardware, packages = before["hardware"], before["software"]["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in ("torch", "diffusers", "transformers"))
    revision = (before["source"]["revision"] or "unknown")[:12] + (" with changes" if before["source"]["dirty"] else "")
    return [
        f"- Machine: {hardware['cpu_model']}, {hardware['cores_usable']} usable cores, "
        f"{hardware['memory_bytes'] / 2**30:.0f} GiB; load average before the first run: "
        f"{before['state']['load_average'][0]:.2f}.",
        f"- Versions: Python {before['software']['python']}, {versions}; revision {revision}.",
        f"- Measured on {datetime.now(UTC):%Y-%m-%d}. The quick verbs: median of {_REPEATS} (least to most), in the "
        "store that the runs above had filled.",
    ]


_HEAD = """# How long the quickstart takes

Written by `nox -s quickstart`, which runs everything below in an empty store and measures it from outside: process
start, MLflow and the report included, nothing warmed up.
"""

if __name__ == "__main__":
    sys.exit(main())
