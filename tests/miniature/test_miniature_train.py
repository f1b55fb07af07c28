"""The table and the loop: every need is met, and a stopped training goes on to the same weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from harness.catalog.world import scenes
from harness.errors import UsageError
from harness.miniature.data import Pictures, drawn
from harness.miniature.losses import _outline_error
from harness.miniature.networks import movq
from harness.miniature.recipes import RECIPES, Recipe, in_order
from harness.miniature.train import rate, train
from harness.miniature.verb import build
from harness.miniature.whiten import fold
from harness.miniature.workshop import Workshop


def _quiet(_: str) -> None:
    """Says nothing."""


@pytest.fixture
def pictures() -> Pictures:
    """A few training pictures, two of each caption at least."""
    torch.set_num_threads(1)
    return drawn([scene for scene in scenes() if not scene.held_out()][:4], 64, seed=6)


def _shop(folder: Path, pictures: Pictures) -> Workshop:
    shop = Workshop(folder)
    shop.__dict__["pictures"] = pictures  # in place of the thirty thousand
    return shop


def test_every_part_comes_after_what_it_needs() -> None:
    done: set[str] = set()
    for recipe in in_order():
        assert set(recipe.needs) <= done, recipe.name
        assert recipe.starts_from is None or recipe.starts_from in recipe.needs
        done.add(recipe.name)
    assert done == set(RECIPES)


def test_a_part_brings_what_it_needs_and_nothing_else() -> None:
    assert [recipe.name for recipe in in_order(("prior",))] == ["clip", "prior"]


def test_seeds_are_not_shared() -> None:
    assert len({recipe.seed for recipe in RECIPES.values()}) == len(RECIPES)


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unet"):
        build(tmp_path, ("unet",))


def _short(name: str) -> Recipe:
    return replace(RECIPES[name], steps=4, batch=8, ema=0.9)


def test_a_stopped_training_ends_in_the_same_weights(tmp_path: Path, pictures: Pictures) -> None:
    recipe = _short("extractor")
    whole = train(recipe, _shop(tmp_path / "whole", pictures), _quiet)
    stopped = _shop(tmp_path / "stopped", pictures)
    assert not train(recipe, stopped, _quiet, until=2).exists()
    resumed = train(recipe, stopped, _quiet)
    one, other = load_file(whole), load_file(resumed)
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


def test_another_seed_ends_elsewhere(tmp_path: Path, pictures: Pictures) -> None:
    recipe = _short("extractor")
    one = load_file(train(recipe, _shop(tmp_path / "one", pictures), _quiet))
    other = load_file(train(replace(recipe, seed=99), _shop(tmp_path / "other", pictures), _quiet))
    assert not all(torch.equal(one[key], other[key]) for key in one)


def test_only_the_named_weights_are_trained(tmp_path: Path, pictures: Pictures) -> None:
    shop = _shop(tmp_path, pictures)
    first = train(replace(_short("movq-start"), ema=None), shop, _quiet)
    before = load_file(first)
    after = load_file(train(replace(_short("movq"), ema=None), shop, _quiet))
    moved = {key for key in before if not torch.equal(before[key], after[key])}
    assert moved and all(key.startswith(("decoder", "post_quant_conv")) for key in moved)
    with safe_open(shop.part_file("movq"), framework="pt") as file:
        assert '"steps": 4' in file.metadata()["facts"]


def test_the_rate_rises_then_falls_to_nothing() -> None:
    rates = [rate(step, 1_000) for step in range(1_001)]
    assert rates[0] < rates[99] > rates[500] > rates[999] > rates[1_000] - 1e-12
    assert rates[1_000] == pytest.approx(0, abs=1e-12)


def test_whitening_changes_the_latents_and_no_picture() -> None:
    torch.manual_seed(0)
    model, pixels = movq().eval(), torch.rand(2, 3, 64, 64) * 2 - 1
    mean, std = torch.tensor([0.5, -1.0, 2.0, 0.0]), torch.tensor([2.0, 0.5, 3.0, 1.0])
    with torch.inference_mode():
        before = model.encode(pixels).latents
        shown = model.decode(before, force_not_quantize=True).sample
    fold(model, mean, std)
    with torch.inference_mode():
        after = model.encode(pixels).latents
        again = model.decode(after, force_not_quantize=True).sample
    wanted = (before - mean[None, :, None, None]) / std[None, :, None, None]
    torch.testing.assert_close(after, wanted, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(again, shown, rtol=1e-3, atol=1e-3)


def test_a_lost_small_shape_is_as_dear_as_a_lost_large_one(pictures: Pictures) -> None:
    """The plain error of a missing shape grows with its area; the outline's must not."""
    wanted = torch.full((2, 3, 64, 64), -1.0)
    wanted[0, :, 28:36, 28:36], wanted[1, :, 16:48, 16:48] = 1.0, 1.0
    lost = torch.full_like(wanted, -1.0)
    small, large = (float(_outline_error(lost[i : i + 1], wanted[i : i + 1])) for i in (0, 1))
    assert small == pytest.approx(large, rel=0.2)
    assert float(_outline_error(wanted, wanted)) == 0


def test_another_recipe_is_another_part(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of what it needs as well: a decoder of other latents is another decoder; a scorer is not."""
    names = ("movq-start", "decoder", "variance", "scorer")
    before = [Workshop(tmp_path).part_file(name) for name in names]
    monkeypatch.setitem(RECIPES, "movq-start", replace(RECIPES["movq-start"], steps=7))
    after = [Workshop(tmp_path).part_file(name) for name in names]
    assert [one == other for one, other in zip(before, after, strict=True)] == [False, False, False, True]
