"""The family's bars run on exported folders, ask for what they promise, and can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from support.workshops import exported

from harness.catalog.world import scenes, split
from harness.miniature.family_bars import (
    Sampling,
    _box,
    _followed,
    _share,
    _sources,
    captions_3,
    captions_21,
    fathoming,
    following,
    repainting,
)
from harness.miniature.holes import white
from harness.miniature.workshop import Workshop
from harness.miniature.world import arrange, depth, draw

_QUICK = Sampling(n=2, num_inference_steps=2)


@pytest.fixture(scope="module")
def family(shop: Workshop, out: Path) -> Path:
    """Every member that a bar looks at, with random weights."""
    for version, part in (("2.2", "prior"), ("2.1", "prior-21")):
        exported(shop, out, f"mini-{version}/prior", part)
    for member, part in (("2.2/inpaint", "inpaint"), ("2.2/controlnet", "controlnet"), ("3/decoder", "decoder-3")):
        exported(shop, out, f"mini-{member}", part)
    for member, part in (("2.1/decoder", "decoder-21"), ("2.1/inpaint", "inpaint-21")):
        exported(shop, out, f"mini-{member}", part)
    exported(shop, out, "depth", "depth")
    exported(shop, out, "judge", "judge")
    return out


def test_random_weights_keep_no_bar(family: Path) -> None:
    bars = [repainting(family, version, _QUICK) for version in ("2.1", "2.2")]
    bars += [*captions_21(family, _QUICK), captions_3(family, _QUICK), following(family, _QUICK)[0]]
    bars += [fathoming(family, Sampling(n=10))]
    assert not any(bar.kept for bar in bars)


def test_scenes_are_held_out() -> None:
    assert all(scene.held_out() for scene in Sampling().scenes())


def test_a_mask_holds_the_captioned_shape() -> None:
    for scene in scenes()[::37]:
        shape = depth(arrange([scene], np.random.default_rng(0)))[0] > 0.6
        assert (shape & white(np.array([_box(scene)]))[0]).sum() >= 0.97 * shape.sum(), scene


def test_a_source_shows_another_thing_on_the_same_background() -> None:
    wanted = split()[1][:60]
    sources = _sources(wanted, seed=1)
    own = arrange(wanted, np.random.default_rng(0))
    assert (np.abs(sources.ground - own.ground) <= 20).all()
    differs = (sources.shapes != own.shapes) | (np.abs(sources.ink - own.ink).max(1) > 20)
    assert differs.all()


def test_a_picture_that_follows_its_caption_fails_controlnet(family: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The judge's sight is planted: it sees every picture as its caption has it, and then as its hint has it."""
    asked = split()[1][:40]
    hinted = [*asked[1:], asked[0]]
    pictures = torch.from_numpy(draw(asked, np.random.default_rng(0))).permute(0, 3, 1, 2).float() / 255

    def sees(truth: list) -> None:  # type: ignore[type-arg]
        found = torch.tensor([scene.indices() for scene in truth])
        monkeypatch.setattr("harness.miniature.family_bars.seen", lambda _judge, _pictures: found)

    sees(asked)
    assert not _followed(family, pictures, asked, hinted)[0].kept
    sees(hinted)
    assert all(bar.kept for bar in _followed(family, pictures, asked, hinted)[:2])


def test_a_share_is_told_with_its_interval() -> None:
    bar = _share("Right", torch.tensor([True] * 95 + [False] * 5), 0.9)
    assert bar.kept and bar.measured.startswith("95.0% [") and bar.measured.endswith("n = 100")
    assert not _share("Right", torch.tensor([True, False]), 0.9).kept
