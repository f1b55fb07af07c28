"""What 3's UNet is trained to do: tell the noise from a text alone. It has no prior and no learned variance."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers import DDPMScheduler
from torch.nn import functional as F

from harness.miniature.diffusion import DROPPED, levels
from harness.miniature.losses import rows
from harness.miniature.workshop import Workshop

NOISE: dict[str, Any] = {
    "num_train_timesteps": 1000,
    "beta_schedule": "squaredcos_cap_v2",
    "beta_start": 0.00085,
    "beta_end": 0.02,
    "clip_sample": False,  # latents of unit variance reach far beyond 1
}


def denoise(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The noise. No text is, as in the pipeline, zeros under a mask of zeros as long as the longest text and one."""
    del progress
    which, speech = rows(shop, batch, rng), shop.speech("text-3")
    told = speech.in_some_language(shop.pictures.which[which], rng)
    kept = (torch.rand(batch) >= DROPPED).float()
    masks = speech.masks[told] * kept[:, None]
    latents, t = shop.latents[which], levels(batch)
    noise = torch.randn_like(latents)
    noisy = DDPMScheduler(**NOISE).add_noise(latents, noise, t)
    states = speech.states[told] * masks[..., None]
    made = model(noisy, t, encoder_hidden_states=states, encoder_attention_mask=masks).sample
    return F.mse_loss(made, noise)
