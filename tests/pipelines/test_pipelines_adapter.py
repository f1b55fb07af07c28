"""The adapter in the real pipelines: every scheduler in every task runs, and what it does to the latents is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from pipelines.test_pipelines_guide import TICKS, pictures_of
from tiny_kandinsky import make_inputs, make_rows, make_settings

from harness.catalog.scheduler_rows import RIGHT
from harness.catalog.schedulers import SUFFIX, adapter_of, model_calls
from harness.errors import UsageError
from harness.pipelines.decoder import run_decoder
from harness.pipelines.load import Loaded
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import SchedulerChoice
from harness.schedulers.adapter import KandinskyScheduler
from harness.schedulers.make import make_scheduler, recipe_for

FORMS = [tick for tick in TICKS if tick[2] == "two-stage" or tick[0] == "3"]


def choice(name: str, **changes: Any) -> SchedulerChoice:
    return SchedulerChoice(label=name, class_name=name + SUFFIX, **changes)


@pytest.mark.parametrize("name", RIGHT)
def test_a_scheduler_runs_in_every_task_and_calls_the_model_as_often_as_is_told(
    loaded_for: Callable[..., Loaded], name: str
) -> None:
    for version, task, api in FORMS:
        loaded, settings = loaded_for(version, task, api), make_settings(version, task, api, num_inference_steps=5)
        settings = settings.model_copy(update={"scheduler": choice(name)})
        calls: list[int] = []
        hook = loaded.decoder.unet.register_forward_hook(lambda *_, seen=calls: seen.append(1))
        pictures = pictures_of(loaded, settings, make_rows(1, None, task))
        hook.remove()
        taken = None if settings.strength is None else int(5 * settings.strength)
        assert len(calls) == model_calls(name, {}, 5, taken), (version, task)
        assert pictures.std() > 0


@pytest.mark.parametrize("name", ["EulerAncestralDiscrete", "DPMSolverSDE", "KDPM2AncestralDiscrete", "SASolver"])
def test_each_image_draws_from_its_own_generator(loaded_for: Callable[..., Loaded], name: str) -> None:
    loaded = loaded_for("2.2", "text-to-image", "two-stage")
    settings = make_settings("2.2", "text-to-image", "two-stage", scheduler=choice(name))
    rows = make_rows(3)
    together = pictures_of(loaded, settings, rows)
    again = pictures_of(loaded, settings, rows)
    alone = np.concatenate([pictures_of(loaded, settings, [row]) for row in rows])
    assert np.array_equal(together, again)
    assert np.abs(together.astype(int) - alone).max() <= 1  # a batch changes the last bits
    reseeded = [rows[0], rows[1].model_copy(update={"seed": 99}), rows[2]]
    other = pictures_of(loaded, settings, reseeded)
    assert np.abs(other[[0, 2]].astype(int) - together[[0, 2]]).max() <= 1 and (other[1] != together[1]).any()


def test_one_scheduler_serves_several_calls(loaded_for: Callable[..., Loaded]) -> None:
    """As the timing pass uses it: nothing is left over from the pictures before."""
    loaded = loaded_for("2.2", "text-to-image", "two-stage")
    rows = make_rows(2)
    for name in RIGHT:
        settings = make_settings("2.2", "text-to-image", "two-stage", num_inference_steps=6, scheduler=choice(name))
        scheduler, _ = build_scheduler(loaded, settings.scheduler)
        prior = run_prior(loaded, settings, rows)
        first, second = (run_decoder(loaded, settings, scheduler, prior, rows) for _ in range(2))
        assert np.array_equal(first, second), name


def latents_of(loaded: Loaded, settings: Any, scheduler: Any, rows: Any) -> torch.Tensor:
    """What the decoder hands to its MoVQ: before anything is rounded to pixels."""
    kept: list[torch.Tensor] = []
    decode = loaded.decoder.movq.decode
    loaded.decoder.movq.decode = lambda latents, **options: kept.append(latents) or decode(latents, **options)
    try:
        inputs = make_inputs()
        run_decoder(loaded, settings, scheduler, run_prior(loaded, settings, rows, inputs), rows, inputs)
    finally:
        del loaded.decoder.movq.decode
    return kept[0]


@pytest.mark.parametrize("name", [name for name in RIGHT if adapter_of(name, {}, {}) == "none"])
def test_the_adapter_changes_no_bit_of_what_is_right_without_it(loaded_for: Callable[..., Loaded], name: str) -> None:
    for version, task, strength in (("2.2", "text-to-image", None), ("2.2", "image-to-image", 0.7)):
        loaded, rows = loaded_for(version, task, "two-stage"), make_rows(2, None, task)
        settings = make_settings(version, task, "two-stage", num_inference_steps=6, scheduler=choice(name))
        settings = settings.model_copy(update={"strength": strength})
        bare, known = build_scheduler(loaded, settings.scheduler, strength=strength)
        assert known["adapter"] is None and not isinstance(bare, KandinskyScheduler)
        wrapped = KandinskyScheduler(build_scheduler(loaded, settings.scheduler)[0], strength=strength)
        as_it_is = latents_of(loaded, settings, bare, rows)
        assert torch.equal(as_it_is, latents_of(loaded, settings, wrapped, rows)), task


@pytest.mark.parametrize(
    "name", ["EulerDiscrete", "LMSDiscrete", "EulerAncestralDiscrete", "KDPM2Discrete", "DPMSolverSDE"]
)
def test_half_precision_is_no_limit_to_sigma(name: str) -> None:
    """Kandinsky 3's sigmas reach 20,000: latents that large overflow, or lose all of the picture."""
    config = {"beta_schedule": "squaredcos_cap_v2", "timestep_spacing": "linspace"}
    ends = {}
    for dtype in (torch.float32, torch.float16):
        adapter = KandinskyScheduler(getattr(diffusers, name + SUFFIX).from_config(config))
        adapter.set_timesteps(25)
        generator = torch.Generator().manual_seed(0)
        latents = torch.randn(1, 4, 8, 8, generator=generator).to(dtype)
        start = adapter.add_noise(torch.zeros_like(latents), latents, adapter.timesteps[:1])
        assert start.dtype == dtype and torch.isfinite(start).all()
        for timestep in adapter.timesteps:
            latents = adapter.step(latents.clone(), timestep, latents, generator=generator).prev_sample
            assert latents.dtype == dtype
        ends[dtype] = latents.float()
    assert torch.isfinite(ends[torch.float16]).all()
    assert (ends[torch.float16] - ends[torch.float32]).abs().mean() < 0.02 * ends[torch.float32].abs().mean()


def test_a_models_own_configuration_may_ask_for_the_adapter() -> None:
    own = diffusers.DPMSolverMultistepScheduler(beta_schedule="squaredcos_cap_v2", use_karras_sigmas=True)
    recipe = recipe_for(
        "DPMSolverMultistepScheduler", dict(own.config), {}, {}, alphas_cumprod=own.alphas_cumprod, strength=None
    )
    assert recipe.adapter == {}
    adapter = make_scheduler(recipe, dict(own.config), own.alphas_cumprod)
    adapter.set_timesteps(25)
    latents = torch.zeros(1, 4, 2, 2)
    for timestep in adapter.timesteps:  # bare, it begins a step late and runs off the end of its sigmas
        latents = adapter.step(latents, timestep, latents).prev_sample


def test_a_refused_scheduler_is_refused_when_it_is_loaded_too(tiny: Loaded) -> None:
    with pytest.raises(UsageError, match="IPNDMScheduler is not right under Kandinsky"):
        build_scheduler(tiny, choice("IPNDM"))
    with pytest.raises(UsageError, match="distilled"):
        build_scheduler(tiny, choice("LCM"))
    scheduler, _ = build_scheduler(tiny, choice("LCM", force=True))
    assert type(scheduler).__name__ == "LCMScheduler"


def test_what_was_done_is_told(tiny: Loaded) -> None:
    _, known = build_scheduler(tiny, choice("EulerDiscrete"), strength=0.5)
    assert known["adapter"] == {"strength": 0.5} and known["class_name"] == "EulerDiscreteScheduler"
    assert {"clip_sample", "thresholding", "variance_type"} <= set(known["dropped"]) and "beta_end" not in known[
        "dropped"
    ]
    _, known = build_scheduler(tiny, choice("DDIM", step={"eta": 0.5}))
    assert known["adapter"] == {"eta": 0.5}
    _, known = build_scheduler(tiny, choice("EDMEuler"))
    sigmas = ((1 - tiny.own_scheduler.alphas_cumprod) / tiny.own_scheduler.alphas_cumprod).sqrt()
    assert known["added"] == {"sigma_min": float(sigmas[0]), "sigma_max": float(sigmas[-1])}
    assert known["config"]["sigma_max"] == pytest.approx(float(sigmas[-1])) and float(sigmas[-1]) < 80


def test_edm_keeps_to_its_own_range_where_the_model_has_seen_more(loaded_for: Callable[..., Loaded]) -> None:
    """Kandinsky 3's sigmas reach 20,000, where a step of EDM's would see nothing but noise."""
    loaded = loaded_for("3", "text-to-image", "combined")
    loaded.own_scheduler.alphas_cumprod[-1] = 1e-9
    assert build_scheduler(loaded, choice("EDMEuler"))[1]["added"]["sigma_max"] == 80.0


def test_edm_needs_the_models_noise_schedule() -> None:
    with pytest.raises(ValueError, match="alphas_cumprod"):
        KandinskyScheduler(diffusers.EDMEulerScheduler()).set_timesteps(4)


def test_a_level_of_noise_for_everything_that_asks() -> None:
    """Between the halves of a step too: inpainting blends there."""
    adapter = KandinskyScheduler(diffusers.KDPM2DiscreteScheduler())
    adapter.set_timesteps(6)
    zeros, ones = torch.zeros(1, 4, 2, 2), torch.ones(1, 4, 2, 2)
    for place, timestep in enumerate(adapter.timesteps):
        level = float(adapter.add_noise(zeros, ones, timestep).mean())
        inner = adapter.inner
        sigma = float(inner.sigmas[place] if place % 2 == 0 else inner.sigmas_interpol[place])
        assert level == pytest.approx(sigma / (sigma**2 + 1) ** 0.5, rel=1e-4)  # diffusers computes it in float32
        kept = float(adapter.add_noise(ones, zeros, timestep).mean())
        assert kept**2 + level**2 == pytest.approx(1)
        adapter.step(zeros, timestep, zeros)
