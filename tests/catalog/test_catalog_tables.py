"""The catalog's tables: fresh, whole, and naming only what is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.catalog.diffusers_table import TABLE, installed_version
from harness.catalog.metrics import DEFAULT_MARGINS, MARGINS, MEASURES, METRICS, metric_row
from harness.catalog.models import MODELS, PIPELINES
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.schedulers import SUFFIX, schedulers
from harness.catalog.tasks import TASKS, defaults, task_refusal
from harness.catalog.types import Api, Task, Version
from harness.catalog.weights import WEIGHTS


def test_the_committed_table_is_fresh(tmp_path: Path) -> None:
    """Made again by the installed diffusers, which is the one that it is stamped with."""
    committed = json.loads(TABLE.read_text())
    assert committed["diffusers"] == installed_version(), "run `python -m harness.pipelines.probe_catalog`"
    again = tmp_path / "table.json"
    command = [sys.executable, "-W", "ignore", "-m", "harness.pipelines.probe_catalog", str(again)]
    subprocess.run(command, check=True, env={**os.environ, "HF_HUB_OFFLINE": "1"})
    assert again.read_text() == TABLE.read_text(), "run `python -m harness.pipelines.probe_catalog`"


def test_the_defaults_are_what_the_pipelines_signatures_say() -> None:
    assert defaults("text-to-image", "2.2", "two-stage") == {
        "height": 512, "width": 512, "num_inference_steps": 100, "guidance_scale": 4.0,
        "prior_num_inference_steps": 25, "prior_guidance_scale": 4.0,
    }  # fmt: skip


def test_every_name_in_a_row_is_in_its_table() -> None:
    for row in MODELS.values():
        named = {"open_clip": row.scorer, "extractor": row.extractor, "judge": row.judge, "depth": row.depth}
        assert all(WEIGHTS[name].kind == kind for kind, name in named.items() if name is not None)
        assert row.default_size[0] % row.size_multiple == row.default_size[1] % row.size_multiple == 0
        assert {name.removesuffix(SUFFIX) for name in row.default_schedulers.values()} <= set(schedulers())
        assert set(row.parts) == set(PIPELINES[row.version])  # every part that its version has
    for tables in (MODELS, WEIGHTS, METRICS, TASKS, schedulers(), OPTIMIZATIONS):
        assert all(name == row.name for name, row in tables.items())  # type: ignore[attr-defined]  # rows of six kinds
    assert set(DEFAULT_MARGINS) <= {*MARGINS, *MEASURES} and "frechet" not in MARGINS
    assert metric_row("clip_score").uses == "open_clip"


def test_every_task_has_a_row_for_every_version() -> None:
    """It is there, in a form or two, or it is refused with a reason; its metrics and its defaults are of its own."""
    for row in TASKS.values():
        assert sorted([*row.pipelines, *row.refused]) == ["2.1", "2.2", "3"]
        assert all(row.name in METRICS[name].tasks for name in row.metrics)
        for version, classes in row.pipelines.items():
            assert (classes.prior is None) == (version == "3") == (classes.decoder is None)
            for api in ("two-stage", "combined"):
                if classes.of(api) is not None:
                    known = defaults(row.name, version, api)
                    assert {*row.knobs, "num_inference_steps", "guidance_scale"} - {"weights"} <= set(known)
    assert {name for row in METRICS.values() for name in row.tasks} == set(TASKS)


@pytest.mark.parametrize(
    ("task", "version", "api", "knob", "value"),
    [
        ("image-to-image", "2.1", "two-stage", "guidance_scale", 7.0),  # diffusers' two forms differ
        ("image-to-image", "2.1", "combined", "guidance_scale", 4.0),
        ("inpainting", "2.2", "two-stage", "num_inference_steps", 150),  # the guide's
        ("controlnet-depth-image-to-image", "2.2", "two-stage", "prior_strength", 0.85),
        ("controlnet-depth-image-to-image", "2.2", "two-stage", "strength", 0.5),
        ("controlnet-depth-text-to-image", "2.2", "two-stage", "num_inference_steps", 50),
        ("text-to-image", "3", "combined", "num_inference_steps", 25),
        ("text-to-image", "2.2", "two-stage", "prior_num_inference_steps", 25),
    ],
)
def test_defaults_are_the_guides_or_else_diffusers(
    task: Task, version: Version, api: Api, knob: str, value: float
) -> None:
    assert defaults(task, version, api)[knob] == value


def test_what_a_model_cannot_do_has_its_reason() -> None:
    mini, real3 = MODELS["mini-2.2"], MODELS["kandinsky-3"]
    assert task_refusal(mini, "interpolation", "two-stage") is None
    assert "no combined pipeline for interpolation" in str(task_refusal(mini, "interpolation", "combined"))
    assert "one stage and no prior" in str(task_refusal(real3, "text-to-image", "two-stage"))
    assert "no inpainting pipeline for Kandinsky 3" in str(task_refusal(real3, "inpainting", "combined"))
    assert "2.2 alone" in str(task_refusal(MODELS["mini-2.1"], "controlnet-depth-text-to-image", "two-stage"))
    bare = mini.model_copy(update={"parts": {"decoder": mini.parts["decoder"], "prior": mini.parts["prior"]}})
    assert task_refusal(bare, "inpainting", "two-stage") == "mini-2.2 has no inpaint part"


def test_what_could_not_be_verified_says_so() -> None:
    assert [name for name, row in WEIGHTS.items() if not row.verified] == [
        "dpt-large", "ViT-B-32-laion2b", "lpips-vgg", "lpips-alex", "inception-fid", "PickScore_v1", "HPSv2.1",
        "ImageReward",
    ]  # fmt: skip
    assert all("untested with the real weights" in row.notes for row in WEIGHTS.values() if row.literature)
    assert all(row.place is None for row in WEIGHTS.values() if row.closed)
    assert all(place.revision is None for row in MODELS.values() for place in row.parts.values())


def test_shipped_places_are_in_the_package() -> None:
    """And the miniature's own schedulers are those that its folders name."""
    package = Path(harness.__file__).parent
    shipped = [place for row in MODELS.values() for place in row.parts.values() if place.kind == "package"]
    shipped += [row.place for row in WEIGHTS.values() if row.place is not None and row.place.kind == "package"]
    assert len(shipped) == 12
    assert [place.where for place in shipped if not (package / place.where).is_dir()] == []
    for row in MODELS.values():
        for part, name in row.default_schedulers.items():
            config = json.loads((package / row.parts[part].where / "scheduler" / "scheduler_config.json").read_text())
            assert config["_class_name"] == name
