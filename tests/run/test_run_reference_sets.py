"""What a run would refuse of a reference set is a plan's fault already, found without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.fake_worker import noted
from support.runs import Lab

from harness.errors import ExitCode, MissingError, SpecError
from harness.plan.reference_sets import STAGE
from harness.plan.types import Plan, ReferenceSet
from harness.run.forecast import plan_spec
from harness.run.reference_sets import find_set, look_into
from harness.spec.reference_sets import CONVERT_PICKLE

PYTHON = sys.executable


def planned(folder: Path, reference_set: str | None, **beside: Any) -> Plan:
    """The plan of a spec in a folder."""
    spec = {"name": "sets", "model": "mini-2.2", "prompts": ["x"], "metrics": ["kid"], **beside}
    spec |= {} if reference_set is None else {"reference_set": reference_set}
    path = folder / "spec.yaml"
    path.write_text(json.dumps(spec))
    return plan_spec(str(path), only={}, limit=None, device=None, store_path=folder / "runs")


def pictures(folder: Path, count: int) -> Path:
    folder.mkdir()
    for i in range(count):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("of no account")
    return folder


@pytest.mark.parametrize("count", [0, 1])
def test_a_folder_without_pictures_is_a_fault_of_the_plan(tmp_path: Path, count: int) -> None:
    pictures(tmp_path / "set", count)
    with pytest.raises(SpecError, match=f"reference_set: .*set holds {count} pictures") as caught:
        planned(tmp_path, "set")
    assert caught.value.exit_code == ExitCode.MISSING and "two to 100,000 reference pictures" in str(caught.value)


def test_a_file_that_is_damaged_is_a_fault_of_the_plan(tmp_path: Path) -> None:
    (tmp_path / "known.npz").write_bytes(b"PK no archive")
    with pytest.raises(SpecError, match=r"known\.npz holds no reference statistics"):
        planned(tmp_path, "known.npz")
    np.savez(tmp_path / "odd.npz", mu=np.zeros(4), sigma=np.eye(3))
    with pytest.raises(SpecError, match="do not go together"):
        planned(tmp_path, "odd.npz")


def test_what_can_be_used_is_planned_with_its_look(tmp_path: Path) -> None:
    pictures(tmp_path / "set", 9)
    (look,) = [stage for stage in planned(tmp_path, "set").forecast.stages if stage.stage == STAGE]
    assert (look.uses, look.distinct) == (9, 9)
    np.savez(tmp_path / "known.npz", mu=np.zeros(4), sigma=np.eye(4))
    assert not [stage for stage in planned(tmp_path, "known.npz").forecast.stages if stage.stage == STAGE]
    assert look_into(ReferenceSet(kind="world", count=70, seed=1)).pictures == 70


def nulls(plan: Plan) -> list[str]:
    """The notes on numbers that there will not be, as the plan keeps and as it prints them."""
    notes = [note for note in plan.notes if "will be null" in note]
    assert notes == [note for note in plan.forecast.notes if "will be null" in note]
    return notes


ALL = ["frechet", "kid", "cmmd_unbiased", "coverage", "clip_score"]
SMALL = "kid, cmmd_unbiased, coverage will be null: a reference set of 3 pictures is too small"
ALONE = "it needs the features of the reference set, and statistics alone are there: name `world` or a folder"


def test_numbers_that_a_set_does_not_serve_are_noted_with_the_reason(tmp_path: Path) -> None:
    pictures(tmp_path / "few", 3)
    pictures(tmp_path / "enough", 6)
    assert nulls(planned(tmp_path, "few", metrics=ALL)) == [SMALL]
    assert nulls(planned(tmp_path, "enough", metrics=ALL)) == nulls(planned(tmp_path, "world", metrics=ALL)) == []
    np.savez(tmp_path / "known.npz", mu=np.zeros(16), sigma=np.eye(16))
    (told, other) = nulls(planned(tmp_path, "known.npz", metrics=ALL))
    assert told.startswith(f"kid, coverage will be null: {ALONE}")
    assert other == "cmmd_unbiased will be null: the reference set has 16 features, mini-scorer makes 64"


def test_the_width_is_also_that_of_a_folder_of_the_spec(tmp_path: Path) -> None:
    np.savez(tmp_path / "known.npz", features=np.eye(16))
    (tmp_path / "inception").mkdir()
    (tmp_path / "inception" / "config.json").write_text(json.dumps({"architecture": "inception-v3-compat"}))
    wide = planned(tmp_path, "known.npz", metrics=["frechet", "kid"], scorers={"extractor": "inception"})
    assert nulls(wide) == ["frechet, kid will be null: the reference set has 16 features, inception makes 2048"]
    assert nulls(planned(tmp_path, "known.npz", metrics=["frechet", "kid"])) == []


def test_without_a_set_it_is_what_lies_beside_the_weights(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "config.json").write_text(json.dumps({"architecture": "inception-v3-compat"}))
    (told,) = nulls(planned(tmp_path, None, metrics=["frechet", "clip_score"], scorers={"extractor": "bare"}))
    assert told.startswith("frechet will be null: bare brings no reference statistics: name a `reference_set`")
    (kid,) = nulls(planned(tmp_path, None, metrics=["frechet", "kid"]))
    assert kid.startswith(f"kid will be null: {ALONE}")
    assert nulls(planned(tmp_path, None, metrics=["frechet", "clip_score"])) == []


def test_planning_looks_without_torch(tmp_path: Path) -> None:
    np.savez(tmp_path / "known.npz", mu=np.zeros(4), sigma=np.eye(4))
    planned(tmp_path, "known.npz")
    told = (
        "import sys, pathlib; from harness.run.forecast import plan_spec; "
        f"plan_spec({str(tmp_path / 'spec.yaml')!r}, only={{}}, limit=None, device=None, "
        f"store_path=pathlib.Path({str(tmp_path / 'runs')!r})); "
        "sys.exit(sum(name in sys.modules for name in ('torch', 'diffusers', 'transformers')))"
    )
    assert subprocess.run([PYTHON, "-c", told], env=dict(os.environ), check=False).returncode == 0


def test_a_set_that_goes_away_after_the_plan_stops_before_anything_is_made(lab: Lab) -> None:
    folder = pictures(lab.folder / "set", 2)
    lab.spec(metrics=["kid"], reference_set="set", num_inference_steps=20)
    plan = plan_spec(str(lab.folder / "spec.yaml"), only={}, limit=None, device=None, store_path=lab.store.root)
    (folder / "0.png").unlink()
    with pytest.raises(MissingError, match="holds 1 pictures"):
        find_set(lab.store, plan)
    with pytest.raises(SpecError, match="holds 1 pictures"):
        lab.run()
    assert noted(lab.store.root, "hello") == 0, "no worker was started for it"


def test_a_pickle_says_how_it_is_converted(tmp_path: Path) -> None:
    (tmp_path / "stat-fid-2048.pt").touch()
    with pytest.raises(SpecError) as caught:
        planned(tmp_path, "stat-fid-2048.pt")
    assert CONVERT_PICKLE in str(caught.value) and "numpy.savez" in CONVERT_PICKLE
