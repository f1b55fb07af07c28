"""Pairs of runs to compare: every value, picture, time and failure is given, so that the verdict is known."""

from __future__ import annotations

import copy
import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from support.pictures import picture, pictures_zip
from support.plans import COLOURS, make_plan

from harness.plan.types import Cell, InputRow, Plan
from harness.store.records import BatchRef, Beside, CellRecord, Failure, Memory, RunRecord, Score, Timing
from harness.store.store import Store

ENVIRONMENT: dict[str, Any] = {
    "hardware": {
        "architecture": "x86_64", "cpu_model": "a processor", "cores_physical": 2, "cores_logical": 4,
        "cores_usable": 2, "memory_bytes": 8 * 2**30, "cgroup_cpus": None, "cgroup_memory_bytes": None,
    },
    "software": {"system": "Linux", "kernel": "6.1", "python": "3.13.1",
                 "packages": {"torch": "2.14.1", "diffusers": "0.42.1"}},
    "source": {"revision": "0123abcd", "dirty": False},
    "torch": {"device": "cpu", "threads": 2, "interop_threads": 1, "tf32_matmul": False},
    "device": {"name": "a processor", "driver": None, "memory_bytes": None},
    "state": {"load_average": [0.1, 0.1, 0.1]},
}  # fmt: skip
SPREAD = (0.02, -0.03, 0.01, -0.02, 0.03, -0.01, 0.025, -0.025)  # of one picture's score between two runs
VISITS = (1.000, 1.004, 0.997)  # seconds an image
NAN = float("nan")
OUT_OF_MEMORY = Failure(kind="out-of-memory", reason="The device ran out of memory (wanted 2 GiB).", do="lower `size`")


@dataclass(frozen=True)
class Made:
    """What one run is made of; the defaults are a baseline.

    ``shift``: cell's place -> points that every score is moved by. ``anew``: pictures and times of its own, with a
    little spread in the scores; ``unlike``: how many pictures of each cell (or of which) are other ones, by ``levels``;
    ``None``: one of each cell that is shifted, for scores do not move by themselves.
    """

    cells: int = 2
    rows: int = 16
    seeds: int = 1
    anew: bool = False
    shift: Mapping[int, float] = field(default_factory=dict)
    odd: Mapping[int, float | None] = field(default_factory=dict)  # row's place -> its value in every cell
    unlike: int | Mapping[int, int] | None = None
    levels: int = 20
    failed: Mapping[int, Failure] = field(default_factory=dict)
    pending: Sequence[int] = ()
    made_by: Mapping[str, Any] = field(default_factory=dict)
    score_failed: str | None = None
    unscored: bool = False
    visits: Sequence[float] | None = VISITS
    timing_failure: Failure | None = None
    peaks_mib: Sequence[float] = (100.0, 101.0, 100.5)
    drift: float = 0.004
    apart: int = 0
    company: bool = False  # timed with its reference called beside it
    environment: Mapping[str, Any] = field(default_factory=dict)  # "torch.threads" -> another value
    scheduler: Mapping[str, Any] = field(default_factory=dict)
    decoder: str = "d" * 64
    settings: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    renamed: bool = False  # ids of rows and cells are others
    text: str = ""  # put into labels


def keep(store: Store, name: str, **made: Any) -> str:
    """Keep a run of that name and give its id, which is the same for the same name."""
    how = Made(**made)
    run_id = f"20261124-101500-{name}-{hashlib.sha256(name.encode()).hexdigest()[:4]}"
    plan = _plan(how)
    store.new_run(
        RunRecord(run_id=run_id, name=name, plan=plan, command=f"harness run {name}", started_ms=1795515000000,
                  finished_ms=1795515300000, status="interrupted" if how.pending else "finished",
                  environment=_environment(how.environment), environment_digest="e" * 64)
    )  # fmt: skip
    for place, cell in enumerate(plan.cells):
        if place not in how.pending:
            store.save_cell(*_record(store, run_id, plan, cell, place, how))
    return run_id


def _plan(how: Made) -> Plan:
    plan = make_plan(cells=how.cells, rows=how.rows, seeds=how.seeds)
    plan = plan.model_copy(update={"margins": {"clip_score": 0.3, "latency": "3%", "peak_memory": "2%"}, **how.plan})
    cells = tuple(_cell(cell, how) for cell in plan.cells)
    rows = tuple(_renamed(row) for row in plan.rows) if how.renamed else plan.rows
    return plan.model_copy(update={"cells": cells, "rows": rows})


def _cell(cell: Cell, how: Made) -> Cell:
    settings = cell.settings.model_copy(update=dict(how.settings))
    changes: dict[str, Any] = {"settings": settings, "label": cell.label + how.text}
    if how.renamed:
        changes |= {"id": f"x-{cell.id}", "reference": cell.reference and f"x-{cell.reference}"}
    return cell.model_copy(update=changes)


def _renamed(row: InputRow) -> InputRow:
    return row.model_copy(update={"id": f"q-{row.id}", "prompt_id": f"q-{row.prompt_id}"})


def _environment(changes: Mapping[str, Any]) -> dict[str, Any]:
    found = copy.deepcopy(ENVIRONMENT)
    for name, value in changes.items():
        *groups, last = name.split(".")
        at = found
        for group in groups:
            at = at[group]
        if value is None:
            del at[last]
        else:
            at[last] = value
    return found


def _record(
    store: Store, run_id: str, plan: Plan, cell: Cell, place: int, how: Made
) -> tuple[CellRecord, list[dict[str, Any]] | None]:
    known = {"run_id": run_id, "cell_id": cell.id, "label": cell.label, "settings": cell.settings, "swept": cell.swept,
             "reference": cell.reference, "is_reference": cell.is_reference}  # fmt: skip
    if place in how.failed:
        return CellRecord(**known, status="failed", failure=how.failed[place]), None
    batch, rows = _pictures(store, run_id, plan.rows_of(cell), place, how)
    record = CellRecord(
        **known,
        status="done",
        batches=[batch],
        scores=[] if how.unscored else [_score(rows, how)],
        scheduler={"class_name": cell.settings.scheduler.class_name,
                   "config": {"num_train_timesteps": 1000, "clip_sample": False, **how.scheduler}},
        weights={"decoder": {"place": "miniature", "revision": None, "digest": how.decoder}},
        timing=_timing(run_id, how),
        timing_reason=None if how.visits else "the spec turns timing off",
        timing_failure=how.timing_failure,
        memory=_memory(how),
    )  # fmt: skip
    return record, rows


def _pictures(
    store: Store, run_id: str, rows: Sequence[InputRow], place: int, how: Made
) -> tuple[BatchRef, list[dict[str, Any]]]:
    moved = int(how.shift.get(place, 0.0) != 0) if how.unlike is None else how.unlike
    unlike = moved if isinstance(moved, int) else moved.get(place, 0)
    drawn = {row.id: _draw(row, place, how.levels if at < unlike else 0) for at, row in enumerate(rows)}
    salt = run_id if how.anew else "the baseline's"
    key = hashlib.sha256(f"{salt} {place} {len(rows)}".encode()).hexdigest()
    store.put("images", key, pictures_zip(drawn, {"made_in": run_id}))
    sums = [hashlib.sha256(png).hexdigest() for png in drawn.values()]
    batch = BatchRef(key=key, rows=list(drawn), image_sha256=sums, made_in=run_id, made_at="2026", reused=False)
    values = [_value(at, place, how) for at in range(len(rows))]
    return batch, [
        {"row_id": row.id, "prompt_id": row.prompt_id, "prompt": row.prompt, "seed": row.seed, "clip_score": value}
        for row, value in zip(rows, values, strict=True)
    ]


def _value(at: int, place: int, how: Made) -> float | None:
    if at in how.odd:
        return how.odd[at]
    return 80.0 + at % 5 - place + how.shift.get(place, 0.0) + (SPREAD[at % 8] if how.anew else 0.0)


def _draw(row: InputRow, place: int, levels: int) -> bytes:
    words = row.prompt.replace(",", "").split()
    return picture(words[2], COLOURS[words[1]], shade=120 + 10 * place + row.seed + levels)


def _score(rows: list[dict[str, Any]], how: Made) -> Score:
    made_by = {"weights": "mini-scorer", "weights_digest": "1a2b", "resize": "bicubic", "torch": "2.14.1"}
    found = [row["clip_score"] for row in rows if row["clip_score"] is not None]
    value = None if how.score_failed or not found or any(map(math.isnan, found)) else sum(found) / len(found)
    return Score(metric="clip_score", name="clip_score/mini-scorer-1a2b", value=value, unit="points",
                 direction="higher", n=len(rows), n_prompts=len({row["prompt_id"] for row in rows}), interval=None,
                 reason=how.score_failed, failed=how.score_failed is not None,
                 made_by={**made_by, **how.made_by})  # fmt: skip


def _timing(run_id: str, how: Made) -> Timing | None:
    if not how.visits:
        return None
    calls = [visit * wobble for visit in how.visits for wobble in (0.999, 1.0, 1.001)]
    middle = sorted(calls)[len(calls) // 2]
    rounds = [visit for visit in range(len(how.visits)) for _ in range(3)]
    beside = Beside(timing_key="reference", steady_s=calls, round_of_call=rounds) if how.company else None
    return Timing(load_s=[0.8] * len(how.visits), first_call_s=[1.4], steady_s=calls, round_of_call=rounds,
                  beside=beside, prior_s=[0.1] * len(calls), batch=1, latency_s=middle, latency_interval=None,
                  throughput_images_per_s=1 / middle, drift=how.drift, images_match_quality_pass=how.apart == 0,
                  largest_pixel_difference=how.apart, measured_in=run_id if how.anew else "the baseline's",
                  measured_at="2026-11-24T10:20:00+00:00")  # fmt: skip


def _memory(how: Made) -> Memory | None:
    if not how.visits:
        return None
    peaks = [round(peak * 2**20) for peak in how.peaks_mib]
    return Memory(peak_bytes=max(peaks), kind="resident-over-idle", idle_bytes=400 * 2**20, visit_peaks_bytes=peaks)
