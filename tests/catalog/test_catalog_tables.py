"""The catalog's tables: fresh, whole, and naming only what is there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from harness.catalog.diffusers_table import TABLE, installed_version, table
from harness.catalog.metrics import DEFAULT_MARGINS, MARGINS, MEASURES, METRICS, metric_row
from harness.catalog.models import MODELS
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.schedulers import SUFFIX, WORDS, schedulers, wrong_for_kandinsky
from harness.catalog.tasks import TASKS, defaults
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
    assert defaults("2.2") == {
        "height": 512, "width": 512, "num_inference_steps": 100, "guidance_scale": 4.0,
        "prior_num_inference_steps": 25, "prior_guidance_scale": 4.0,
    }  # fmt: skip


def test_every_scheduler_of_diffusers_has_a_row_and_every_refusal_a_reason() -> None:
    assert {row.class_name for row in schedulers().values()} == set(table()["schedulers"])
    right = {name for name, row in schedulers().items() if row.verdict == "right"}
    assert right == {"DDIM", "DDPM", "DPMSolverMultistep"}
    assert all(row.reason for row in schedulers().values() if row.verdict == "refused")
    assert all(row.name + SUFFIX == row.class_name for row in schedulers().values())
    assert schedulers()["DDPM"].stochastic and not schedulers()["DDIM"].stochastic


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("EulerDiscrete", "scale_model_input"),
        ("UniPCMultistep", "generator"),
        ("LCM", "distilled"),
        ("UnCLIP", "prior"),
        ("FlowMatchEulerDiscrete", "not yet proven"),
    ],
)
def test_a_refusal_says_why(name: str, part: str) -> None:
    assert part in schedulers()[name].reason


def test_the_words_are_of_keywords_that_exist() -> None:
    """And each default word of the right schedulers is among them."""
    parameters = [row.parameters for row in schedulers().values() if row.verdict == "right"]
    for keyword, words in WORDS.items():
        here = [own[keyword] for own in parameters if keyword in own]
        assert here and all(default is None or default in words for default in here)


@pytest.mark.parametrize(
    ("class_name", "config", "part"),
    [
        ("DDIMScheduler", {"prediction_type": "v_prediction"}, "must stay epsilon"),
        ("DPMSolverMultistepScheduler", {"use_flow_sigmas": True}, "flow-matching"),
        ("DPMSolverMultistepScheduler", {"variance_type": "learned_range"}, "three channels"),
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True, "use_beta_sigmas": True}, "at most one of"),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver"}, "needs final_sigmas_type sigma_min"),
    ],
)
def test_overrides_that_would_be_wrong_are_known(class_name: str, config: dict[str, object], part: str) -> None:
    assert part in str(wrong_for_kandinsky(class_name, config))


@pytest.mark.parametrize(
    ("class_name", "config"),
    [
        ("DDIMScheduler", {}),
        ("DDPMScheduler", {"variance_type": "learned_range"}),
        ("DPMSolverMultistepScheduler", {"use_karras_sigmas": True, "use_beta_sigmas": False}),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver", "final_sigmas_type": "sigma_min"}),
        ("DPMSolverMultistepScheduler", {"algorithm_type": "sde-dpmsolver++"}),
    ],
)
def test_overrides_that_are_right_pass(class_name: str, config: dict[str, object]) -> None:
    assert wrong_for_kandinsky(class_name, config) is None


def test_every_name_in_a_row_is_in_its_table() -> None:
    for row in MODELS.values():
        networks = (row.scorer, row.extractor, row.judge)
        kinds = [WEIGHTS[name].kind for name in networks if name is not None]
        assert kinds == ["open_clip", "extractor", "judge"][: len(kinds)]
        assert set(row.default_metrics) <= set(METRICS) and set(row.tasks) <= set(TASKS)
        assert row.default_size[0] % row.size_multiple == row.default_size[1] % row.size_multiple == 0
        assert row.default_scheduler is None or row.default_scheduler.removesuffix(SUFFIX) in schedulers()
        assert row.version in TASKS["text-to-image"]
    for tables in (MODELS, WEIGHTS, METRICS, schedulers()):
        assert all(name == row.name for name, row in tables.items())  # type: ignore[attr-defined]  # rows of four kinds
    assert set(DEFAULT_MARGINS) == {*MARGINS, *MEASURES} and "frechet" not in MARGINS
    assert metric_row("clip_score").uses == "open_clip" and set(OPTIMIZATIONS) == {"none"}


def test_what_could_not_be_verified_says_so() -> None:
    assert [name for name, row in WEIGHTS.items() if not row.verified] == ["ViT-B-32-laion2b"]
    assert MODELS["kandinsky-2.2"].decoder.revision is None


def test_shipped_places_are_in_the_package() -> None:
    """And the miniature's own scheduler is the one that its folder names."""
    package = Path(harness.__file__).parent
    shipped = [place for row in MODELS.values() for place in (row.decoder, row.prior) if place.kind == "package"]
    shipped += [row.place for row in WEIGHTS.values() if row.place.kind == "package"]
    assert len(shipped) == 5
    assert [place.where for place in shipped if not (package / place.where).is_dir()] == []
    row = MODELS["mini-2.2"]
    config = json.loads((package / row.decoder.where / "scheduler" / "scheduler_config.json").read_text())
    assert config["_class_name"] == row.default_scheduler
