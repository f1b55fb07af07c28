"""What each part is trained to do: one function a part, from a batch to a number to make smaller."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from harness.miniature.workshop import Workshop

_LATENT_NOISE = 0.05
_ROUGH_NOISE = 0.15  # what a sampler leaves in a latent, at most
_PULL = 0.01
_OUTLINES = 0.3
_EDGE = 0.1  # of [-1, 1] between neighbouring pixels: far above the gradient of a background


def rows(shop: Workshop, n: int, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Rows of the training set, drawn evenly."""
    return rng.integers(0, len(shop.pictures.pixels), n)


def movq(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """Pictures back from slightly noisy latents that are lightly pulled to unit variance."""
    del progress
    pictures = shop.pictures.tensor(rows(shop, batch, rng))
    latents = model.encode(pictures).latents
    noisy = latents + _LATENT_NOISE * torch.randn_like(latents)
    loss = _likeness(model.decode(noisy, force_not_quantize=True).sample, pictures)
    channels = latents.transpose(0, 1).flatten(1)
    pull: torch.Tensor = _PULL * (channels.mean(1).square() + (channels.std(1) - 1).square()).mean()
    return loss + pull


def movq_outlines(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The decoding half alone, from the other half's latents made noisy.

    A small or pale shape's outline is as dear as a large one's; by the plain error it would be let go.
    """
    del progress
    which = rows(shop, batch, rng)
    latents, wanted = shop.latents[which], shop.pictures.tensor(which)
    noisy = latents + _ROUGH_NOISE * torch.rand(batch, 1, 1, 1) * torch.randn_like(latents)
    made = model.decode(noisy, force_not_quantize=True).sample
    return _likeness(made, wanted) + _OUTLINES * _outline_error(made, wanted)


def _outline_error(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Mean error near each picture's outlines, relative to the contrast that the outline has."""
    steep = F.max_pool2d(wanted, 3, 1, 1) + F.max_pool2d(-wanted, 3, 1, 1)
    steep = steep.amax(1, keepdim=True)
    near = F.max_pool2d((steep > _EDGE).float(), 3, 1, 1)
    contrast = steep.amax((2, 3), keepdim=True).clamp(min=_EDGE)
    error = ((made - wanted).abs().mean(1, keepdim=True) / contrast * near).sum((1, 2, 3))
    relative: torch.Tensor = error / near.sum((1, 2, 3)).clamp(min=1)
    return relative.mean()


def _likeness(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    return F.l1_loss(made, wanted) + F.mse_loss(made, wanted)


def contrast(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """First the attributes by heads, then pictures against captions that share their colours.

    In a batch of eight colour pairs colours tell little apart, so that shape, size and place must be learnt.
    """
    which = _hard_batch(shop, batch, rng)
    images = model.images(shop.pictures.tensor(which))
    texts = model.texts(shop.tokens[shop.pictures.which[which]])
    truth = shop.pictures.attributes[torch.from_numpy(which)]
    loss = attribute_errors([head(images) for head in model.heads], truth)
    loss = loss + attribute_errors([head(texts) for head in model.heads], truth)
    if progress < 0.25:
        return loss
    scale = model.temperature.clamp(max=math.log(100.0)).exp()
    logits = scale * F.normalize(images, dim=1) @ F.normalize(texts, dim=1).T
    captions = torch.from_numpy(shop.pictures.which[which])
    same = (captions[:, None] == captions[None]).float()
    wanted = same / same.sum(1, keepdim=True)
    return 0.2 * loss + (F.cross_entropy(logits, wanted) + F.cross_entropy(logits.T, wanted)) / 2


def _hard_batch(shop: Workshop, batch: int, rng: np.random.Generator, pairs: int = 8) -> Any:
    groups = shop.pictures.by_colours
    chosen = rng.choice(len(groups), pairs, replace=False)
    return np.concatenate([rng.choice(groups[i], batch // pairs, replace=False) for i in chosen])


def attribute_errors(logits: list[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
    """Cross entropies of the five heads, added; truth is (n, 5)."""
    losses = [F.cross_entropy(one, truth[:, i]) for i, one in enumerate(logits)]
    return torch.stack(losses).sum()


def extract(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The attributes, through blur and noise."""
    del progress
    which = rows(shop, batch, rng)
    pictures = roughened(shop.pictures.tensor(which))
    return attribute_errors(model.logits(pictures), shop.pictures.attributes[torch.from_numpy(which)])


def judging(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The same, half of the pictures having gone through the MoVQ."""
    del progress
    half = batch // 2
    plain, passed = rows(shop, half, rng), rng.integers(0, len(shop.round_trips), half)
    pictures = torch.cat([shop.pictures.tensor(plain), shop.round_trips[passed].float()])
    truth = shop.pictures.attributes[torch.from_numpy(np.concatenate([plain, passed]))]
    return attribute_errors(model.logits(roughened(pictures)), truth)


def roughened(pictures: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) in [-1, 1] → [0, 1], every other one blurred, each with noise of its own strength."""
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    mixed = torch.where((torch.arange(len(pictures)) % 2 == 0)[:, None, None, None], pictures, blurred)
    strength = 0.08 * torch.rand(len(pictures), 1, 1, 1)
    return ((mixed + 2 * strength * torch.randn_like(mixed)) * 0.5 + 0.5).clamp(0, 1)
