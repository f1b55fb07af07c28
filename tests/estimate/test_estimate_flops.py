"""Work is counted as a person with the configuration and a pencil counts it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from estimate import by_hand
from estimate.cases import footprint_of, full_case, mini_case

from harness.estimate.flops import Flops
from harness.pipelines.full_size import MOVQ, UNET_22
from harness.plan.footprint import Case

BAR = 0.02


def counted(run: Callable[[], Any]) -> int:
    with torch.no_grad(), Flops() as flops:
        run()
    return flops.total


def test_single_operations_have_their_textbook_counts() -> None:
    picture = torch.zeros(2, 6, 8, 10)
    assert counted(lambda: torch.nn.Conv2d(6, 4, 3, padding=1)(picture)) == 2 * (2 * 8 * 10) * 4 * 6 * 9
    assert counted(lambda: torch.nn.Conv2d(6, 4, 3, groups=2)(picture)) == 2 * (2 * 6 * 8) * 4 * 3 * 9
    assert counted(lambda: torch.nn.Conv2d(6, 4, 3, stride=2, padding=1)(picture)) == 2 * (2 * 4 * 5) * 4 * 6 * 9
    assert counted(lambda: torch.nn.ConvTranspose2d(6, 4, 2, stride=2)(picture)) == 2 * (2 * 8 * 10) * 4 * 6 * 4
    assert counted(lambda: torch.nn.Linear(5, 7)(torch.zeros(3, 11, 5))) == 2 * 3 * 11 * 5 * 7
    assert counted(lambda: torch.nn.Linear(5, 7, bias=False)(torch.zeros(3, 5))) == 2 * 3 * 5 * 7
    assert counted(lambda: torch.zeros(4, 2, 3) @ torch.zeros(4, 3, 5)) == 4 * 2 * 2 * 3 * 5
    assert counted(lambda: picture * 2 + picture.softmax(1)) == 0, "what works element by element is left out"


@pytest.mark.parametrize("masked", [False, True])
def test_attention_is_two_products_whatever_the_kernel(masked: bool) -> None:
    query, key, value = torch.zeros(2, 3, 10, 8), torch.zeros(2, 3, 14, 8), torch.zeros(2, 3, 14, 8)
    mask = torch.ones(10, 14, dtype=torch.bool) if masked else None
    wanted = 2 * 3 * (2 * 10 * 14 * 8 + 2 * 10 * 14 * 8)
    attend = torch.nn.functional.scaled_dot_product_attention
    assert counted(lambda: attend(query, key, value, attn_mask=mask)) == wanted
    scores = lambda: (query @ key.transpose(-1, -2)).softmax(-1) @ value  # noqa: E731
    assert counted(scores) == wanted


def _config(case: Case, part: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(dict(case.parts)[part]) / name / "config.json").read_text())  # type: ignore[call-overload]
    return found


@pytest.mark.parametrize("batch", [1, 3])
def test_the_miniature_is_what_the_pencil_says(batch: int) -> None:
    case = mini_case("2.2", batch=batch)
    stages = {stage.name: stage.flops for stage in footprint_of(case).stages}
    wanted = {
        "prior: prompt": 2 * by_hand.clip_text(_config(case, "prior", "text_encoder"), batch),
        "prior: step": by_hand.prior_transformer(_config(case, "prior", "prior"), 2 * batch),
        "decoder: step": by_hand.unet_22(_config(case, "decoder", "unet"), 2 * batch, 8, 8),
        "decoder: decode": by_hand.movq_decoder(_config(case, "decoder", "movq"), batch, 8, 8),
    }
    for name, flops in wanted.items():
        assert stages[name] == pytest.approx(flops, rel=BAR), name


@pytest.mark.parametrize("side", [256, 768])
def test_the_real_size_is_what_the_pencil_says(side: int) -> None:
    stages = {stage.name: stage.flops for stage in footprint_of(full_case("2.2", "bfloat16", side=side)).stages}
    latent = side // 8
    assert stages["decoder: step"] == pytest.approx(by_hand.unet_22(UNET_22, 2, latent, latent), rel=BAR)
    assert stages["decoder: decode"] == pytest.approx(by_hand.movq_decoder(MOVQ, 1, latent, latent), rel=BAR)
    known = {"num_attention_heads": 32, "attention_head_dim": 64, "num_layers": 20, "embedding_dim": 1280,
             "num_embeddings": 77}  # fmt: skip
    assert stages["prior: step"] == pytest.approx(by_hand.prior_transformer(known, 2), rel=BAR)


def test_without_guidance_the_decoder_works_half() -> None:
    with_it, without = (footprint_of(mini_case("2.2", guided=guided)).step_flops for guided in (True, False))
    assert with_it == pytest.approx(2 * without, rel=1e-3)
