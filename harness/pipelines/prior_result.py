"""What the decoder needs of the prior, and how it is stored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from safetensors.torch import load, save


@dataclass(frozen=True)
class PriorResult:
    """One line a picture. A generator's state after the prior is part of it: the decoder draws on from there."""

    image_embeds: torch.Tensor  # (n, d)
    negative_image_embeds: torch.Tensor  # (n, d)
    generator_states: torch.Tensor  # (n, bytes), uint8, on the CPU


def prior_bytes(prior: PriorResult, made_in: str = "") -> bytes:
    """``prior`` as safetensors, embeddings in their own dtype; ``made_in`` (a run's id) goes into its metadata."""
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in vars(prior).items()}
    return bytes(save(tensors, metadata={"made_in": made_in}))


def prior_from(data: bytes) -> PriorResult:
    """The same from bytes, on the CPU."""
    return PriorResult(**load(data))
