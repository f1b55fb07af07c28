"""What of a prompt a text encoder never sees: told, because the pipelines cut it off with no more than a log line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from harness.pipelines.load import Loaded
from harness.plan.types import InputRow, Settings

_CONTEXT_21, _CONTEXT_3 = 77, 128  # written into the pipelines; the prior's is its tokenizer's


def truncated_words(loaded: Loaded, settings: Settings, rows: Sequence[InputRow]) -> dict[str, dict[str, str]]:
    """Row's id → which text encoder → the end of the prompt that it drops; rows that lose nothing are not named.

    The encoders are ``CLIP`` (the prior's), ``XLM-R`` (2.1's decoder) and ``T5`` (3), with ``, negative prompt`` after
    the name where it is that one's, and ``, mix`` for the texts of a mixture.
    """
    told = {row.id: {name: lost for name, lost in _losses(loaded, settings, row) if lost} for row in rows}
    return {row: losses for row, losses in told.items() if losses}


def _losses(loaded: Loaded, settings: Settings, row: InputRow) -> Iterator[tuple[str, str]]:
    if loaded.prior_words is not None:
        yield from _prior_losses(loaded.prior_words, settings, row)
    if loaded.model.version == "2.1":
        words = loaded.decoder.tokenizer
        yield "XLM-R", dropped(words, row.prompt, _CONTEXT_21)
        if loaded.combined is None:  # the combined form drops this one whole
            yield "XLM-R, negative prompt", dropped(words, row.negative_prompt, _CONTEXT_21)
    if loaded.model.version == "3":
        words = loaded.decoder.tokenizer
        yield "T5", dropped(words, row.prompt, _CONTEXT_3)
        yield "T5, negative prompt", _dropped_of_3(words, row)


def _prior_losses(words: Any, settings: Settings, row: InputRow) -> Iterator[tuple[str, str]]:
    context = words.model_max_length
    if settings.task == "interpolation":
        yield "CLIP, mix", " … ".join(filter(None, (dropped(words, thing.text, context) for thing in row.mix)))
    else:
        yield "CLIP", dropped(words, row.prompt, context)
    yield "CLIP, negative prompt", dropped(words, row.negative_prompt, context)


def dropped(words: Any, text: str | None, context: int) -> str:
    """The end of ``text`` that a context of so many tokens, special ones among them, has no room for."""
    return _after(words, text, context - int(words.num_special_tokens_to_add()))


def _dropped_of_3(words: Any, row: InputRow) -> str:
    """3 reads the whole, but hands on the states of as many tokens as the prompt has, its end token too, and one."""
    prompt = len(words(row.prompt, add_special_tokens=False).input_ids) + 1
    return _after(words, row.negative_prompt, min(_CONTEXT_3 - 1, min(prompt, _CONTEXT_3) + 1))


def _after(words: Any, text: str | None, room: int) -> str:
    """What follows the first ``room`` tokens of a text, as it was written."""
    if text is None:
        return ""
    offsets = words(text, add_special_tokens=False, return_offsets_mapping=True).offset_mapping
    return text[offsets[room][0] :].strip() if len(offsets) > room else ""
