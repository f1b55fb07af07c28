"""What 2.1's prior and decoders are trained to do: 2.2's tasks, told by texts in two languages besides."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from harness.miniature.data import Ints
from harness.miniature.diffusion import DROPPED, Predict, imagined, levels, look, strided_variance
from harness.miniature.editing import cases, repainting_loss
from harness.miniature.losses import rows
from harness.miniature.tokens import CONTEXT_21
from harness.miniature.workshop import Tensors, Workshop


def imagine(shop: Workshop, model: nn.Module, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The prior: as 2.2's, from 2.1's own text tower."""
    del progress
    which, speech = rows(shop, batch, rng), shop.speech("clip-21")
    told = speech.in_some_language(shop.pictures.which[which], rng)
    told = torch.where(torch.rand(batch) < DROPPED, torch.tensor(speech.empty), told)
    return imagined(shop, model, which, (speech.embeds[told], speech.states[told], speech.masks[told].bool()))


def denoise(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The decoder: the noise, and the variance by its bound."""
    del progress
    which = rows(shop, batch, rng)
    condition = conditions(shop, which, rng)
    t = levels(batch)
    seen = look(_predictor(model, condition), shop.latents[which], t)
    return F.mse_loss(seen.predicted, seen.noise) + strided_variance(seen, t)


def repaint(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """Inpainting: as 2.2's; this pipeline never pastes the source back, so that what is kept must be told too."""
    del progress
    case = cases(shop, batch, rng)
    predict = _predictor(model, conditions(shop, case.shown, rng))
    t = levels(batch)
    seen = look(lambda noisy, t: predict(case.beside(noisy), t), case.latents, t)
    return repainting_loss(seen, t, case)


def conditions(shop: Workshop, shown: Ints, rng: np.random.Generator) -> Tensors:
    """What a decoder is told of pictures: image and text together, or neither, which is the zero image's embedding and
    the empty text, as in the pipelines."""
    speech = shop.speech("text-21")
    drop = torch.rand(len(shown)) < DROPPED
    told = torch.where(drop, speech.empty, speech.in_some_language(shop.pictures.which[shown], rng))
    return {
        "image_embeds": torch.where(drop[:, None], shop.zero_embed, shop.embeds[shown]),
        "text_embeds": speech.embeds[told],
        "text_states": padded(speech.states[told]),
    }


def padded(states: torch.Tensor) -> torch.Tensor:
    """(n, length, width) → (n, 77, width): XLM-RoBERTa says the same at every place of padding."""
    return torch.cat([states, states[:, -1:].expand(-1, CONTEXT_21 - states.shape[1], -1)], dim=1)


def _predictor(model: Any, condition: Tensors) -> Predict:
    added = {name: condition[name] for name in ("image_embeds", "text_embeds")}

    def predict(noisy: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = model(noisy, t, condition["text_states"], added_cond_kwargs=added).sample
        return out

    return predict
