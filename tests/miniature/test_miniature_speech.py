"""Texts reach the networks in training as the pipelines send them, and held-out ones in no language."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from diffusers import Kandinsky3Pipeline, KandinskyPipeline, KandinskyPriorPipeline
from support.workshops import finish

from harness.catalog.world import parse_caption, split
from harness.miniature import tokens
from harness.miniature.kandinsky21 import padded
from harness.miniature.speech import DIALECTS, Speech
from harness.miniature.workshop import Workshop


@pytest.mark.parametrize("part", list(DIALECTS))
def test_no_held_out_caption_is_taught_in_any_language(part: str, shop: Workshop) -> None:
    class Whole:
        """The real training captions, without their pictures."""

        pictures = type("Pictures", (), {"pool": split()[0]})

    speech = Speech(Whole(), part)  # type: ignore[arg-type]
    told = [parse_caption(text) for text in speech.captions[:-1]]
    assert len(told) == len(split()[0]) * len(DIALECTS[part].languages)
    assert all(scene is not None and not scene.held_out() for scene in told) and speech.captions[-1] == ""
    truths = torch.tensor([scene.indices() for scene in told if scene])
    assert torch.equal(truths, speech.truths)


def test_every_word_of_the_world_is_one_token() -> None:
    for language, tokenizer in (
        ("de", tokens.tokenizer(("en", "de"))),
        ("de", tokens.tokenizer_21()),
        ("en", tokens.tokenizer_3()),
    ):
        texts = tokens.captions((language,))[::97]
        words = [len(tokenizer.tokenize(text)) for text in texts]
        assert words == [len(text.split()) for text in texts]
    assert tokens.tokenizer_21()("").input_ids == [0, 2]  # the empty text is never nothing


def test_scenes_are_told_in_both_languages(shop: Workshop) -> None:
    speech = shop.speech("text-21")
    rows = speech.in_some_language(np.zeros(50, np.int64), np.random.default_rng(0))
    assert {speech.captions[row] for row in rows} == {speech.pool[0].caption(language) for language in ("en", "de")}


def test_the_prior_hears_what_its_pipeline_hears(shop: Workshop) -> None:
    finish(shop, "clip-21")
    speech, encoder = shop.speech("clip-21"), shop.part("clip-21").text
    unused = dict.fromkeys(("prior", "image_encoder", "scheduler", "image_processor"))
    pipe = KandinskyPriorPipeline(text_encoder=encoder, tokenizer=DIALECTS["clip-21"].tokenizer(), **unused)
    for row in (1, -2, -1):
        embeds, states, masks = pipe._encode_prompt([speech.captions[row]], "cpu", 1, False)
        torch.testing.assert_close(embeds[0], speech.embeds[row])
        torch.testing.assert_close(states[0], speech.states[row])
        assert torch.equal(masks[0], speech.masks[row].bool())


def test_the_decoder_hears_what_its_pipeline_hears(shop: Workshop) -> None:
    finish(shop, "text-21", "movq")
    speech, encoder = shop.speech("text-21"), shop.part("text-21").text
    unused = dict.fromkeys(("unet", "scheduler"))
    pipe = KandinskyPipeline(text_encoder=encoder, tokenizer=tokens.tokenizer_21(), movq=shop.part("movq"), **unused)
    for row in (1, -2, -1):
        embeds, states, _ = pipe._encode_prompt([speech.captions[row]], "cpu", 1, False)
        torch.testing.assert_close(embeds[0], speech.embeds[row])
        torch.testing.assert_close(states[0], padded(speech.states[row][None])[0])


def test_3_hears_what_its_pipeline_hears(shop: Workshop) -> None:
    finish(shop, "text-3")
    speech, encoder = shop.speech("text-3"), shop.part("text-3").text
    unused = dict.fromkeys(("unet", "scheduler", "movq"))
    pipe = Kandinsky3Pipeline(text_encoder=encoder, tokenizer=tokens.tokenizer_3(), **unused)
    states, none, masks, no_masks = pipe.encode_prompt([speech.captions[1]], device="cpu", _cut_context=True)
    torch.testing.assert_close(states[0], speech.states[1])
    assert torch.equal(masks[0], speech.masks[1]) and not none.any() and not no_masks.any()
    assert none.shape == states.shape == (1, 13, 96)
