"""A run a night of one spec, whose level, machine and environment are given night by night."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from support.compare_runs import keep

from harness.store.store import Store

DAY_MS = 86_400_000


def keep_nights(
    store: Store, nights: int, how: Callable[[int], dict[str, Any]] = lambda _: {}, seed: int = 1
) -> list[str]:
    """Keep them and give their ids, oldest first.

    ``how``: a night's number -> what differs: ``level`` and ``slower`` move scores and times, ``borrowed`` takes both
    over from another run; all else goes to :func:`support.compare_runs.keep`.
    """
    return [_keep(store, night, dict(how(night)), random.Random(100 * seed + night)) for night in range(nights)]


def _keep(store: Store, night: int, how: dict[str, Any], rng: random.Random) -> str:
    level, slower, borrowed = how.pop("level", 0.0), how.pop("slower", 1.0), how.pop("borrowed", None)
    visits = [slower * rng.gauss(1, 0.01) for _ in range(3)]
    usual = {"cells": 1, "rows": 8, "anew": True, "shift": {0: level + rng.gauss(0, 0.1)}, "visits": visits}
    run_id = keep(store, f"night{night:02d}", **{**usual, **how})
    run = store.load_run(run_id)
    store.save_run(run.model_copy(update={"name": "nightly", "started_ms": run.started_ms + night * DAY_MS}))
    for cell in store.load_cells(run_id):
        source = borrowed or run_id
        batches = [batch.model_copy(update={"made_in": source}) for batch in cell.batches]
        timing = cell.timing and cell.timing.model_copy(update={"measured_in": source})
        store.save_cell(cell.model_copy(update={"batches": batches, "timing": timing}))
    return run_id
