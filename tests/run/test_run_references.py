"""``first-that-fits``: the reference is the first of its family whose pictures could be made."""

from __future__ import annotations

from pathlib import Path

from harness.plan.build import build_plan
from harness.plan.types import Plan
from harness.run.references import settled
from harness.spec.load import load_spec


def _plan(folder: Path) -> Plan:
    path = folder / "spec.yaml"
    path.write_text(
        "model: mini-2.2\nprompts: [a red circle]\nnum_inference_steps: 2\nguidance_scale: [2, 4]\n"
        "optimizations: [none, sdpa, channels-last]\ncompare_to: first-that-fits\n"
    )
    return build_plan(load_spec(str(path)))


def _held(plan: Plan) -> list[str]:
    names = {cell.id: cell.settings.optimizations_label for cell in plan.cells}
    return ["itself" if cell.is_reference else names[cell.reference or ""] for cell in plan.cells]


def test_where_all_fit_nothing_changes(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert settled(plan, {cell.id for cell in plan.cells}) == plan
    assert _held(plan) == ["itself", "itself", "none", "none", "none", "none"]


def test_where_the_first_fails_the_next_takes_its_place_in_its_own_family(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    low = [cell.id for cell in plan.cells if cell.settings.guidance_scale == 2]
    fits = {cell.id for cell in plan.cells} - {low[0]}
    assert _held(settled(plan, fits)) == ["sdpa", "itself", "itself", "none", "sdpa", "none"]


def test_a_family_of_which_none_fits_keeps_its_first(tmp_path: Path) -> None:
    plan = _plan(tmp_path)
    assert _held(settled(plan, set())) == _held(plan)
