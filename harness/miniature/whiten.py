"""Give a trained MoVQ latents of mean 0 and variance 1 without changing a picture.

The pipelines of 2.2 use latents unscaled, so the scale must be inside the model: an affine map of each latent channel
is folded into the last layer of the encoding half, and its inverse into every layer that reads latents (all are 1×1).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import SpatialNorm

from harness.miniature.workshop import Workshop

_SAMPLE = 2_000
_CHUNK = 100


@torch.no_grad()
def whiten(shop: Workshop, movq: Any) -> None:
    """Fold the latents' mean and deviation, seen on training pictures, into the MoVQ in place."""
    rows = np.arange(min(_SAMPLE, len(shop.pictures.pixels)))
    chunks = (rows[i : i + _CHUNK] for i in range(0, len(rows), _CHUNK))
    latents = torch.cat([movq.encode(shop.pictures.tensor(chunk)).latents for chunk in chunks])
    channels = latents.transpose(0, 1).flatten(1)
    fold(movq, channels.mean(1), channels.std(1))


@torch.no_grad()
def fold(movq: Any, mean: torch.Tensor, std: torch.Tensor) -> None:
    """Latents become ``(z - mean) / std``; (4,) each."""
    movq.quant_conv.weight.div_(std[:, None, None, None])
    movq.quant_conv.bias.sub_(mean).div_(std)
    readers = [movq.post_quant_conv]
    for module in movq.decoder.modules():
        if isinstance(module, SpatialNorm):
            readers += [module.conv_y, module.conv_b]
    for reader in readers:
        reader.bias.add_((reader.weight * mean[None, :, None, None]).sum((1, 2, 3)))
        reader.weight.mul_(std[None, :, None, None])
