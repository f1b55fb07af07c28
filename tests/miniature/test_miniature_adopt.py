"""Shipped weights are taken into a workshop as they are, and only while their recipe is today's."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from harness.miniature.adopt import adopt
from harness.miniature.verb import WEIGHTS
from harness.miniature.workshop import Workshop


def test_a_workshop_begins_with_what_has_shipped(tmp_path: Path) -> None:
    shop, said = Workshop(tmp_path), []
    names = adopt(shop, WEIGHTS, said.append)
    assert {"movq", "clip", "prior", "variance", "scorer", "extractor", "judge"} <= set(names) and len(said) == len(
        names
    )
    shipped = load_file(WEIGHTS / "mini-2.2/decoder/unet/diffusion_pytorch_model.safetensors")
    adopted = load_file(shop.part_file("variance"))
    assert all(torch.equal(adopted[name], value.float()) for name, value in shipped.items())
    assert shop.part("clip").images(torch.zeros(1, 3, 64, 64)).shape == (1, 128)
    assert adopt(shop, WEIGHTS, said.append) == []  # what is there stays


@pytest.mark.parametrize("change", ["digest", "nothing"])
def test_a_part_of_another_recipe_is_left_out(tmp_path: Path, change: str) -> None:
    shutil.copytree(WEIGHTS / "judge", tmp_path / "weights" / "judge")
    card = tmp_path / "weights" / "judge" / "card.json"
    facts = json.loads(card.read_text())
    if change == "digest":
        facts["parts"]["judge"]["recipe_digest"] = "0" * 16
    card.write_text(json.dumps(facts))
    assert adopt(Workshop(tmp_path / "shop"), tmp_path / "weights", str) == ([] if change == "digest" else ["judge"])
