"""Two real environments that have diffusers, torch and transformers only; one has another scheduler."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.environments import patch, stripped
from support.runs import CAPTIONS, Lab, Told

from harness.compare.ab_report import Files, report_ab
from harness.run.ab.python import guests
from harness.run.ab.whole import AbRun, make_pair
from harness.run.forecast import plan_spec
from harness.run.guest import LENT, place_of

#: What our own environment has and theirs has not, and what they would be slower to start with.
OURS = {"mlflow", "pandas", "pyarrow", "scipy", "open_clip", "psutil", "torchvision", "torchmetrics", "accelerate",
        "altair", "vl_convert", "torchao", "torchsde", "pynvml"}  # fmt: skip


@pytest.mark.slow
def test_a_changed_scheduler_shows_in_its_cell_and_nothing_of_ours_is_needed(lab: Lab, tmp_path: Path) -> None:
    old, new = stripped(tmp_path / "old"), stripped(tmp_path / "new")
    patch(new, "diffusers/schedulers/scheduling_ddim.py", "pred_original_sample + pred_sample_direction",
          "1.01 * pred_original_sample + pred_sample_direction")  # fmt: skip
    scheduler = ["DDIM", "DDPM"]
    path = lab.spec(prompts=CAPTIONS[:2], scheduler=scheduler, num_inference_steps=2, metrics=["world_truth"])
    plan = plan_spec(str(path), only={}, limit=None, device=None, store_path=lab.store.root)
    texts = [str(old), f"patched={new}"]
    made = make_pair(lab.store, AbRun(plan, lab.store.root, "harness ab", texts), guests(texts), Told())
    assert [run.status for run in made.runs] == ["finished", "finished"]
    report = report_ab(lab.store.root, [run.run_id for run in made.runs], made.notes, Files())
    seen = {cell.label: cell.pictures for cell in report.compared.cells}
    assert {label: (found.identical, found.different) for label, found in seen.items() if found is not None} == {
        "DDIM": (0, 2), "DDPM": (2, 0),
    }  # fmt: skip
    assert list(report.changed()) == []
    for folder in (old, new):
        roots = json.loads((folder / "modules.json").read_text())
        assert {"diffusers", "torch", "transformers", "harness"} <= set(roots) and not OURS & set(roots)
        assert {name for name in roots if (roots[name] or "").startswith(place_of("pydantic") + "/")} <= set(LENT)
        assert roots["pydantic"].startswith(place_of("pydantic"))
