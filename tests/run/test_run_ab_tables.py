"""What an environment's diffusers says otherwise than the one that the plan was made by."""

from __future__ import annotations

import copy
from typing import Any

from support.plans import make_plan

from harness.catalog.diffusers_table import table
from harness.run.ab.tables import lost, table_notes

PLAN = make_plan(cells=2, rows=2)  # DDIM's


def _theirs() -> dict[str, Any]:
    return {**copy.deepcopy(table()), "diffusers": "9.9"}


def test_the_same_table_needs_no_word() -> None:
    assert table_notes(PLAN, "new", _theirs()) == [] and lost(PLAN, _theirs()) == []


def test_what_a_cell_uses_stands_apart_and_has_its_values() -> None:
    theirs = _theirs()
    theirs["schedulers"]["DDIMScheduler"]["clip_sample"] = "changed"
    theirs["schedulers"]["LCMScheduler"]["beta_end"] = 0.5
    theirs["schedulers"]["BrandNewScheduler"] = {"beta_end": 0.5}
    first, second = table_notes(PLAN, "new", theirs)
    told = f"The plan was made by diffusers {table()['diffusers']}, and new has 9.9"
    assert first == f"{told}: DDIMScheduler clip_sample True → changed."
    assert second.startswith(f"{told}; of what no cell uses: BrandNewScheduler is new, LCMScheduler beta_end ")
    assert "→ 0.5." in second and lost(PLAN, theirs) == []


def test_a_class_that_is_gone_or_is_there_in_name_only() -> None:
    theirs = _theirs()
    del theirs["schedulers"]["DDIMScheduler"]
    theirs["schedulers"]["LMSDiscreteScheduler"] = {}
    first, second = table_notes(PLAN, "new", theirs)
    assert "DDIMScheduler is not there" in first and "LMSDiscreteScheduler lacks a package there" in second
    assert lost(PLAN, theirs) == ["DDIMScheduler"]
    theirs["schedulers"]["DDIMScheduler"] = {}
    assert lost(PLAN, theirs) == ["DDIMScheduler"]


def test_pipelines_defaults_and_a_long_list() -> None:
    theirs = _theirs()
    unused = [name for name in theirs["schedulers"] if name != "DDIMScheduler"][:9]
    for name in unused:
        theirs["schedulers"].pop(name)
    theirs["pipelines"]["KandinskyV22Pipeline"]["guidance_scale"] = 5.5
    used, rest = table_notes(PLAN, "new", theirs)
    assert used.endswith(": KandinskyV22Pipeline guidance_scale 4.0 → 5.5.")
    assert rest.endswith(" and 3 more.") and sum(f"{name} is not there" in rest for name in unused) == 6


def test_pipelines_that_the_cells_use_stand_apart_too() -> None:
    """PLAN's cells are text-to-image in two stages: a prior and a decoder, and no combined pipeline."""
    theirs = _theirs()
    for name in ("KandinskyV22Pipeline", "KandinskyV22InpaintPipeline", "KandinskyV22CombinedPipeline"):
        theirs["pipelines"][name]["guidance_scale"] = 5.5
    del theirs["pipelines"]["KandinskyV22PriorPipeline"]
    told = f"The plan was made by diffusers {table()['diffusers']}, and new has 9.9"
    decoder, prior, rest = table_notes(PLAN, "new", theirs)
    assert decoder == f"{told}: KandinskyV22Pipeline guidance_scale 4.0 → 5.5."
    assert prior == f"{told}: KandinskyV22PriorPipeline is not there."
    assert rest.startswith(f"{told}; of what no cell uses: KandinskyV22CombinedPipeline guidance_scale ")
    assert "KandinskyV22InpaintPipeline" in rest
    cells = tuple(
        cell.model_copy(update={"settings": cell.settings.model_copy(update={"api": "combined"})})
        for cell in PLAN.cells
    )
    combined = table_notes(PLAN.model_copy(update={"cells": cells}), "new", theirs)
    assert [note.split(": ")[1].split()[0] for note in combined[:3]] == [
        "KandinskyV22CombinedPipeline", "KandinskyV22Pipeline", "KandinskyV22PriorPipeline"
    ]  # fmt: skip
