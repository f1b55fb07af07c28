"""The harness against diffusers' guide, for every task of every version in every form: the same pixels, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from pipelines.guide import AUTO, BLOCKS, load
from tiny_kandinsky import make_inputs, make_rows, make_settings

from harness.catalog.tasks import APIS, TASKS, default_api
from harness.catalog.types import Api
from harness.errors import UsageError
from harness.pipelines.decoder import run_decoder
from harness.pipelines.inputs import Inputs
from harness.pipelines.load import Loaded
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import InputRow, Settings

INPUTS = make_inputs()
TICKS = [(version, task, api) for task, row in TASKS.items() for version in row.pipelines for api in APIS
         if row.pipelines[version].of(api) is not None]  # fmt: skip
COMBINED = [(version, task) for version, task, api in TICKS if api == "combined"]


def pictures_of(loaded: Loaded, settings: Settings, rows: Any, inputs: Inputs = INPUTS) -> Any:
    scheduler, _ = build_scheduler(loaded, settings.scheduler, strength=settings.strength)
    prior = run_prior(loaded, settings, rows, inputs) if settings.api == "two-stage" else None
    return run_decoder(loaded, settings, scheduler, prior, rows, inputs)


@pytest.fixture(scope="module")
def parts_of(folder_of_version: Callable[[Any], Path]) -> Callable[[str, str], Any]:
    return cache(lambda version, task: load(folder_of_version(version), *BLOCKS[version, task][:3]))


def knobs_of(settings: Settings) -> dict[str, Any]:
    """The guide's numbers."""
    return {
        "size": {"height": settings.height, "width": settings.width},
        "decoder": {
            "num_inference_steps": settings.num_inference_steps,
            "guidance_scale": settings.guidance_scale,
        },
        "prior": {
            "num_inference_steps": settings.prior_num_inference_steps,
            "guidance_scale": settings.prior_guidance_scale,
        },
        "strength": {"strength": settings.strength},
        "prior_strength": {"strength": settings.prior_strength},
    }


def negative_of(row: InputRow) -> dict[str, str]:
    return {} if row.negative_prompt is None else {"negative_prompt": row.negative_prompt}


def guide_picture(parts: Any, version: str, settings: Settings, row: InputRow, inputs: Inputs = INPUTS) -> Any:
    """One row by the guide's block: its generator goes through the prior and on through the decoder."""
    mix = [one.text if one.image is None else inputs.pictures[one.image] for one in row.mix]
    mask = inputs.pictures.get(str(row.mask))
    image = BLOCKS[version, settings.task][3](
        parts=parts,
        prompt=row.prompt,
        negative=negative_of(row),
        g=torch.Generator().manual_seed(row.seed),
        k=knobs_of(settings),
        image=inputs.pictures.get(str(row.image)),
        mask=None if mask is None else (np.asarray(mask) == 255).astype(np.float32),
        mix=(mix, list(row.weights or ())),
        depth=inputs.hints.get(row.id),
    ).images[0]
    return np.asarray(image)


@pytest.mark.slow
@pytest.mark.parametrize("negative", [None, "blurry"])
@pytest.mark.parametrize(("version", "task", "api"), TICKS)
def test_a_picture_is_the_guides(
    loaded_for: Callable[..., Loaded], parts_of: Callable[..., Any], version: Any, task: Any, api: Api, negative: Any
) -> None:
    """Of combined ones too: the form changes nothing, but for 2.1's, which loses the decoder's negative prompt."""
    loaded, settings = loaded_for(version, task, api), make_settings(version, task, api)
    row = make_rows(2, negative, task)[1]
    mine = pictures_of(loaded, settings, [row])
    assert mine.dtype == np.uint8 and mine.shape == (1, 64, 64, 3)
    same = np.array_equal(mine[0], guide_picture(parts_of(version, task), version, settings, row))
    lost = (version, api, negative) == ("2.1", "combined", "blurry")
    assert same is not lost


@pytest.mark.slow
@pytest.mark.parametrize("negative", [None, "blurry"])
@pytest.mark.parametrize(("version", "task"), COMBINED)
def test_a_combined_picture_is_the_auto_pipelines(
    loaded_for: Callable[..., Loaded], folder_of_version: Callable[..., Path], version: Any, task: Any, negative: Any
) -> None:
    """``AutoPipelineFor…`` on the decoder's folder, which finds the prior by the model card."""
    settings, row = make_settings(version, task, "combined"), make_rows(2, negative, task)[1]
    folder = folder_of_version(version) / TASKS[task].part
    pipeline = getattr(diffusers, AUTO[task]).from_pretrained(folder, torch_dtype=torch.float32)
    assert type(pipeline).__name__ == TASKS[task].pipelines[version].combined
    pipeline.set_progress_bar_config(disable=True)
    knobs = {"prompt": row.prompt, **negative_of(row), **knobs_of(settings)["decoder"]}
    if version != "3":
        prior = {"prior_guidance_scale": 4.0, "prior_num_inference_steps": 2}
        knobs |= prior | knobs_of(settings)["size"]
    elif task == "text-to-image":
        knobs |= knobs_of(settings)["size"]
    if row.image:
        knobs["image"] = INPUTS.pictures[row.image]
    if row.mask:
        knobs["mask_image"] = (np.asarray(INPUTS.pictures[row.mask]) == 255).astype(np.float32)
    if task == "image-to-image":
        knobs["strength"] = settings.strength
    theirs = pipeline(**knobs, generator=torch.Generator().manual_seed(row.seed)).images[0]
    assert np.array_equal(pictures_of(loaded_for(version, task, "combined"), settings, [row])[0], np.asarray(theirs))


@pytest.mark.slow
@pytest.mark.parametrize(("version", "task", "api"), TICKS)
def test_a_row_of_a_batch_gets_its_own_picture(
    loaded_for: Callable[..., Loaded], version: Any, task: Any, api: Api
) -> None:
    """Its own image, mask, hint, prompt and noise; only the last bits may know of the company."""
    loaded, settings = loaded_for(version, task, api), make_settings(version, task, api)
    rows = make_rows(2, ["blurry", None], task)
    together = pictures_of(loaded, settings, rows)
    assert len({picture.tobytes() for picture in together}) == 2
    for i, row in enumerate(rows):
        alone = pictures_of(loaded, settings, [row])[0]
        assert np.abs(together[i].astype(int) - alone.astype(int)).max() <= 1
        if api == "combined" or task == "inpainting":
            assert np.array_equal(together[i], alone)


def changed(row: InputRow, settings: Settings, inputs: Inputs) -> dict[str, tuple[InputRow, Settings, Inputs]]:
    """Everything that a task takes, each changed alone."""
    other = make_rows(3, "dark", settings.task)[2]
    pictures = {field: (row.model_copy(update={field: getattr(other, field)}), settings, inputs)
                for field in ("image", "mask", "mix") if getattr(row, field)}  # fmt: skip
    texts = {"prompt": "of seven", "negative_prompt": "dark"}
    found = {field: (row.model_copy(update={field: text}), settings, inputs) for field, text in texts.items()}
    if row.mix:
        found["weights"] = (row.model_copy(update={"weights": (0.9, 0.1, 0.0)}), settings, inputs)
    if row.hint:
        found["hint"] = (row, settings, Inputs(inputs.pictures, {row.id: inputs.hints[other.id]}))
    for knob in ("strength", "prior_strength", "prior_guidance_scale", "guidance_scale"):
        if getattr(settings, knob) is not None:
            value = 1.0 if "strength" in knob else 2.0
            found[knob] = (row, settings.model_copy(update={knob: value}), inputs)
    return {**pictures, **found}


@pytest.mark.slow
@pytest.mark.parametrize(("version", "task", "api"), TICKS)
def test_everything_that_a_row_brings_changes_its_picture(
    loaded_for: Callable[..., Loaded], version: Any, task: Any, api: Api
) -> None:
    """Else the tests against the guide would say nothing of it."""
    loaded, settings, row = (
        loaded_for(version, task, api),
        make_settings(version, task, api),
        make_rows(1, "x", task)[0],
    )
    as_it_is = pictures_of(loaded, settings, [row])
    same = [name for name, (one, knobs, inputs) in changed(row, settings, INPUTS).items()
            if np.array_equal(as_it_is, pictures_of(loaded, knobs, [one], inputs))]  # fmt: skip
    assert same == (["prompt"] if (version, task) == ("2.2", "interpolation") else [])  # a mixture has its own texts


@pytest.mark.parametrize("version", ["2.1", "2.2"])
@pytest.mark.parametrize(("knob", "value"), [("guidance_scale", 1.0), ("prior_guidance_scale", 1.0)])
def test_without_guidance_too(
    loaded_for: Callable[..., Loaded], parts_of: Callable[..., Any], version: Any, knob: str, value: float
) -> None:
    task, api = "image-to-image", default_api(version)
    settings, row = make_settings(version, task, api, **{knob: value}), make_rows(1, "blurry", task)[0]
    mine = pictures_of(loaded_for(version, task, api), settings, [row])[0]
    assert np.array_equal(mine, guide_picture(parts_of(version, task), version, settings, row))


def test_a_depth_hint_works_without_guidance_in_half_precision(folder_of_version: Callable[..., Path]) -> None:
    """The pipeline brings the hint to the UNet's type only with guidance."""
    from tiny_kandinsky import make_group, row_of

    from harness.pipelines.load import load_group

    task = "controlnet-depth-text-to-image"
    group = make_group("2.2", task, dtype="bfloat16")
    loaded = load_group(group, row_of(folder_of_version("2.2")), "cpu")
    settings = make_settings("2.2", task, guidance_scale=1.0, dtype="bfloat16")
    assert pictures_of(loaded, settings, make_rows(1, None, task)).shape == (1, 64, 64, 3)


def test_on_3_company_would_change_a_picture(loaded_for: Callable[..., Loaded]) -> None:
    """Why its rows go one by one: it cuts negative prompts to the longest prompt of the batch."""
    settings, long = make_settings("3"), "one of seven green squares in a long row, cut off"
    row = make_rows(1, long)[0]
    loaded = loaded_for("3", "text-to-image", "combined")
    alone = pictures_of(loaded, settings, [row])[0]
    together = loaded.combined(
        [row.prompt, long],
        negative_prompt=[long, long],
        generator=[torch.Generator().manual_seed(seed) for seed in (row.seed, 0)],
        output_type="np",
        **knobs_of(settings)["size"],
        **knobs_of(settings)["decoder"],
    ).images[0]
    assert np.abs(together * 255 - alone).max() > 100


def test_on_3_an_empty_negative_prompt_is_not_none(loaded_for: Callable[..., Loaded]) -> None:
    settings, loaded = make_settings("3"), loaded_for("3", "text-to-image", "combined")
    none, empty = (pictures_of(loaded, settings, make_rows(1, negative))[0] for negative in (None, ""))
    assert not np.array_equal(none, empty)


@pytest.mark.parametrize(
    ("task", "api"), [(task, api) for version, task, api in TICKS if version == "2.2" and "image-to" in task]
)
def test_an_oblong_picture_keeps_its_shape(
    loaded_for: Callable[..., Loaded], monkeypatch: pytest.MonkeyPatch, task: Any, api: Api
) -> None:
    """diffusers hands height for width to its image processor: called as the guide does, it would turn the shape."""
    loaded, settings = loaded_for("2.2", task, api), make_settings("2.2", task, api, height=128, width=64)
    rows = make_rows(1, None, task)
    seen, encode = [], loaded.decoder.movq.encode

    def watched(image: Any) -> Any:
        seen.append(image)
        return encode(image)

    monkeypatch.setattr(loaded.decoder.movq, "encode", watched)
    made = pictures_of(loaded, settings, rows, make_inputs(128, 64))
    assert made.shape == (1, 128, 64, 3)
    source = np.asarray(make_inputs(128, 64).pictures["image-0"]) / 127.5 - 1
    assert np.allclose(seen[0][0].permute(1, 2, 0).numpy(), source, atol=1e-6)


def test_2_1_cannot_make_an_oblong_picture_from_another(loaded_for: Callable[..., Loaded]) -> None:
    task, api = "image-to-image", "two-stage"
    settings = make_settings("2.1", task, api, height=128, width=64)
    with pytest.raises(UsageError, match="square pictures only, not 128×64"):
        pictures_of(loaded_for("2.1", task, api), settings, make_rows(1, None, task), make_inputs(128, 64))


@pytest.mark.parametrize(
    ("version", "task"), [("2.1", "text-to-image"), ("2.2", "inpainting"), ("3", "image-to-image")]
)
def test_an_oblong_picture_is_the_guides(
    loaded_for: Callable[..., Loaded], parts_of: Callable[..., Any], version: Any, task: Any
) -> None:
    api, inputs = default_api(version), make_inputs(64, 128)
    settings, row = make_settings(version, task, api, height=64, width=128), make_rows(1, "blurry", task)[0]
    mine = pictures_of(loaded_for(version, task, api), settings, [row], inputs)
    assert mine.shape == (1, 64, 128, 3)
    assert np.array_equal(mine[0], guide_picture(parts_of(version, task), version, settings, row, inputs))


@pytest.mark.parametrize("version", ["2.1", "2.2", "3"])
def test_a_strength_that_leaves_no_step_is_refused(loaded_for: Callable[..., Loaded], version: Any) -> None:
    """diffusers gives no picture at all, or the noised source."""
    task, api = "image-to-image", default_api(version)
    settings = make_settings(version, task, api, strength=0.3)
    with pytest.raises(UsageError, match=r"strength 0\.3 of 3 num_inference_steps leaves no step"):
        pictures_of(loaded_for(version, task, api), settings, make_rows(1, None, task))


def test_a_prior_strength_that_leaves_no_step_is_refused(loaded_for: Callable[..., Loaded]) -> None:
    task = "controlnet-depth-image-to-image"
    with pytest.raises(UsageError, match=r"prior_strength 0\.4 of 2 prior_num_inference_steps"):
        pictures_of(loaded_for("2.2", task, "two-stage"), make_settings("2.2", task, prior_strength=0.4),
                    make_rows(1, None, task))  # fmt: skip


def test_the_cells_weights_are_used_instead_of_the_rows(
    loaded_for: Callable[..., Loaded], parts_of: Callable[..., Any]
) -> None:
    task = "interpolation"
    settings, row = make_settings("2.2", task, weights=(1.0, 0.0, 0.5)), make_rows(1, None, task)[0]
    mine = pictures_of(loaded_for("2.2", task, "two-stage"), settings, [row])[0]
    theirs = row.model_copy(update={"weights": settings.weights})
    assert np.array_equal(mine, guide_picture(parts_of("2.2", task), "2.2", settings, theirs))
    with pytest.raises(UsageError, match="3 things and 2 weights"):
        pictures_of(loaded_for("2.2", task, "two-stage"), make_settings("2.2", task, weights=(1.0, 0.0)), [row])


def test_inputs_are_left_as_they_were(loaded_for: Callable[..., Loaded]) -> None:
    """The pipelines round a mask in place."""
    grey = INPUTS.pictures["mask-0"].point(lambda value: 200 if value else 40)
    inputs = Inputs({**INPUTS.pictures, "mask-0": grey})
    before = grey.tobytes()
    loaded, settings = loaded_for("2.2", "inpainting", "two-stage"), make_settings("2.2", "inpainting")
    rows = make_rows(1, None, "inpainting")
    assert np.array_equal(pictures_of(loaded, settings, rows, inputs), pictures_of(loaded, settings, rows))
    assert grey.tobytes() == before


@pytest.mark.parametrize("version", ["2.1", "2.2", "3"])
def test_an_empty_prompt_is_a_prompt(
    loaded_for: Callable[..., Loaded], parts_of: Callable[..., Any], version: Any
) -> None:
    """2.1's text encoder divides by the number of tokens: without special ones there would be none."""
    api = default_api(version)
    settings, row = make_settings(version, api=api), make_rows(3, "")[2]
    assert row.prompt == ""
    mine = pictures_of(loaded_for(version, "text-to-image", api), settings, [row])[0]
    assert np.array_equal(mine, guide_picture(parts_of(version, "text-to-image"), version, settings, row))
