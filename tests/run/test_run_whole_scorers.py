"""A real run scored by networks that the spec names and by plug-ins that were installed for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.processes import unmeasured
from support.runs import CAPTIONS, Lab, once
from support.tiny_scorers import random_alexnet, tiny_clip

from harness.store.records import Score

pytestmark = pytest.mark.slow
PACKAGE = Path(__file__).parents[1] / "support" / "example_metric_package"
UNLUCKY = """
class Unlucky:
    row = {"name": "unlucky", "tasks": ["image-to-image"], "direction": "higher", "unit": "points", "source": "none"}
    def __call__(self, views):
        return [1 / 0 for view in views]
metric = Unlucky()
"""
METRICS = ["ssim", "psnr", "perceptual_distance", "directional_similarity", "preference", "brightness", "sameness",
           "unlucky"]  # fmt: skip
SPEC: dict[str, Any] = {
    "prompts": None, "task": "image-to-image", "num_inference_steps": 4, "strength": 0.5,
    "prior_num_inference_steps": 2, "metrics": METRICS,
    "scorers": {"perceptual": "./random-alexnet", "preference": {"folder": "tiny-clip"}},
    "inputs": [{"prompt": CAPTIONS[i], "image": {"world": CAPTIONS[i + 1], "seed": i}} for i in range(2)]
    + [{"prompt": CAPTIONS[2], "image": {"world": CAPTIONS[2], "seed": 2}}],
}  # fmt: skip


def _install(site: Path) -> None:
    """The example with pip, without a network; beside it one that fails when it is called."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--no-build-isolation",
           "--disable-pip-version-check", "--target", str(site)]  # fmt: skip
    source = shutil.copytree(PACKAGE, site.parent / "source")
    subprocess.run([*pip, str(source)], check=True, capture_output=True)
    (site / "unlucky_code.py").write_text(UNLUCKY)
    info = site / "unlucky-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: unlucky\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[kandinsky_harness.metrics]\nunlucky = unlucky_code:metric\n")


_DRIVER = """
import sys
from pathlib import Path
from support.runs import Lab
print(Lab(Path(sys.argv[1]), Path("mini-2.2")).run().status)
"""


def _run(lab: Lab) -> subprocess.CompletedProcess[str]:
    """A run in a process of its own that sees what was installed, without its copies."""
    environment = {**unmeasured(), "PYTHONPATH": os.pathsep.join([str(lab.folder / "site"), *sys.path])}
    command = [sys.executable, "-c", _DRIVER, str(lab.folder)]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """One run of the miniature by real workers, for the whole module."""

    def make(folder: Path) -> None:
        _install(folder / "site")
        random_alexnet(folder / "random-alexnet")
        tiny_clip(folder / "tiny-clip")
        lab = Lab(folder, Path("mini-2.2"))
        lab.spec(**SPEC)
        said = _run(lab)
        assert said.stdout == "failed-cells\n", said.stderr

    return Lab(once(tmp_path_factory, "scorers", make), Path("mini-2.2"))


def _scores(lab: Lab) -> dict[str, Score]:
    (cell,) = lab.store.load_cells(lab.store.run_ids()[0])
    return {score.metric: score for score in cell.scores}


def _column(lab: Lab, name: str) -> list[Any]:
    (run,) = lab.store.run_ids()
    (cell,) = lab.store.load_cells(run)
    return [row[name] for row in lab.store.image_rows(run, cell.cell_id) or []]


def test_a_plug_ins_failure_is_its_own_scores_reason(lab: Lab) -> None:
    scores = _scores(lab)
    assert scores["unlucky"].failed and scores["unlucky"].value is None
    assert "ZeroDivisionError" in str(scores["unlucky"].reason)
    assert [name for name, score in scores.items() if score.failed] == ["unlucky"] and list(scores) == METRICS


def test_pictures_are_held_against_their_sources(lab: Lab) -> None:
    scores = _scores(lab)
    assert 0 < scores["ssim"].value < 1 and scores["ssim"].name == "ssim" and 5 < scores["psnr"].value < 60  # type: ignore[operator]
    assert scores["perceptual_distance"].value > 0  # type: ignore[operator]
    assert scores["perceptual_distance"].name.startswith("perceptual_distance/random-alexnet-")
    assert scores["preference"].name.startswith("preference/tiny-clip-")
    assert scores["preference"].made_by["logit_scale"] == f"{np.exp(3.0):.6g}"


def test_a_change_has_a_direction_where_the_prompt_says_something_new(lab: Lab) -> None:
    found = _column(lab, "directional_similarity")
    assert all(-100 <= value <= 100 for value in found[:2]) and found[2] is None
    assert "1 of 3 pictures are left out" in str(_scores(lab)["directional_similarity"].reason)


def test_a_plug_ins_numbers_are_its_own(lab: Lab) -> None:
    scores = _scores(lab)
    assert all(10 < value < 245 for value in _column(lab, "brightness"))
    made_by = scores["brightness"].made_by
    assert (made_by["package"], made_by["package_version"]) == ("example-metric-package", "1.0")
    assert -1 < scores["sameness"].value < 1 and scores["sameness"].interval is None  # type: ignore[operator]
    assert scores["sameness"].name.startswith("sameness/mini-scorer-")
