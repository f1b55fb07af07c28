"""What each part is trained to do: one function a part, from a batch to a number to make smaller."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler, UnCLIPScheduler
from torch import nn
from torch.nn import functional as F

from harness.miniature.workshop import Workshop

DROPPED = 0.1  # share of conditions replaced by the empty one, for classifier-free guidance
_LATENT_NOISE = 0.05
_PULL = 0.01

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
    return loss + _PULL * (channels.mean(1).square() + (channels.std(1) - 1).square()).mean()


def movq_finish(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The MoVQ's decoding half alone, on the latents that the frozen other half gave."""
    del progress
    which = rows(shop, batch, rng)
    latents = shop.latents[which]
    noisy = latents + _LATENT_NOISE * torch.randn_like(latents)
    return _likeness(model.decode(noisy, force_not_quantize=True).sample, shop.pictures.tensor(which))


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
    loss = _attributes([head(images) for head in model.heads], truth)
    loss = loss + _attributes([head(texts) for head in model.heads], truth)
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


def _attributes(logits: list[torch.Tensor], truth: torch.Tensor) -> torch.Tensor:
    losses = [F.cross_entropy(one, truth[:, i]) for i, one in enumerate(logits)]
    return torch.stack(losses).sum()


def extract(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The attributes, through blur and noise."""
    del progress
    which = rows(shop, batch, rng)
    pictures = roughened(shop.pictures.tensor(which))
    return _attributes(model.logits(pictures), shop.pictures.attributes[torch.from_numpy(which)])


def judging(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The same, half of the pictures having gone through the MoVQ."""
    del progress
    half = batch // 2
    plain, passed = rows(shop, half, rng), rng.integers(0, len(shop.round_trips), half)
    pictures = torch.cat([shop.pictures.tensor(plain), shop.round_trips[passed].float()])
    truth = shop.pictures.attributes[torch.from_numpy(np.concatenate([plain, passed]))]
    return _attributes(model.logits(roughened(pictures)), truth)


def roughened(pictures: torch.Tensor) -> torch.Tensor:
    """(n, 3, h, w) in [-1, 1] → [0, 1], every other one blurred, each with noise of its own strength."""
    blurred = F.avg_pool2d(F.pad(pictures, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    mixed = torch.where((torch.arange(len(pictures)) % 2 == 0)[:, None, None, None], pictures, blurred)
    strength = 0.08 * torch.rand(len(pictures), 1, 1, 1)
    return ((mixed + 2 * strength * torch.randn_like(mixed)) * 0.5 + 0.5).clamp(0, 1)


def denoise(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The hybrid loss of improved DDPM: the noise, and the variance by its variational bound.

    Source: A. Nichol and P. Dhariwal, Improved denoising diffusion probabilistic models, ICML 2021, eq. 15 and 16.
    """
    del progress
    which = rows(shop, batch, rng)
    latents, embeds = shop.latents[which], shop.embeds[which]
    dropped = torch.rand(batch) < DROPPED
    embeds = torch.where(dropped[:, None], shop.zero_embed, embeds)
    noise_schedule = DDPMScheduler(**DECODER_NOISE)
    t = torch.randint(0, 1000, (batch,))
    noise = torch.randn_like(latents)
    noisy = noise_schedule.add_noise(latents, noise, t)
    added = {"image_embeds": embeds}
    out = model(noisy, t, encoder_hidden_states=None, added_cond_kwargs=added).sample
    predicted, variance = out.chunk(2, dim=1)
    bound = _variance_bound(noise_schedule, latents, noisy, predicted.detach(), variance, t)
    return F.mse_loss(predicted, noise) + bound


def _variance_bound(
    schedule: Any, x0: torch.Tensor, xt: torch.Tensor, noise: torch.Tensor, variance: torch.Tensor, t: torch.Tensor
) -> torch.Tensor:
    """Mean divergence, in bits for each dimension, of the learned reverse step from the true posterior."""
    shape = (-1, 1, 1, 1)
    alphas = schedule.alphas_cumprod
    a, before = alphas[t].view(shape), torch.where(t > 0, alphas[(t - 1).clamp(min=0)], torch.tensor(1.0)).view(shape)
    beta = 1 - a / before
    spread = (beta * (1 - before) / (1 - a)).clamp(min=1e-20)
    floor = (schedule.betas[1] * (1 - alphas[0]) / (1 - alphas[1])).log()  # the first step's own is zero
    small = torch.maximum(spread.log(), floor)

    def mean(start: torch.Tensor) -> torch.Tensor:
        return (before.sqrt() * beta * start + (a / before).sqrt() * (1 - before) * xt) / (1 - a)

    guess = (xt - (1 - a).sqrt() * noise) / a.sqrt()
    share = (variance + 1) / 2
    log_variance = share * beta.log() + (1 - share) * small
    gap = (mean(x0) - mean(guess)).square() * (-log_variance).exp()
    divergence = 0.5 * (log_variance - small + (small - log_variance).exp() - 1 + gap)
    return divergence.mean() / math.log(2.0)


def imagine(shop: Workshop, model: nn.Module, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The prior: the normalised image embedding from its noisy form and the caption."""
    del progress
    which = rows(shop, batch, rng)
    captions = torch.from_numpy(shop.pictures.which[which])
    captions = torch.where(torch.rand(batch) < DROPPED, torch.tensor(len(shop.tokens) - 1), captions)
    wanted = (shop.embeds[which] - shop.embed_mean) / shop.embed_std
    t = torch.randint(0, 1000, (batch,))
    noisy = UnCLIPScheduler(**PRIOR_NOISE).add_noise(wanted, torch.randn_like(wanted), t)
    made = model(
        noisy,
        timestep=t,
        proj_embedding=shop.text_embeds[captions],
        encoder_hidden_states=shop.text_states[captions],
        attention_mask=shop.text_masks[captions],
    ).predicted_image_embedding
    return F.mse_loss(made, wanted)
