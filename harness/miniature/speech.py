"""What the text encoders of 2.1 and 3 are told, what they are taught, and what they say once they are finished."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from harness.catalog.world import LANGUAGES
from harness.miniature import tokens
from harness.miniature.data import Ints
from harness.miniature.losses import attribute_errors
from harness.miniature.workshop import Tensors, Workshop

_CHUNK = 500
_ATTRIBUTES = 0.2


@dataclass(frozen=True)
class Dialect:
    """How a text encoder is spoken to. ``length``: tokens of the longest caption, and one of padding."""

    tokenizer: Callable[[], Any]
    length: int
    languages: tuple[str, ...]


DIALECTS = {
    "clip-21": Dialect(lambda: tokens.tokenizer(LANGUAGES), tokens.CONTEXT, LANGUAGES),
    "text-21": Dialect(tokens.tokenizer_21, 14, LANGUAGES),
    "text-3": Dialect(tokens.tokenizer_3, 13, ("en",)),
}


class Speech:
    """The training captions in the dialect of one text encoder: language after language, the empty text last."""

    def __init__(self, shop: Workshop, part: str) -> None:
        self.shop, self.part, self.dialect = shop, part, DIALECTS[part]
        self.pool = shop.pictures.pool

    @cached_property
    def captions(self) -> list[str]:
        """All texts."""
        return [*(scene.caption(language) for language in self.dialect.languages for scene in self.pool), ""]

    @property
    def empty(self) -> int:
        """The row of the empty text."""
        return len(self.captions) - 1

    @cached_property
    def _tokenised(self) -> Any:
        length = self.dialect.length
        return self.dialect.tokenizer()(self.captions, padding="max_length", max_length=length, return_tensors="pt")

    @property
    def ids(self) -> torch.Tensor:
        """(texts, length)."""
        ids: torch.Tensor = self._tokenised.input_ids
        return ids

    @property
    def masks(self) -> torch.Tensor:
        """(texts, length) 1 where there is no padding."""
        masks: torch.Tensor = self._tokenised.attention_mask
        return masks

    @cached_property
    def truths(self) -> torch.Tensor:
        """(texts - 1, 5) attributes of what each text but the empty one says."""
        table = torch.tensor([scene.indices() for scene in self.pool])
        return table.repeat(len(self.dialect.languages), 1)

    def in_some_language(self, which: Ints, rng: np.random.Generator) -> torch.Tensor:
        """Rows of the texts for scenes of the pool, each in a language drawn evenly."""
        language = rng.integers(0, len(self.dialect.languages), len(which))
        return torch.from_numpy(language * len(self.pool) + which)

    @cached_property
    def _heard(self) -> Tensors:
        return self.shop.cached(self.part, self._listen, self.part)

    def _listen(self) -> Tensors:
        encoder = self.shop.part(self.part)
        starts = range(0, len(self.ids), _CHUNK)
        heard = [encoder(self.ids[i : i + _CHUNK], self.masks[i : i + _CHUNK]) for i in starts]
        return {"embeds": torch.cat([e for e, _ in heard]), "states": torch.cat([s for _, s in heard])}

    @property
    def embeds(self) -> torch.Tensor:
        """(texts, 128) by the finished encoder."""
        return self._heard["embeds"]

    @property
    def states(self) -> torch.Tensor:
        """(texts, length, width)."""
        return self._heard["states"]


def teach_clip(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The text tower of 2.1's prior."""
    del progress
    return _teach(shop, "clip-21", model, batch, rng)


def teach_multilingual(
    shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator
) -> torch.Tensor:
    """The text encoder of 2.1's decoder."""
    del progress
    return _teach(shop, "text-21", model, batch, rng)


def teach_t5(shop: Workshop, model: Any, batch: int, progress: float, rng: np.random.Generator) -> torch.Tensor:
    """The text encoder of 3."""
    del progress
    return _teach(shop, "text-3", model, batch, rng)


def _teach(shop: Workshop, part: str, model: Any, batch: int, rng: np.random.Generator) -> torch.Tensor:
    """Say what 2.2's text tower says of the same scene in English, and what its attributes are; one text is empty."""
    speech, pool = shop.speech(part), len(shop.pictures.pool)
    which = rng.integers(0, speech.empty, batch - 1)
    rows = torch.from_numpy(np.append(which, speech.empty))
    wanted = shop.text_embeds[torch.from_numpy(np.append(which % pool, pool))]
    embeds, _ = model(speech.ids[rows], speech.masks[rows])
    likeness = F.mse_loss(embeds, wanted) / shop.text_embeds.var(0).mean().clamp(min=1e-6)
    told = attribute_errors([head(embeds[:-1]) for head in model.heads], speech.truths[torch.from_numpy(which)])
    return likeness + _ATTRIBUTES * told
