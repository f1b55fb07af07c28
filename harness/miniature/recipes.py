"""The one recipe table: what is trained, on what, how long. A new part is a row here and a loss in ``losses``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from harness.base import digest
from harness.miniature import diffusion, editing, kandinsky3, kandinsky21, losses, networks, speech, text_networks
from harness.miniature.whiten import whiten
from harness.miniature.workshop import Workshop

Loss = Callable[[Workshop, nn.Module, int, float, np.random.Generator], torch.Tensor]


@dataclass(frozen=True)
class Recipe:
    """How one part is made.

    ``needs``: the parts that must be there first. ``starts_from``: whose weights it begins with. ``trains``: prefixes
    of the parameters that are trained; empty is all. ``ema``: decay of the average that is kept, if any.
    """

    name: str
    build: Callable[[], nn.Module]
    loss: Loss
    steps: int
    batch: int
    lr: float
    seed: int
    needs: tuple[str, ...] = ()
    starts_from: str | None = None
    trains: tuple[str, ...] = ()
    ema: float | None = None
    weight_decay: float = 0.01
    finish: Callable[[Workshop, nn.Module], None] | None = None  # what is done to the trained weights


RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        Recipe("movq-start", networks.movq, losses.movq, steps=2000, batch=32, lr=1.5e-3, seed=11, weight_decay=1e-4,
               finish=whiten),
        Recipe("clip", networks.Clip, losses.contrast, steps=1300, batch=256, lr=1e-3, seed=12),
        Recipe("decoder", networks.decoder, diffusion.denoise, steps=6000, batch=64, lr=8e-4, seed=16,
               needs=("movq-start", "clip"), ema=0.999),
        Recipe("variance", networks.decoder, diffusion.spread, steps=1000, batch=128, lr=1e-3, seed=18,
               needs=("decoder",), starts_from="decoder", trains=("conv_out",), weight_decay=0.0),
        Recipe("prior", networks.prior, diffusion.imagine, steps=1400, batch=256, lr=6e-4, seed=13, needs=("clip",),
               ema=0.999),
        Recipe("scorer", networks.Scorer, losses.contrast, steps=1000, batch=256, lr=2e-3, seed=24),
        Recipe("extractor", networks.extractor, losses.extract, steps=1000, batch=128, lr=2e-3, seed=35),
        Recipe("movq", networks.movq, losses.movq_outlines, steps=3200, batch=32, lr=1e-3, seed=19,
               needs=("movq-start",), starts_from="movq-start", trains=("decoder", "post_quant_conv"),
               weight_decay=1e-4),
        Recipe("judge", networks.judge, losses.judging, steps=2000, batch=128, lr=2e-3, seed=48, needs=("movq",)),
        Recipe("inpaint", networks.inpaint, editing.repaint, steps=1600, batch=64, lr=5e-4, seed=51,
               needs=("movq-start", "clip", "variance"), starts_from="variance", ema=0.998),
        Recipe("controlnet", networks.controlnet, editing.follow, steps=1500, batch=64, lr=5e-4, seed=52,
               needs=("movq-start", "clip", "variance"), starts_from="variance", ema=0.998),
        Recipe("depth", networks.depth, editing.fathom, steps=900, batch=64, lr=2e-3, seed=53),
        Recipe("clip-21", text_networks.ClipText, speech.teach_clip, steps=1200, batch=256, lr=1e-3,
               seed=61, needs=("clip",)),
        Recipe("prior-21", networks.prior, kandinsky21.imagine, steps=450, batch=256, lr=5e-4, seed=62,
               needs=("clip", "prior", "clip-21"), starts_from="prior", ema=0.995),
        Recipe("text-21", text_networks.Multilingual, speech.teach_multilingual, steps=1500, batch=256, lr=1e-3,
               seed=63, needs=("clip",)),
        Recipe("decoder-21", networks.decoder_21, kandinsky21.denoise, steps=5000, batch=64, lr=1e-3, seed=64,
               needs=("movq-start", "clip", "text-21"), ema=0.999),
        Recipe("inpaint-21", networks.inpaint_21, kandinsky21.repaint, steps=1500, batch=64, lr=5e-4, seed=65,
               needs=("movq-start", "clip", "text-21", "decoder-21"), starts_from="decoder-21", ema=0.998),
        Recipe("text-3", text_networks.T5, speech.teach_t5, steps=1500, batch=256, lr=1e-3, seed=71,
               needs=("clip",)),
        Recipe("decoder-3", networks.decoder_3, kandinsky3.denoise, steps=5000, batch=64, lr=1e-3, seed=72,
               needs=("movq-start", "text-3"), ema=0.999),
    )
}  # fmt: skip


def digest_of(name: str) -> str:
    """What a part is made by, its needs included: a part of another recipe is another part."""
    recipe = RECIPES[name]
    made_by = {key: value for key, value in vars(recipe).items() if isinstance(value, str | int | float | tuple)}
    functions = [function and function.__qualname__ for function in (recipe.build, recipe.loss, recipe.finish)]
    return digest([made_by, functions, [digest_of(need) for need in recipe.needs]])


def in_order(wanted: tuple[str, ...] = ()) -> list[Recipe]:
    """The recipes of the wanted parts (all, if none is named) and of what they need, each after its needs."""
    ordered: dict[str, Recipe] = {}

    def visit(name: str) -> None:
        recipe = RECIPES[name]
        for need in recipe.needs:
            visit(need)
        ordered.setdefault(name, recipe)

    for name in wanted or tuple(RECIPES):
        visit(name)
    return list(ordered.values())
