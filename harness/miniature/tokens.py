"""The miniature's tokenizer: CLIP's own kind, byte-level BPE, with merges learnt from the world's captions."""

from __future__ import annotations

import json
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

from harness.catalog.world import scenes

CONTEXT = 20
_START, _END = "<|startoftext|>", "<|endoftext|>"


def tokenizer() -> CLIPTokenizer:
    """CLIP's tokenizer over a vocabulary of bytes and the world's words; the end token is also the padding."""
    vocabulary, merges = _bpe()
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CONTEXT, pad_token=_END)


def _bpe() -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary, special tokens last (open_clip finds the end of a text as its largest token), and the merges."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    learner.pre_tokenizer = pre_tokenizers.Whitespace()
    trainer = trainers.BpeTrainer(vocab_size=400, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator((scene.caption() for scene in scenes()), trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*words, _START, _END]))}
    return vocabulary, [(a, b) for a, b in merges]


def save(folder: Path) -> None:
    """Write the tokenizer's files."""
    tokenizer().save_pretrained(folder)
