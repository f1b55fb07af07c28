"""The decoder's scheduler: where its configuration comes from, and who reads the variance half."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diffusers import DDIMScheduler, DDPMScheduler

from harness.base import canonical_json
from harness.errors import MissingError, UsageError
from harness.pipelines.decoder import run_decoder
from harness.pipelines.load import Loaded, load_group
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler, describe_own
from harness.plan.types import SchedulerChoice


def choice(name: str | None, **changes: Any) -> SchedulerChoice:
    return SchedulerChoice(label="x", class_name=name, **changes)


def test_the_models_own_default_is_used_and_told(tiny: Loaded) -> None:
    scheduler, known = build_scheduler(tiny, choice(None))
    assert type(scheduler) is DDPMScheduler and scheduler is not tiny.own_scheduler
    assert dict(scheduler.config) == dict(tiny.own_scheduler.config)
    assert (known["class_name"], known["base"], known["variance"]) == ("DDPMScheduler", "scheduler", "used")
    assert known["config"]["variance_type"] == "learned_range" and known["config"]["beta_end"] == 0.012
    assert describe_own(tiny)["config"] == known["config"]


@pytest.mark.parametrize(
    "name", ["DDIMScheduler", "DPMSolverMultistepScheduler", "DPMSolverSinglestepScheduler", "SASolverScheduler"]
)
def test_another_class_takes_the_folders_configuration_but_not_its_variance(tiny: Loaded, name: str) -> None:
    """Left to itself diffusers keeps ``variance_type`` hidden, and the pipeline feeds the class eight channels."""
    scheduler, known = build_scheduler(tiny, choice(name))
    assert scheduler.config.get("variance_type") is None and known["variance_type_removed"]
    assert (
        known["variance"] == "dropped" and known["config"]["beta_end"] == 0.012 and known["config"]["steps_offset"] == 1
    )
    canonical_json(known)  # no infinities


def test_the_planted_fault_a_hidden_variance_type_breaks_ddim(
    tiny: Loaded, settings_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    naive = DDIMScheduler.from_config(tiny.own_scheduler.config)
    prior = run_prior(tiny, settings_of(), rows_of(1))
    with pytest.raises(RuntimeError, match="size of tensor"):
        run_decoder(tiny, settings_of(), naive, prior, rows_of(1))


def _folder_with_ddim(folder: Path, *, ddpm: bool) -> Path:
    """A decoder whose own scheduler is DDIM, silent on variance, with or without the guide's ``ddpm_scheduler``."""
    own = DDIMScheduler(beta_start=0.00085, beta_end=0.012, clip_sample=False, set_alpha_to_one=False, steps_offset=1)
    own.save_pretrained(folder / "decoder" / "scheduler")
    index = json.loads((folder / "decoder/model_index.json").read_text())
    index["scheduler"] = ["diffusers", "DDIMScheduler"]
    (folder / "decoder/model_index.json").write_text(json.dumps(index))
    if ddpm:
        DDPMScheduler(
            beta_start=0.00085, beta_end=0.012, clip_sample=False, variance_type="learned_range"
        ).save_pretrained(folder / "decoder" / "ddpm_scheduler")
    return folder


def test_ddpm_reads_the_variance_half_as_the_guides_subfolder_says(
    faulty_folder: Path, model_row: Any, group: Any, settings_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    loaded = load_group(group, model_row(_folder_with_ddim(faulty_folder, ddpm=True)), "cpu")
    scheduler, known = build_scheduler(loaded, choice("DDPMScheduler"))
    assert (known["base"], known["variance"]) == ("ddpm_scheduler", "used")
    plain, told = build_scheduler(loaded, choice("DDPMScheduler", config={"variance_type": "fixed_small"}))
    assert (told["base"], told["variance"]) == ("scheduler", "dropped")
    prior = run_prior(loaded, settings_of(), rows_of(1))
    pictures = [run_decoder(loaded, settings_of(), s, prior, rows_of(1)) for s in (scheduler, plain)]
    assert not np.array_equal(pictures[0], pictures[1])
    named, told = build_scheduler(loaded, choice("DDPMScheduler", subfolder="ddpm_scheduler"))
    assert dict(named.config) == dict(scheduler.config) and told["base"] == "ddpm_scheduler"
    assert build_scheduler(loaded, choice("DDIMScheduler"))[1]["base"] == "scheduler"


def test_ddpm_drops_the_variance_half_where_nothing_says_learned_and_tells_so(
    faulty_folder: Path, model_row: Any, group: Any
) -> None:
    loaded = load_group(group, model_row(_folder_with_ddim(faulty_folder, ddpm=False)), "cpu")
    _, known = build_scheduler(loaded, choice("DDPMScheduler"))
    assert known["config"]["variance_type"] == "fixed_small" and known["variance"] == "dropped"
    with pytest.raises(MissingError, match="no scheduler configuration in ddpm_scheduler"):
        build_scheduler(loaded, choice("DDPMScheduler", subfolder="ddpm_scheduler"))


def test_an_override_is_applied_or_refused(tiny: Loaded) -> None:
    name = "DPMSolverMultistepScheduler"
    scheduler, known = build_scheduler(tiny, choice(name, config={"use_karras_sigmas": True, "solver_order": 3}))
    assert scheduler.config.use_karras_sigmas and known["config"]["solver_order"] == 3
    with pytest.raises(UsageError, match="does not take use_karras_sigmas"):
        build_scheduler(tiny, choice("DDIMScheduler", config={"use_karras_sigmas": True}))
    with pytest.raises(UsageError, match="refuses its configuration"):
        build_scheduler(tiny, choice(name, config={"algorithm_type": "guesswork"}))


@pytest.mark.parametrize("name", ["DDIM", "KandinskyV22Pipeline", "NoScheduler"])
def test_a_class_that_is_no_scheduler_is_refused(tiny: Loaded, name: str) -> None:
    with pytest.raises(UsageError, match=f"no scheduler {name}"):
        build_scheduler(tiny, choice(name))


@pytest.mark.parametrize(
    ("version", "task", "api", "variance"),
    [
        ("2.2", "inpainting", "two-stage", "used"),
        ("2.2", "inpainting", "combined", "used"),
        ("2.2", "controlnet-depth-text-to-image", "two-stage", "used"),
        ("2.1", "inpainting", "two-stage", "dropped"),
        ("3", "text-to-image", "combined", "absent"),
    ],
)
def test_a_variance_half_is_known_by_what_comes_out(
    loaded_for: Callable[..., Loaded], version: Any, task: Any, api: Any, variance: str
) -> None:
    """Inpainting's UNet takes nine channels and ControlNet's eight: what goes in says nothing."""
    assert describe_own(loaded_for(version, task, api))["variance"] == variance


@pytest.mark.parametrize(("version", "task", "api"), [("2.1", "image-to-image", "combined"),
                                                      ("2.2", "image-to-image", "two-stage"),
                                                      ("3", "text-to-image", "combined")])  # fmt: skip
def test_a_scheduler_is_set_where_it_runs(loaded_for: Callable[..., Loaded], version: Any, task: Any, api: Any) -> None:
    loaded = loaded_for(version, task, api)
    scheduler, _ = build_scheduler(loaded, choice("DPMSolverMultistepScheduler"))
    loaded.set_scheduler(scheduler)
    running = loaded.combined.decoder_pipe if api == "combined" and version != "3" else loaded.decoder
    assert running.scheduler is scheduler
    assert loaded.combined is None or loaded.combined.scheduler is scheduler
    loaded.set_scheduler(loaded.own_scheduler)
