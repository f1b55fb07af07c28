"""What the diffusion parts are trained to do: the noise, the variance by its bound, and the prior's embedding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler, UnCLIPScheduler
from torch import nn
from torch.nn import functional as F

from harness.miniature.data import Ints
from harness.miniature.losses import rows
from harness.miniature.workshop import Workshop

DROPPED = 0.1  # share of conditions replaced by the empty one, for classifier-free guidance
_LONGEST_STRIDE = 50  # of 1000 noise levels: a sampler of 20 steps
_IN_RANGE = 100.0

DECODER_NOISE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "linear",
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "clip_sample": False,
}
PRIOR_NOISE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "variance_type": "fixed_small_log",
    "clip_sample": True,
    "clip_sample_range": 5.0,
    "prediction_type": "sample",
}

Predict = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""Noisy latents (n, 4, 8, 8) and noise levels (n,) → noise and variance, (n, 8, 8, 8)."""


@dataclass(frozen=True)
class Seen:
    """What a decoder makes of a noisy batch."""

    latents: torch.Tensor  # (n, 4, 8, 8), as the next three
    noise: torch.Tensor
    noisy: torch.Tensor
    predicted: torch.Tensor
    variance: torch.Tensor  # (n, 4, 8, 8): -1 is the lower end of the range, 1 the upper


def look(predict: Predict, latents: torch.Tensor, t: torch.Tensor) -> Seen:
    """Make latents noisy and ask for the noise."""
    noise = torch.randn_like(latents)
    noisy = DDPMScheduler(**DECODER_NOISE).add_noise(latents, noise, t)
    predicted, variance = predict(noisy, t).chunk(2, dim=1)
    return Seen(latents, noise, noisy, predicted, variance)


def levels(n: int) -> torch.Tensor:
    """(n,) noise levels, drawn evenly."""
    return torch.randint(0, 1000, (n,))


def dropped(embeds: torch.Tensor, empty: torch.Tensor) -> torch.Tensor:
    """(n, width): every tenth or so replaced by the empty condition (1, width)."""
    return torch.where((torch.rand(len(embeds)) < DROPPED)[:, None], empty, embeds)


def denoise(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The hybrid loss of improved DDPM: the noise, and the variance by its variational bound.

    Source: A. Nichol and P. Dhariwal, Improved denoising diffusion probabilistic models, ICML 2021, eq. 15 and 16.
    """
    del progress
    t = levels(batch)
    seen = _pictured(shop, model, t, rng)
    bound = _variance_bound(seen, t, torch.ones_like(t))
    return F.mse_loss(seen.predicted, seen.noise) + bound


def spread(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The variance alone. Half of the noise levels are low ones, where a value out of range would turn into noise."""
    del progress
    t = torch.cat([levels(batch // 2), torch.randint(0, _LONGEST_STRIDE, (batch - batch // 2,))])
    return strided_variance(_pictured(shop, model, t, rng), t)


def strided_variance(seen: Seen, t: torch.Tensor) -> torch.Tensor:
    """The variance by its bound over steps as long as a sampler's, and kept inside its range.

    The bound says little where the range is narrow, so that single values stray far outside it; a sampler's last step,
    whose lower end is next to nothing, would turn those into noise.
    """
    stride = torch.randint(1, _LONGEST_STRIDE + 1, (len(t),))
    share = (seen.variance + 1) / 2
    outside = F.relu(share - 1).square() + F.relu(-share).square()
    return _variance_bound(seen, t, stride) + _IN_RANGE * outside.mean()


def _pictured(shop: Workshop, model: Any, t: torch.Tensor, rng: np.random.Generator) -> Seen:
    """Latents with their own pictures' embeddings."""
    which = rows(shop, len(t), rng)
    embeds = dropped(shop.embeds[which], shop.zero_embed)

    def predict(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = model(noisy, t, None, added_cond_kwargs={"image_embeds": embeds}).sample
        return out

    return look(predict, shop.latents[which], t)


def _variance_bound(seen: Seen, t: torch.Tensor, stride: torch.Tensor) -> torch.Tensor:
    """Mean divergence, in bits for each dimension, of the learned reverse step from the true posterior.

    A step goes from noise level ``t`` to ``t - stride``; where that is below the first level, to no noise, and then
    counts only if its stride is one.
    """
    shape = (-1, 1, 1, 1)
    schedule = DDPMScheduler(**DECODER_NOISE)
    alphas, to = schedule.alphas_cumprod, t - stride
    a, before = alphas[t].view(shape), torch.where(to >= 0, alphas[to.clamp(min=0)], torch.tensor(1.0)).view(shape)
    beta = 1 - a / before
    posterior = (beta * (1 - before) / (1 - a)).clamp(min=1e-20)
    floor = (schedule.betas[1] * (1 - alphas[0]) / (1 - alphas[1])).log()  # the first step's own is zero
    small = torch.maximum(posterior.log(), floor)

    def mean(start: torch.Tensor) -> torch.Tensor:
        centre: torch.Tensor = before.sqrt() * beta * start + (a / before).sqrt() * (1 - before) * seen.noisy
        centre /= 1 - a
        return centre

    guess = (seen.noisy - (1 - a).sqrt() * seen.predicted.detach()) / a.sqrt()
    share = (seen.variance + 1) / 2
    log_variance = share * beta.log() + (1 - share) * small
    gap = (mean(seen.latents) - mean(guess)).square() * (-log_variance).exp()
    divergence: torch.Tensor = 0.5 * (log_variance - small + (small - log_variance).exp() - 1 + gap)
    counts = ((to >= 0) | (stride == 1)).float().view(shape)
    return (divergence * counts).mean() / math.log(2.0)


def imagine(shop: Workshop, model: nn.Module, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The prior: the normalised image embedding from its noisy form and the caption."""
    del progress
    which = rows(shop, batch, rng)
    captions = torch.from_numpy(shop.pictures.which[which])
    captions = torch.where(torch.rand(batch) < DROPPED, torch.tensor(len(shop.tokens) - 1), captions)
    told = shop.text_embeds[captions], shop.text_states[captions], shop.text_masks[captions]
    return imagined(shop, model, which, told)


def imagined(
    shop: Workshop, model: Any, which: Ints, told: tuple[torch.Tensor, torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """How far a prior's guess at pictures' embeddings is off; ``told``: text embeddings, hidden states and masks."""
    wanted = (shop.embeds[which] - shop.embed_mean) / shop.embed_std
    t = levels(len(which))
    noisy = UnCLIPScheduler(**PRIOR_NOISE).add_noise(wanted, torch.randn_like(wanted), t)
    embeds, states, masks = told
    made = model(noisy, timestep=t, proj_embedding=embeds, encoder_hidden_states=states, attention_mask=masks)
    return F.mse_loss(made.predicted_image_embedding, wanted)
