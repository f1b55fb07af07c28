"""Every shipped spec plans, offline, fast, without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness.catalog.world import parse_caption
from harness.plan.build import plan_file
from harness.spec.schema import SCHEMA

SPECS = sorted(SCHEMA.parent.glob("*.yaml"))


@pytest.mark.parametrize("path", SPECS, ids=[path.stem for path in SPECS])
def test_a_shipped_spec_plans_with_nothing_refused(path: Path) -> None:
    plan = plan_file(path.stem)
    assert plan.name == path.stem and plan.question.endswith("?")
    assert plan.cells and bool(plan.refused) == (path.stem == "all-tasks")  # which asks for what there is not, too
    if plan.compare_to is not None:  # what asks for verdicts has the prompts for them
        assert len({row.prompt_id for row in plan.rows}) >= 32


def test_the_quickstart_is_what_is_promised() -> None:
    plan = plan_file("quickstart")
    assert len({row.prompt_id for row in plan.rows}) >= 32 and len(plan.cells) >= 6 and plan.timing.enabled
    reference = next(cell for cell in plan.cells if cell.is_reference)
    assert (reference.label, sum(c.reference == reference.id for c in plan.cells)) == ("DDIM · 50 steps", 9)
    assert set(plan.models) == {"mini-2.2"} and plan.metrics == ("clip_score", "frechet", "world_truth")
    scenes = [parse_caption(row.prompt) for row in plan.rows]
    assert all(scene is not None and scene.held_out() for scene in scenes)


def test_the_real_model_plans_without_a_hub() -> None:
    plan = plan_file("kandinsky-2.2-schedulers")
    assert plan.models["kandinsky-2.2"].parts["decoder"].kind == "hub" and plan.device == "cuda"
    assert {(c.settings.height, c.settings.dtype) for c in plan.cells} == {(768, "float16")}


def test_planning_imports_nothing_heavy() -> None:
    program = (
        "import sys, json; from harness.plan.build import plan_file; plan_file('quickstart');"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    heavy = {"torch", "diffusers", "transformers", "numpy", "pandas", "pyarrow", "scipy", "mlflow", "rich", "altair"}
    assert heavy.isdisjoint(json.loads(done.stdout))
