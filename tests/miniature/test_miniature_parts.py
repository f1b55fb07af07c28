"""Every part of the family beyond 2.2's own learns, and goes on to the same weights after a stop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from support.workshops import finish, quiet

from harness.miniature.recipes import RECIPES
from harness.miniature.train import begin, inherit, train
from harness.miniature.workshop import Workshop

PARTS = tuple(name for name, recipe in RECIPES.items() if recipe.seed > 50)


@pytest.mark.parametrize("name", PARTS)
def test_a_part_learns_a_fixed_batch(name: str, shop: Workshop) -> None:
    recipe = RECIPES[name]
    finish(shop, *recipe.needs)
    training = begin(recipe, shop)
    losses = []
    for _ in range(4):
        torch.manual_seed(1)
        loss = recipe.loss(shop, training.model, 8, 0.5, np.random.default_rng(1))
        training.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        training.optimizer.step()
        losses.append(float(loss.detach()))
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@pytest.mark.parametrize("name", PARTS)
def test_a_stopped_part_ends_in_the_same_weights(name: str, new_shop: Callable[..., Workshop]) -> None:
    recipe = replace(RECIPES[name], steps=2, batch=4)
    whole, stopped = new_shop("whole", recipe.needs), new_shop("stopped", recipe.needs)
    one = load_file(train(recipe, whole, quiet))
    assert not train(recipe, stopped, quiet, until=1).exists()
    other = load_file(train(recipe, stopped, quiet))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("name", [name for name in PARTS if RECIPES[name].starts_from == "variance"])
def test_a_fine_tune_begins_where_the_decoder_stopped(name: str, shop: Workshop) -> None:
    """The new inputs do nothing at first: whatever they are, the noise told is the decoder's."""
    finish(shop, *RECIPES[name].needs)
    model, parent = begin(RECIPES[name], shop).model.eval(), shop.part("variance")
    noisy, t, embeds = torch.randn(2, 4, 8, 8), torch.tensor([10, 900]), torch.randn(2, 128)
    more = [torch.randn(2, 5, 8, 8)] if name == "inpaint" else []
    with torch.inference_mode():
        condition = {"image_embeds": embeds, "hint": torch.rand(2, 3, 64, 64)}
        made = model(torch.cat([noisy, *more], 1), t, None, added_cond_kwargs=condition).sample
        wanted = parent(noisy, t, None, added_cond_kwargs=condition).sample
    torch.testing.assert_close(made, wanted, rtol=1e-4, atol=1e-5)


def test_weights_that_find_no_place_are_told() -> None:
    with pytest.raises(ValueError, match="weight"):
        inherit(torch.nn.Linear(2, 3), {"weight": torch.zeros(4, 2)})
