"""2.2's text-to-image in batches, with other schedulers, from a stored prior; and how pictures can fail."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import (
    DDIMScheduler,
    DDPMScheduler,
    DPMSolverMultistepScheduler,
    KandinskyV22Pipeline,
    KandinskyV22PriorPipeline,
)

from harness.pipelines.decoder import run_decoder
from harness.pipelines.failures import PictureError
from harness.pipelines.load import Loaded, load_group
from harness.pipelines.prior import run_prior
from harness.pipelines.prior_result import PriorResult, prior_bytes, prior_from
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import InputRow, SchedulerChoice, Settings


def harness_pictures(loaded: Loaded, settings: Settings, rows: Sequence[InputRow]) -> Any:
    scheduler, _ = build_scheduler(loaded, settings.scheduler)
    return run_decoder(loaded, settings, scheduler, run_prior(loaded, settings, rows), rows)


def guide_pictures(folder: Path, settings: Settings, rows: Sequence[InputRow]) -> Any:
    """The guide's text-to-image code for 2.2, with the guide's one generator for each picture."""
    prior_pipeline = KandinskyV22PriorPipeline.from_pretrained(folder / "prior", torch_dtype=torch.float32)
    pipeline = KandinskyV22Pipeline.from_pretrained(folder / "decoder", torch_dtype=torch.float32)
    base = {k: v for k, v in pipeline.scheduler.config.items() if k != "variance_type"}
    schedulers = {
        None: lambda: pipeline.scheduler,
        "DDIMScheduler": lambda: DDIMScheduler.from_config(base),
        "DPMSolverMultistepScheduler": lambda: DPMSolverMultistepScheduler.from_config(base),
        "DDPMScheduler": lambda: DDPMScheduler.from_config(pipeline.scheduler.config),
    }
    pipeline.scheduler = schedulers[settings.scheduler.class_name]()
    prior_pipeline.set_progress_bar_config(disable=True)
    pipeline.set_progress_bar_config(disable=True)
    generator = [torch.Generator().manual_seed(row.seed) for row in rows]
    prompt = [row.prompt for row in rows]
    arguments: dict[str, Any] = {
        "num_inference_steps": settings.prior_num_inference_steps,
        "guidance_scale": settings.prior_guidance_scale,
    }
    if rows[0].negative_prompt is None:
        output = prior_pipeline(prompt, generator=generator, **arguments)
    else:
        negative_prompt = [row.negative_prompt for row in rows]
        output = prior_pipeline(prompt, negative_prompt, generator=generator + generator, **arguments)
    image_embeds, negative_image_embeds = output.to_tuple()
    images = pipeline(
        image_embeds=image_embeds,
        negative_image_embeds=negative_image_embeds,
        generator=generator,
        height=settings.height,
        width=settings.width,
        num_inference_steps=settings.num_inference_steps,
        guidance_scale=settings.guidance_scale,
    ).images
    return np.stack([np.asarray(image) for image in images])


def choice(name: str | None) -> SchedulerChoice:
    return SchedulerChoice(label=name or "model default", class_name=name)


@pytest.mark.parametrize("guidance", [1.0, 4.0])
@pytest.mark.parametrize("batch", [1, 4])
@pytest.mark.parametrize("negative", [None, "blurry"])
@pytest.mark.parametrize("name", [None, "DDIMScheduler", "DDPMScheduler", "DPMSolverMultistepScheduler"])
def test_the_same_pixels_as_the_guide(
    tiny: Loaded,
    tiny_folder: Path,
    settings_of: Callable[..., Settings],
    rows_of: Callable[..., tuple[InputRow, ...]],
    name: str | None,
    negative: str | None,
    batch: int,
    guidance: float,
) -> None:
    settings = settings_of(scheduler=choice(name), guidance_scale=guidance, batch_size=batch)
    rows = rows_of(batch, negative)
    mine = harness_pictures(tiny, settings, rows)
    assert mine.dtype == np.uint8 and mine.shape == (batch, 64, 64, 3)
    assert np.array_equal(mine, guide_pictures(tiny_folder, settings, rows))
    assert len({picture.tobytes() for picture in mine}) == batch


def test_the_prior_without_guidance_and_another_shape(
    tiny: Loaded, tiny_folder: Path, settings_of: Callable[..., Settings], rows_of: Callable[..., Any]
) -> None:
    settings = settings_of(prior_guidance_scale=1.0, height=128, width=64)
    mine = harness_pictures(tiny, settings, rows_of(2, "blurry"))
    assert mine.shape == (2, 128, 64, 3)
    assert np.array_equal(mine, guide_pictures(tiny_folder, settings, rows_of(2, "blurry")))


def test_a_stored_prior_decodes_to_the_same_pixels(
    tiny: Loaded, settings_of: Callable[..., Settings], rows_of: Callable[..., Any]
) -> None:
    """DDPM draws noise at every step: only the generators' states after the prior give the same pictures."""
    settings = settings_of(scheduler=choice("DDPMScheduler"))
    prior = run_prior(tiny, settings, rows_of(2))
    copy = prior_from(prior_bytes(prior))
    pictures = [
        run_decoder(tiny, settings, build_scheduler(tiny, settings.scheduler)[0], p, rows_of(2))
        for p in (prior, prior, copy)
    ]
    assert np.array_equal(pictures[0], pictures[1]) and np.array_equal(pictures[0], pictures[2])
    fresh = torch.stack([torch.Generator().manual_seed(row.seed).get_state() for row in rows_of(2)])
    reseeded = PriorResult(prior.image_embeds, prior.negative_image_embeds, fresh)
    other = run_decoder(tiny, settings, build_scheduler(tiny, settings.scheduler)[0], reseeded, rows_of(2))
    assert not np.array_equal(pictures[0], other)


def test_a_batch_may_mix_rows_with_and_without_a_negative_prompt(
    tiny: Loaded, settings_of: Callable[..., Settings], rows_of: Callable[..., Any]
) -> None:
    mixed = rows_of(4, ["blurry", None, "dark", None])
    prior = run_prior(tiny, settings_of(), mixed)
    for part in ([1, 3], [0, 2]):
        alone = run_prior(tiny, settings_of(), [mixed[i] for i in part])
        assert torch.equal(prior.image_embeds[part], alone.image_embeds)
        assert torch.equal(prior.negative_image_embeds[part], alone.negative_image_embeds)
        assert torch.equal(prior.generator_states[part], alone.generator_states)


def test_a_seed_gives_its_picture_whatever_the_batch(
    tiny: Loaded, settings_of: Callable[..., Settings], rows_of: Callable[..., Any]
) -> None:
    together = harness_pictures(tiny, settings_of(), rows_of(4)).astype(int)
    alone = harness_pictures(tiny, settings_of(), rows_of(4)[2:3]).astype(int)
    assert np.abs(together[2] - alone[0]).max() <= 1  # the last bits may differ, the noise may not


@pytest.fixture
def broken(tiny_folder: Path, tmp_path: Path) -> Callable[[str], Path]:
    """A copy whose ``component`` has one weight that is not a number."""
    from safetensors.torch import load_file, save_file

    def plant(component: str) -> Path:
        folder = shutil.copytree(tiny_folder, tmp_path / "broken")
        (path,) = (folder / component).glob("*.safetensors")
        tensors = load_file(path)
        name = next(n for n in tensors if n.endswith("weight") and tensors[n].ndim >= 2 and "quant" not in n)
        tensors[name] = torch.full_like(tensors[name], float("nan"))
        save_file(tensors, path, metadata={"format": "pt"})
        return folder

    return plant


@pytest.mark.parametrize("component", ["decoder/unet", "decoder/movq"])
def test_pictures_that_are_not_numbers_are_told(
    broken: Callable[[str], Path],
    model_row: Callable[[Path], Any],
    group: Any,
    settings_of: Callable[..., Settings],
    rows_of: Callable[..., Any],
    component: str,
) -> None:
    loaded = load_group(group, model_row(broken(component)), "cpu")
    prior = run_prior(loaded, settings_of(), rows_of(1))
    with pytest.raises(PictureError, match="not finite") as caught:
        run_decoder(loaded, settings_of(), build_scheduler(loaded, choice(None))[0], prior, rows_of(1))
    assert caught.value.kind == "not-a-number"


def test_embeddings_that_are_not_numbers_are_told(
    broken: Callable[[str], Path],
    model_row: Callable[[Path], Any],
    group: Any,
    settings_of: Callable[..., Settings],
    rows_of: Callable[..., Any],
) -> None:
    loaded = load_group(group, model_row(broken("prior/prior")), "cpu")
    with pytest.raises(PictureError, match="the prior's embeddings") as caught:
        run_prior(loaded, settings_of(), rows_of(1))
    assert caught.value.kind == "not-a-number"


def test_out_of_memory_is_told_and_the_pipelines_go_on_working(
    tiny: Loaded, settings_of: Callable[..., Settings], rows_of: Callable[..., Any]
) -> None:
    """A picture of four terabytes is refused by the allocator, not by us."""
    settings = settings_of(height=64 * 2**13, width=64 * 2**13)
    prior = run_prior(tiny, settings, rows_of(1))
    with pytest.raises(PictureError) as caught:
        run_decoder(tiny, settings, build_scheduler(tiny, choice(None))[0], prior, rows_of(1))
    assert caught.value.kind == "out-of-memory" and "batch_size" in caught.value.do
    assert harness_pictures(tiny, settings_of(), rows_of(1)).shape == (1, 64, 64, 3)
