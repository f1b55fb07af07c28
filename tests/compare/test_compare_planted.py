"""A fault planted into real workers is found by the gate, which names the cell; `nox -s planted` plants six."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.planted import planted_environment
from support.runs import CAPTIONS, Lab

from harness.catalog.world import split
from harness.compare.outcome import exit_code
from harness.compare.whole import Wanted, compare_whole
from harness.errors import ExitCode

pytestmark = pytest.mark.slow


def test_swapped_channels_are_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    captions = [*CAPTIONS, *(scene.caption() for scene in split()[1][6:12])]
    places = []
    for name in ("main", "channels"):
        if name != "main":
            for variable, value in planted_environment(tmp_path / "planted", name).items():
                monkeypatch.setenv(variable, value)
        lab = Lab(tmp_path / name, Path("mini-2.2"))
        lab.folder.mkdir()
        lab.spec(prompts=captions, num_inference_steps=4, prior_num_inference_steps=2, metrics=["clip_score"],
                 batch_size=12)  # fmt: skip
        places.append(f"{lab.folder / 'runs'}:{lab.run().run_id}")
    told = compare_whole(Wanted(places[0], places[1], tmp_path / "runs"))
    (cell,) = told.cells
    (found,) = (one for one in cell.findings if one.metric == "clip_score")
    assert found.verdict == "regressed" and found.difference is not None and found.difference < -5
    assert cell.pictures is not None and (cell.pictures.identical, cell.pictures.rows) == (0, 12)
    assert exit_code(told, strict=False) == ExitCode.REGRESSED
    assert not told.environment and not told.weights and not told.schedulers  # only pictures give it away
