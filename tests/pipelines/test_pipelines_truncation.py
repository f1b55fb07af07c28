"""What is told as dropped changes no picture, and the word before it does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pipelines.test_pipelines_guide import pictures_of
from tiny_kandinsky import make_rows, make_settings

from harness.catalog.types import Api
from harness.pipelines.load import Loaded
from harness.pipelines.prior import run_prior
from harness.pipelines.truncation import truncated_words
from harness.plan.types import InputRow, Settings

LONG = " ".join(f"word{i}" for i in range(60))


def _row(**changes: Any) -> InputRow:
    return make_rows(1)[0].model_copy(update=changes)


def _seen(loaded: Loaded, settings: Settings, row: InputRow) -> list[Any]:
    """What comes of a row's prompts: its embeddings, or its picture."""
    if settings.api == "combined":
        return list(pictures_of(loaded, settings, [row])[0].ravel())
    prior = run_prior(loaded, settings, [row])
    return [*prior.image_embeds[0].tolist(), *prior.negative_image_embeds[0].tolist()]


@pytest.mark.parametrize(
    ("version", "api", "field", "encoder"),
    [
        ("2.2", "two-stage", "prompt", "CLIP"),
        ("2.2", "two-stage", "negative_prompt", "CLIP, negative prompt"),
        ("3", "combined", "prompt", "T5"),
    ],
)
def test_words_are_dropped_just_where_it_is_told(
    loaded_for: Callable[..., Loaded], version: Any, api: Api, field: str, encoder: str
) -> None:
    loaded, settings = loaded_for(version, "text-to-image", api), make_settings(version, api=api)
    row = _row(**{field: LONG})
    lost = truncated_words(loaded, settings, [row])[row.id][encoder]
    kept = LONG.removesuffix(lost)
    assert LONG.endswith(lost) and kept
    changed = [
        row.model_copy(update={field: text}) for text in (f"{kept}{lost[:1]}zzz", f"{kept.rstrip()[:-1]}z {lost}")
    ]
    whole, beyond, within = (_seen(loaded, settings, one) for one in (row, *changed))
    assert whole == beyond != within


def test_3_hands_on_a_negative_prompt_no_longer_than_the_prompt(loaded_for: Callable[..., Loaded]) -> None:
    loaded, row = loaded_for("3", "text-to-image", "combined"), _row(prompt="a red star", negative_prompt=LONG)
    lost = truncated_words(loaded, make_settings("3"), [row])[row.id]["T5, negative prompt"]
    states = loaded.combined.encode_prompt(row.prompt, True, 1, "cpu", row.negative_prompt, _cut_context=True)[1]
    words = loaded.decoder.tokenizer
    offsets = words(LONG, return_offsets_mapping=True).offset_mapping
    assert LONG[offsets[states.shape[1]][0] :].strip() == lost
    assert not truncated_words(loaded, make_settings("3"), [_row(prompt="a red star", negative_prompt="a red star")])


def test_2_1_has_two_encoders_with_a_context_each(loaded_for: Callable[..., Loaded]) -> None:
    loaded, settings = loaded_for("2.1", "text-to-image", "two-stage"), make_settings("2.1")
    told = truncated_words(loaded, settings, [_row(prompt=LONG, negative_prompt=LONG)])["p0-s7"]
    assert set(told) == {"CLIP", "CLIP, negative prompt", "XLM-R", "XLM-R, negative prompt"}
    assert told["CLIP"].endswith(told["XLM-R"]) and told["CLIP"] != told["XLM-R"]
    words, kept = loaded.decoder.tokenizer, LONG.removesuffix(told["XLM-R"])
    tokens = words(kept).input_ids[:-1]
    assert tokens == words(LONG).input_ids[: len(tokens)] and len(tokens) in (75, 76)  # it may end with a bare space


def test_2_1_combined_reads_no_negative_prompt_in_its_decoder(loaded_for: Callable[..., Loaded]) -> None:
    loaded = loaded_for("2.1", "text-to-image", "combined")
    told = truncated_words(loaded, make_settings("2.1", api="combined"), [_row(negative_prompt=LONG)])
    assert set(told["p0-s7"]) == {"CLIP, negative prompt"}


def test_rows_that_lose_nothing_are_not_named(loaded_for: Callable[..., Loaded]) -> None:
    loaded, settings = loaded_for("2.2", "text-to-image", "two-stage"), make_settings("2.2")
    rows = [_row(prompt="", negative_prompt=""), _row(id="long", prompt=LONG)]
    assert set(truncated_words(loaded, settings, rows)) == {"long"}


def test_of_a_mixture_the_texts_are_told(loaded_for: Callable[..., Loaded]) -> None:
    task = "interpolation"
    row = make_rows(1, None, task)[0]
    row = row.model_copy(update={"prompt": LONG, "mix": (row.mix[0].model_copy(update={"text": LONG}), *row.mix[1:])})
    told = truncated_words(loaded_for("2.2", task, "two-stage"), make_settings("2.2", task), [row])
    assert list(told[row.id]) == ["CLIP, mix"]
