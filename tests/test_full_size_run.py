"""The full-size session's own steps, on a small network of the same kind: the real one takes minutes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.full_size import BAR_BYTES, Made, make, record, save

from harness.catalog.models_page import text
from harness.errors import HarnessError
from harness.measure.environment import machine

SMALL: dict[str, Any] = {"block_out_channels": (32, 64, 64, 64), "layers_per_block": 1, "attention_head_dim": 16}
SMALL_MOVQ: dict[str, Any] = {"block_out_channels": (32, 32, 64, 64), "layers_per_block": 1}


@pytest.fixture(scope="module")
def decoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the real configuration's kind, with narrow layers."""
    from harness.pipelines.full_size import MOVQ, UNET_22

    folder = tmp_path_factory.mktemp("full-size") / "decoder"
    save(folder, {**UNET_22, **SMALL}, {**MOVQ, **SMALL_MOVQ})
    return folder


def test_random_weights_go_through_the_harness_and_make_a_picture(decoder: Path) -> None:
    from safetensors import safe_open

    made = make(decoder, 64)
    counted = 0
    for path in decoder.rglob("*.safetensors"):
        with safe_open(path, "pt") as weights:
            kept = [weights.get_tensor(name) for name in weights.keys()]  # noqa: SIM118  # it is no dict
        assert {str(tensor.dtype) for tensor in kept} == {"torch.bfloat16"}
        counted += sum(tensor.numel() for tensor in kept)
    assert made.parameters == counted > 0 and made.spread > 1 and min(made.load_s, made.steps_s) > 0


def test_weights_that_explode_are_told(decoder: Path, tmp_path: Path) -> None:
    """The session would not pass on pictures that are no numbers."""
    import torch
    from diffusers import KandinskyV22Pipeline

    pipeline = KandinskyV22Pipeline.from_pretrained(decoder, dtype=torch.bfloat16)
    pipeline.unet.conv_in.weight.data.fill_(torch.inf)
    pipeline.save_pretrained(tmp_path / "decoder")
    with pytest.raises(HarnessError, match="number"):
        make(tmp_path / "decoder", 64)


def test_the_record_goes_onto_the_page() -> None:
    page = text(record(Made(1_320_889_783, 3.0, 40.0, 51.23), 2_641_800_000, 5 * 2**30, machine()))
    assert "| parameters | 1,320,889,783 |" in page and "| bytes of its files | 2.64 GB |" in page
    assert "| loading | 3.0 s |" in page and "| 2 steps at 256×256 | 40.0 s |" in page
    assert "| peak resident memory | 5.00 GiB (bar: under 24 GiB) |" in page and "spread by 51.2 of 255" in page
    assert BAR_BYTES == 24 * 2**30
