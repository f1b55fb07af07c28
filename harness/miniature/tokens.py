"""The family's tokenizers, each of its real model's class, over a vocabulary of the world's words."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer, T5Tokenizer, XLMRobertaTokenizer

from harness.catalog.world import LANGUAGES, scenes

CONTEXT = 20  # of the priors' text towers
CONTEXT_21 = 77  # to which 2.1's decoder pads
CONTEXT_3 = 128
_START, _END = "<|startoftext|>", "<|endoftext|>"
_SPACE = "▁"
_RARE = -20.0  # score of a single letter: a word of the world is never spelt out
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZäöüÄÖÜß0123456789.,;:!?'\"()-"


def captions(languages: Iterable[str]) -> list[str]:
    """What the world says in the given languages, held-out captions too: a vocabulary tells nothing of pictures."""
    return [scene.caption(language) for language in languages for scene in scenes()]


def tokenizer(languages: tuple[str, ...] = ("en",)) -> CLIPTokenizer:
    """CLIP's tokenizer, byte-level BPE, with merges learnt from the captions; the end token is also the padding."""
    vocabulary, merges = _bpe(languages)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=CONTEXT, pad_token=_END)


def _bpe(languages: tuple[str, ...]) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """The vocabulary, special tokens last (open_clip finds the end of a text as its largest token), and the merges."""
    learner = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    learner.normalizer = normalizers.Lowercase()
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    learner.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), to_bytes])
    trainer = trainers.BpeTrainer(vocab_size=400, end_of_word_suffix="</w>", show_progress=False)
    learner.train_from_iterator(captions(languages), trainer)
    merges = [tuple(pair) for pair in json.loads(learner.to_str())["model"]["merges"]]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = letters + [letter + "</w>" for letter in letters] + ["".join(pair) for pair in merges]
    vocabulary = {word: i for i, word in enumerate(dict.fromkeys([*words, _START, _END]))}
    return vocabulary, [(a, b) for a, b in merges]


def tokenizer_21() -> XLMRobertaTokenizer:
    """XLM-RoBERTa's tokenizer, unigram; it puts its special tokens around every text, the empty one too."""
    start = [(token, 0.0) for token in ("<s>", "<pad>", "</s>", "<unk>")]
    vocabulary = [*start, *_unigrams(LANGUAGES), ("<mask>", 0.0)]
    return XLMRobertaTokenizer(vocab=vocabulary, model_max_length=CONTEXT_21)


def tokenizer_3() -> T5Tokenizer:
    """T5's tokenizer, unigram, without its sentinels."""
    start = [(token, 0.0) for token in ("<pad>", "</s>", "<unk>")]
    return T5Tokenizer(vocab=[*start, *_unigrams(("en",))], extra_ids=0, model_max_length=CONTEXT_3)


def _unigrams(languages: tuple[str, ...]) -> list[tuple[str, float]]:
    """The words of the captions with the logarithm of their share, then single letters for everything else."""
    counts = Counter(word for caption in captions(languages) for word in caption.split())
    total = math.log(sum(counts.values()))
    words = {_SPACE + word: math.log(count) - total for word, count in sorted(counts.items())}
    letters = dict.fromkeys((_SPACE, *_LETTERS), _RARE)
    return list((letters | words).items())


def save(folder: Path) -> None:
    """Write the files of CLIP's tokenizer."""
    tokenizer().save_pretrained(folder)
