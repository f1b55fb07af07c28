"""The CLIP score of one random CLIP: open_clip's own towers, and torchmetrics on its weights in the other format."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from support.picture_metric_agreement import clip_score_agreement

from harness.score.open_clip_scorer import load_from_folder


def test_it_is_what_open_clip_and_torchmetrics_say(tmp_path: Path, pictures: list[Image.Image]) -> None:
    lines = clip_score_agreement(tmp_path, pictures)
    assert [line.reference.split()[0] for line in lines] == ["open_clip", "torchmetrics"]
    assert all(line.agrees and line.bar == 1e-4 for line in lines), lines


def test_a_text_that_lost_its_end_is_found(
    tmp_path: Path, pictures: list[Image.Image], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As if the scorer cut ids and their end token with them."""
    from harness.score.open_clip_scorer import OpenClipScorer

    whole = OpenClipScorer.tokenise

    def cut(self: OpenClipScorer, texts: list[str]) -> object:
        ids = whole(self, texts)
        ids[ids == 49407] = 0
        return ids

    monkeypatch.setattr(OpenClipScorer, "tokenise", cut)
    assert not any(line.agrees for line in clip_score_agreement(tmp_path, pictures))
    assert load_from_folder(tmp_path / "open_clip", "cpu").logit_scale == pytest.approx(2.718281828**3, rel=1e-4)
