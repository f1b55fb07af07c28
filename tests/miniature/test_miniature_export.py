"""What is exported is loaded by the real pipeline classes from its folder, and makes finite pictures."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import (
    Kandinsky3Img2ImgPipeline,
    Kandinsky3Pipeline,
    KandinskyInpaintPipeline,
    KandinskyPipeline,
    KandinskyPriorPipeline,
    KandinskyV22ControlnetImg2ImgPipeline,
    KandinskyV22ControlnetPipeline,
    KandinskyV22InpaintPipeline,
)
from PIL import Image
from support.workshops import exported
from transformers import AutoImageProcessor, pipeline

from harness.errors import UsageError
from harness.miniature.cards import readme
from harness.miniature.export import export
from harness.miniature.workshop import Workshop

_DECODER = {"height": 64, "width": 64, "num_inference_steps": 2, "output_type": "np"}
_PICTURE = Image.new("RGB", (64, 64), "blue")


def _embeds(n: int = 2) -> dict[str, torch.Tensor]:
    return {"image_embeds": torch.randn(n, 128), "negative_image_embeds": torch.zeros(n, 128)}


def _load(cls: type, folder: Path) -> object:
    loaded = cls.from_pretrained(folder, torch_dtype=torch.float32, local_files_only=True)  # type: ignore[attr-defined]
    loaded.set_progress_bar_config(disable=True)
    return loaded


def _right(images: object, n: int) -> None:
    pictures = np.asarray(images)
    assert pictures.shape == (n, 64, 64, 3) and np.isfinite(pictures).all() and pictures.std() > 0


def test_inpainting(shop: Workshop, out: Path) -> None:
    pipe = _load(KandinskyV22InpaintPipeline, exported(shop, out, "mini-2.2/inpaint", "inpaint"))
    mask = np.zeros((64, 64), np.float32)
    mask[8:40, 8:40] = 1
    _right(pipe(image=_PICTURE, mask_image=mask, **_embeds(1), **_DECODER).images, 1)  # type: ignore[operator]
    assert (out / "mini-2.2/inpaint/ddpm_scheduler").is_dir()


def test_controlnet(shop: Workshop, out: Path) -> None:
    folder, hint = exported(shop, out, "mini-2.2/controlnet", "controlnet"), torch.rand(2, 3, 64, 64)
    pipe = _load(KandinskyV22ControlnetPipeline, folder)
    _right(pipe(hint=hint, **_embeds(), **_DECODER).images, 2)  # type: ignore[operator]
    pipe = _load(KandinskyV22ControlnetImg2ImgPipeline, folder)
    images = pipe(image=[_PICTURE, _PICTURE], hint=hint, strength=0.9, **_embeds(), **_DECODER).images  # type: ignore[operator]
    _right(images, 2)


_PROMPTS = ["a small red circle on the left of a blue background", ""]


def test_a_prior_for_two_languages(shop: Workshop, out: Path) -> None:
    pipe = _load(KandinskyPriorPipeline, exported(shop, out, "mini-2.1/prior", "prior-21"))
    made = pipe(["ein kleiner roter Kreis", ""], num_inference_steps=2)  # type: ignore[operator]
    assert made.image_embeds.shape == made.negative_image_embeds.shape == (2, 128)
    assert made.image_embeds.isfinite().all() and not torch.equal(*made.image_embeds)


def test_a_decoder_that_reads_the_empty_prompt_too(shop: Workshop, out: Path) -> None:
    pipe = _load(KandinskyPipeline, exported(shop, out, "mini-2.1/decoder", "decoder-21"))
    _right(pipe(_PROMPTS, **_embeds(), **_DECODER).images, 2)  # type: ignore[operator]
    embeds, states, _ = pipe._encode_prompt(_PROMPTS[1:], "cpu", 1, False)  # type: ignore[attr-defined]
    assert embeds.isfinite().all() and states.isfinite().all() and states.shape == (1, 77, 96)


def test_inpainting_with_a_text(shop: Workshop, out: Path) -> None:
    pipe = _load(KandinskyInpaintPipeline, exported(shop, out, "mini-2.1/inpaint", "inpaint-21"))
    mask = np.zeros((64, 64), np.float32)
    mask[:, 40:] = 1
    made = pipe(_PROMPTS[0], image=_PICTURE, mask_image=mask, **_embeds(1), **_DECODER)  # type: ignore[operator]
    _right(made.images, 1)


def test_one_stage(shop: Workshop, out: Path) -> None:
    folder = exported(shop, out, "mini-3/decoder", "decoder-3")
    pipe = _load(Kandinsky3Pipeline, folder)
    _right(pipe(_PROMPTS, **_DECODER).images, 2)  # type: ignore[operator]
    pipe = _load(Kandinsky3Img2ImgPipeline, folder)
    rest = {name: value for name, value in _DECODER.items() if name not in {"height", "width"}}
    _right(pipe(_PROMPTS, image=[_PICTURE, _PICTURE], strength=0.9, **rest).images, 2)  # type: ignore[operator]


def test_depth(shop: Workshop, out: Path) -> None:
    folder = exported(shop, out, "depth", "depth")
    processor = AutoImageProcessor.from_pretrained(folder)
    estimate = pipeline("depth-estimation", model=str(folder), image_processor=processor)
    noise = np.random.default_rng(0).integers(0, 255, (96, 64, 3), dtype=np.uint8)
    found = estimate(Image.fromarray(noise))["depth"]
    assert found.size == (64, 96) and np.asarray(found).max() == 255


def test_one_member_is_written_and_the_others_left_alone(shop: Workshop, tmp_path: Path) -> None:
    out = tmp_path  # its own: what stands there beside is no member
    depth, other = exported(shop, out, "depth", "depth"), out / "judge"
    other.mkdir(exist_ok=True)
    (other / "kept.txt").write_text("kept")
    (depth / "old.txt").write_text("old")
    export(shop, out, ("depth",))
    assert (other / "kept.txt").exists() and not (depth / "old.txt").exists()
    assert set(json.loads((depth / "card.json").read_text())["parts"]) == {"depth"}
    assert not [path for path in out.rglob("*") if path.suffix in {".bin", ".pt", ".ckpt", ".pkl"}]


def test_an_unknown_member_is_refused(shop: Workshop, out: Path) -> None:
    with pytest.raises(UsageError, match="mini-4"):
        export(shop, out, ("mini-4",))


def test_a_card_names_the_prior(tmp_path: Path) -> None:
    readme(tmp_path, "2.2, decoder", "A decoder", "../prior")
    assert "\nprior:\n- ../prior\n" in (tmp_path / "README.md").read_text()
