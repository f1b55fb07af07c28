"""What the parts are trained to do that change or follow another picture: inpainting, ControlNet, the depth model."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from harness.miniature import holes
from harness.miniature.data import Ints, Pictures
from harness.miniature.diffusion import Seen, dropped, levels, look, strided_variance
from harness.miniature.losses import roughened
from harness.miniature.workshop import Workshop

_REPLACE, _COMPLETE, _INVENT = range(3)
_SHARES = (0.55, 0.35, 0.10)
_ELSEWHERE = 0.5  # share of conditions that show the thing at another place
_OUTSIDE = 0.2  # weight of what is kept: it is given, and pasted back where a pipeline does so
_HINT_NOISE = 0.04


def repaint(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """2.2's inpainting: noise to be told from latents, the kept part of the source's latents and the mask."""
    del progress
    case = cases(shop, batch, rng)
    embeds = dropped(shop.embeds[case.shown], shop.zero_embed)

    def predict(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = model(case.beside(noisy), t, None, added_cond_kwargs={"image_embeds": embeds}).sample
        return out

    t = levels(batch)
    return repainting_loss(look(predict, case.latents, t), t, case)


class Case:
    """A batch of things to repaint.

    ``wanted`` and ``shown`` are rows of the training set: what shall be in the hole, and whose embedding says so.
    """

    def __init__(self, shop: Workshop, wanted: Ints, shown: Ints, source: torch.Tensor, mask: torch.Tensor) -> None:
        self.wanted, self.shown, self.mask = wanted, shown, mask
        self.kept = source * mask
        self.latents = self.kept + shop.latents[wanted] * (1 - mask)

    def beside(self, noisy: torch.Tensor) -> torch.Tensor:
        """(n, 4, 8, 8) → (n, 9, 8, 8), in the pipelines' order."""
        return torch.cat([noisy, self.kept, self.mask], dim=1)


def cases(shop: Workshop, batch: int, rng: np.random.Generator) -> Case:
    """Things to repaint, of three kinds.

    *Replace*: the hole holds the whole wanted shape, the source shows another shape (or none) on the same background,
    hidden by the hole or not. In every other of these the embedding is of a like shape at a place outside the hole, so
    that the hole decides where the shape goes. *Complete*: the source is the wanted picture, cut anywhere. *Invent*:
    all is hidden.
    """
    wanted = rng.integers(0, len(shop.source_latents), batch)
    kind = rng.choice(3, batch, p=_SHARES)
    rectangles = np.select(
        [kind[:, None] == _REPLACE, kind[:, None] == _COMPLETE],
        [holes.around(shop.pictures.layout.boxes[wanted], rng), holes.anywhere(batch, rng)],
        holes.everything(batch),
    )
    like = elsewhere(shop.pictures, wanted, rng)
    moved = (kind == _REPLACE) & (rng.random(batch) < _ELSEWHERE) & ~_within(shop.pictures, like, rectangles)
    replaced = torch.from_numpy(kind == _REPLACE)[:, None, None, None]
    source = torch.where(replaced, shop.source_latents[wanted], shop.latents[wanted])
    return Case(shop, wanted, np.where(moved, like, wanted), source, holes.kept(holes.white(rectangles)))


def _within(pictures: Pictures, rows: Ints, rectangles: Ints) -> Any:
    """(n,) whether the middle of each row's shape lies in its rectangle."""
    middle = pictures.layout.centre[rows]
    return ((middle >= rectangles[:, :2]) & (middle < rectangles[:, 2:])).all(1)


def elsewhere(pictures: Pictures, rows: Ints, rng: np.random.Generator) -> Ints:
    """For each row one that shows the same shape, colours and size at another place; itself where there is none."""
    place = pictures.attributes[:, 4].numpy()
    found = rows.copy()
    for i, row in enumerate(rows):
        others = pictures.alike[row]
        others = others[place[others] != place[row]]
        if len(others):
            found[i] = rng.choice(others)
    return found


def repainting_loss(seen: Seen, t: torch.Tensor, case: Case) -> torch.Tensor:
    """The noise, in the hole above all, and the variance."""
    weight = _OUTSIDE + (1 - _OUTSIDE) * (1 - case.mask)
    error = (seen.predicted - seen.noise).square() * weight
    return error.mean() + strided_variance(seen, t)


def follow(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """ControlNet: the depth map says where; half of the embeddings are of a like picture with another place."""
    del progress
    wanted = rng.integers(0, len(shop.depth_maps), batch)
    moved = rng.random(batch) < _ELSEWHERE
    shown = np.where(moved, elsewhere(shop.pictures, wanted, rng), wanted)
    embeds, hint = dropped(shop.embeds[shown], shop.zero_embed), hints(shop.depth_maps[wanted])
    condition = {"image_embeds": embeds, "hint": hint}

    def predict(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = model(noisy, t, None, added_cond_kwargs=condition).sample
        return out

    t = levels(batch)
    seen = look(predict, shop.latents[wanted], t)
    return F.mse_loss(seen.predicted, seen.noise) + strided_variance(seen, t)


def hints(maps: torch.Tensor) -> torch.Tensor:
    """(n, 64, 64) bytes → (n, 3, 64, 64): depth from 0 to 1, as an estimator's pipeline would give it.

    Every other one is blurred, each has noise of its own strength.
    """
    maps = stretched(maps.float())[:, None]
    blurred = F.avg_pool2d(F.pad(maps, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    mixed = torch.where((torch.arange(len(maps)) % 2 == 0)[:, None, None, None], maps, blurred)
    noise = _HINT_NOISE * torch.rand(len(maps), 1, 1, 1) * torch.randn_like(mixed)
    return (mixed + noise).clamp(0, 1).repeat(1, 3, 1, 1)


def stretched(maps: torch.Tensor) -> torch.Tensor:
    """(n, h, w) → each from 0 (farthest) to 1 (nearest)."""
    low, high = maps.amin((1, 2), keepdim=True), maps.amax((1, 2), keepdim=True)
    return (maps - low) / (high - low).clamp(min=1e-6)


def fathom(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The depth of pictures, some blurred, some noisy."""
    del progress
    which = rng.integers(0, len(shop.depth_maps), batch)
    pictures = roughened(shop.pictures.tensor(which)) * 2 - 1
    wanted = shop.depth_maps[which].float() / 255
    made = model(pixel_values=pictures).predicted_depth
    return F.l1_loss(made, wanted) + F.mse_loss(made, wanted)
