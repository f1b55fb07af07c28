"""What a run would refuse of a reference set is a plan's fault already, found without torch."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.fake_worker import noted
from support.runs import Lab

from harness.errors import ExitCode, MissingError, SpecError
from harness.plan.reference_sets import STAGE
from harness.plan.types import Plan, ReferenceSet
from harness.run.forecast import plan_spec
from harness.run.reference_sets import count_of, find_set
from harness.spec.reference_sets import CONVERT_PICKLE

PYTHON = sys.executable


def planned(folder: Path, reference_set: str) -> Plan:
    """The plan of a spec in a folder."""
    spec = {"name": "sets", "model": "mini-2.2", "prompts": ["x"], "metrics": ["kid"], "reference_set": reference_set}
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
    assert count_of(ReferenceSet(kind="world", count=70, seed=1)) == 70


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
