"""The text encoders of 2.1 and 3, in the classes that the real models use.

Each is taught what 2.2's text tower says of the same caption in English, as the real 2.1's was taught by a CLIP
(F. Carlsson et al., Cross-lingual and multilingual CLIP, LREC 2022). What it is taught with is dropped afterwards.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.pipelines.kandinsky.text_encoder import MCLIPConfig, MultilingualCLIP
from torch import nn
from transformers import CLIPTextModelWithProjection, T5Config, T5EncoderModel

from harness.catalog.world import LANGUAGES
from harness.miniature.networks import HEADS, WIDTH, clip_text_config, scatter_places
from harness.miniature.tokens import CONTEXT_21, tokenizer, tokenizer_3, tokenizer_21

TEXT_WIDTH = 96  # of the hidden states that 2.1's and 3's UNets attend to

Spoken = tuple[torch.Tensor, torch.Tensor]
"""Embeddings (n, 128) and hidden states (n, length, width)."""


class TextEncoder(nn.Module):
    """A text encoder while it is taught."""

    def __init__(self, text: nn.Module) -> None:
        super().__init__()
        self.text: Any = text
        self.heads = nn.ModuleList(nn.Linear(WIDTH, values) for values in HEADS)
        scatter_places(self)

    def forward(self, ids: torch.Tensor, masks: torch.Tensor) -> Spoken:
        """(n, length) token ids, and which of them are no padding."""
        raise NotImplementedError


class ClipText(TextEncoder):
    """2.1's prior: CLIP's text tower, for two languages."""

    def __init__(self) -> None:
        super().__init__(CLIPTextModelWithProjection(clip_text_config(tokenizer(LANGUAGES))))

    def forward(self, ids: torch.Tensor, masks: torch.Tensor) -> Spoken:
        """CLIP's tower looks back only, so that padding at the end needs no mask."""
        out = self.text(input_ids=ids)
        return out.text_embeds, out.last_hidden_state


class Multilingual(TextEncoder):
    """2.1's decoder: a small XLM-RoBERTa with a linear map."""

    def __init__(self) -> None:
        words = tokenizer_21()
        config = MCLIPConfig(
            transformerDimSize=TEXT_WIDTH, imageDimSize=WIDTH, vocab_size=len(words), hidden_size=TEXT_WIDTH,
            num_hidden_layers=2, num_attention_heads=4, intermediate_size=2 * TEXT_WIDTH, type_vocab_size=1,
            max_position_embeddings=CONTEXT_21 + 3,  # XLM-RoBERTa counts from the padding token's id onwards
            pad_token_id=words.pad_token_id, bos_token_id=words.bos_token_id, eos_token_id=words.eos_token_id,
            hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        )  # fmt: skip
        super().__init__(MultilingualCLIP(config))

    def forward(self, ids: torch.Tensor, masks: torch.Tensor) -> Spoken:
        """The mean of the tokens that are no padding, and all of them."""
        embeds, states = self.text(input_ids=ids, attention_mask=masks)
        return embeds, states


class T5(TextEncoder):
    """3: a small T5 encoder; its embedding serves teaching only."""

    def __init__(self) -> None:
        words = tokenizer_3()
        config = T5Config(
            vocab_size=len(words), d_model=TEXT_WIDTH, d_kv=24, d_ff=2 * TEXT_WIDTH, num_layers=3, num_heads=4,
            feed_forward_proj="gated-gelu", dropout_rate=0.0, is_encoder_decoder=False, use_cache=False,
            pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
        )  # fmt: skip
        super().__init__(T5EncoderModel(config))
        self.projection = nn.Linear(TEXT_WIDTH, WIDTH)

    def forward(self, ids: torch.Tensor, masks: torch.Tensor) -> Spoken:
        """A map of the mean state, and the states, zero where there is padding."""
        states = self.text(ids, attention_mask=masks)[0] * masks[..., None]
        mean = states.sum(1) / masks.sum(1, keepdim=True)
        return self.projection(mean), states
