"""What a source shows: given, known of the world's pictures, and no part of any picture's key."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.errors import Problem
from harness.plan.keys import Identity, features_key, images_key
from harness.plan.types import Settings
from harness.spec.types import SchedulerChoice, Spec

Specs = Callable[[str], Spec]
CAPTION = "a small red star on the left of a blue background"
ROW = f"inputs:\n  - {{prompt: a hat, image: {{world: {CAPTION}, seed: 3}}"


def test_the_worlds_pictures_bring_their_caption(spec_of: Specs) -> None:
    assert [row.image_caption for row in spec_of(ROW + "}\n").rows] == [CAPTION]
    assert [row.image_caption for row in spec_of(ROW + ", image_caption: a star}\n").rows] == ["a star"]
    assert [row.image_caption for row in spec_of("prompts: a\n").rows] == [None]


@pytest.mark.parametrize(
    ("text", "happened"),
    [(ROW + ", image_caption: 3}\n", "3 is no caption"),
     ("inputs:\n  - {prompt: a, image_caption: a star}\n", "there is its caption and no image")],
)  # fmt: skip
def test_a_caption_that_says_nothing(faults_of: Callable[[str], list[Problem]], text: str, happened: str) -> None:
    assert [happened in problem.happened for problem in faults_of(text)] == [True]


def test_it_changes_features_and_no_pictures(spec_of: Specs) -> None:
    (one,), (other,) = spec_of(ROW + "}\n").rows, spec_of(ROW + ", image_caption: a star}\n").rows
    settings = Settings(
        model="mini-2.2", task="image-to-image", api="two-stage", dtype="float32", height=64, width=64,
        guidance_scale=4, num_inference_steps=4, prior_guidance_scale=4, prior_num_inference_steps=4, strength=0.5,
        scheduler=SchedulerChoice(label="DDIM", class_name="DDIMScheduler"), optimizations=(), batch_size=1,
    )  # fmt: skip
    identity = Identity(device="cpu", versions={}, flags={}, threads=1, source="s")
    assert one.id == other.id
    keys = [images_key(settings, [row], {"decoder": "1"}, identity, None, [None]) for row in (one, other)]
    assert keys[0] == keys[1]
    features = [features_key(settings, [row], keys[:1], [None], "w", identity) for row in (one, other)]
    assert features[0] != features[1]
