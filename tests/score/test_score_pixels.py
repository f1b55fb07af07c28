"""Sources and masks are brought to a picture's size exactly as diffusers' inpainting brings them."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from harness.catalog.weights import WEIGHTS
from harness.score.features import View, load_feature_maker
from harness.score.pixels import repainted, source_pixels


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


def soft_mask(width: int, height: int) -> Image.Image:
    """A disc whose edge passes through every level."""
    y, x = np.mgrid[:height, :width]
    far = np.hypot(x - width / 2, y - height / 2) * 256 / max(width, height)
    return Image.fromarray(np.clip(255 - far * 3 + 100, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("given", [(64, 64), (200, 120), (48, 80)])
def test_they_are_what_the_pipelines_work_with(given: tuple[int, int]) -> None:
    from diffusers.pipelines.kandinsky2_2.pipeline_kandinsky2_2_inpainting import prepare_mask_and_masked_image

    image, mask = noise(*given), soft_mask(*given)
    kept, pixels = prepare_mask_and_masked_image(image, mask, height=64, width=96)
    theirs = ((pixels[0].permute(1, 2, 0).numpy() + 1) * 127.5).round().astype(np.uint8)
    assert np.array_equal(source_pixels(image, (96, 64)), theirs)
    assert np.array_equal(repainted(mask, (96, 64)), kept[0, 0].numpy() == 0)


def test_a_masks_middle_is_repainted_from_half_on() -> None:
    mask = Image.fromarray(np.array([[127, 128]], dtype=np.uint8))
    assert repainted(mask, (2, 1)).tolist() == [[False, True]]


def test_an_error_is_measured_at_the_pictures_size() -> None:
    image, mask = noise(256, 256), Image.fromarray(np.pad(np.full((32, 32), 255, np.uint8), 112))
    pixels = source_pixels(image, (128, 128)).clip(0, 250)
    picture = Image.fromarray(pixels + np.uint8(5))
    made = load_feature_maker(WEIGHTS["pixels"], "cpu")(
        [
            View(picture, "", image=Image.fromarray(pixels), mask=mask),
            View(picture, "", image=Image.fromarray(pixels)),
            View(picture, "", mask=mask),
            View(Image.fromarray(source_pixels(image, (128, 128))), "", image=image, mask=mask.convert("RGB")),
        ]
    )
    assert made["outside"].tolist() == pytest.approx([5.0, np.nan, np.nan, 0.0], nan_ok=True)
    assert made["edge"].tolist() == pytest.approx([5.0, np.nan, np.nan, 0.0], nan_ok=True)


def test_likeness_to_the_source_leaves_out_the_mask_and_its_ring() -> None:
    source = noise(128, 128).resize((128, 128))
    levels = np.asarray(source).copy()
    levels[48:80, 48:80] = 255 - levels[48:80, 48:80]
    mask = Image.fromarray(np.pad(np.full((32, 32), 255, np.uint8), 48))
    made = load_feature_maker(WEIGHTS["pixels"], "cpu")(
        [
            View(Image.fromarray(levels), "", image=source, mask=mask),
            View(Image.fromarray(levels), "", image=source),
            View(Image.fromarray(levels), ""),
        ]
    )
    assert made["ssim"].tolist() == [
        pytest.approx(1.0),
        pytest.approx(0.89, abs=0.05),
        pytest.approx(np.nan, nan_ok=True),
    ]
    assert made["psnr"][0] == np.inf and 5 < made["psnr"][1] < 20 and np.isnan(made["psnr"][2])
