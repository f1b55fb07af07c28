"""The tasks' bars say yes to what keeps its promise, and no to what does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support.runs import Lab

from harness.catalog.drawing import draw
from harness.catalog.world import PLACES, Scene, split
from harness.miniature import family_bars
from harness.miniature.cases import interpolation
from harness.miniature.family_bars import Sight, followed, judge
from harness.report.view import RunView, load_view

SCENES = split()[1][:40]


def _truths(scenes: list[Scene]) -> torch.Tensor:
    return torch.tensor([scene.indices() for scene in scenes])


def _moved() -> list[Scene]:
    places = list(PLACES)
    return [replace(scene, place=places[(places.index(scene.place) + 1) % 5]) for scene in SCENES]


def test_the_judge_sees_drawn_pictures_as_they_are() -> None:
    pictures = torch.from_numpy(draw(SCENES, np.random.default_rng(0))).permute(0, 3, 1, 2).float() / 255
    assert (judge()(pictures) == _truths(SCENES)).float().mean() > 0.99


def test_controlnet_must_follow_the_hint() -> None:
    asked, hinted = _truths(SCENES), _truths(_moved())
    assert all(bar.kept for bar in followed(hinted, asked, hinted)[:2])
    assert not followed(asked, asked, hinted)[0].kept  # a picture that stands where its caption says


def test_hints_that_say_nothing_show_when_they_are_shuffled() -> None:
    """All hints at one place: shuffled or not, the picture seems to follow."""
    alike = _truths([replace(scene, place="middle") for scene in SCENES])
    assert not followed(alike, _truths(SCENES), alike)[2].kept


def test_a_share_is_told_with_its_interval() -> None:
    bar = family_bars._share("Right", torch.tensor([True] * 95 + [False] * 5), 0.9)
    assert bar.kept and bar.measured.startswith("95.0% [") and bar.measured.endswith("n = 100")
    assert not family_bars._share("Right", torch.tensor([True, False]), 0.9).kept


@pytest.mark.parametrize(("shares", "kept"), [([0, 0.1, 0.5, 0.9, 1], True), ([0, 0.5, 0.4, 0.9, 1], False),
                                              ([0.3, 0.3, 0.3, 0.3, 0.4], False)])  # fmt: skip
def test_the_second_ends_share_must_grow(shares: list[float], kept: bool) -> None:
    weights = (0.0, 0.25, 0.5, 0.75, 1.0)
    assert family_bars._growing("a model", dict(zip(weights, shares, strict=True))).kept is kept


@pytest.fixture
def view(tmp_path: Path) -> RunView:
    """A planned interpolation of six mixes at three weights; nothing of it was made."""
    lab = Lab(tmp_path, Path())
    rows = [row for row, _ in zip(interpolation(), range(6), strict=False)]
    lab.spec(model="mini-2.2", task="interpolation", inputs=rows, prompts=None, weights=[0, 0.5, 1], metrics=None)
    from harness.plan.build import plan_file
    from harness.run.ledger import Ledger, new_run

    plan = plan_file(str(tmp_path / "spec.yaml"))
    store = lab.store
    record = new_run(plan, "run-1", "lab", "harness run")
    store.new_run(record)
    Ledger.open(store, record)
    return load_view(store, "run-1")


def test_between_reads_the_ends_from_the_rows(view: RunView, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted pictures: the first end, then half of each, then the second."""
    planted = {0.0: 0.0, 0.5: 0.5, 1.0: 1.0}

    def sights(run: RunView) -> Any:
        for cell in run.cells:
            rows = run.plan.rows_of(run.plan.cell(cell.cell_id))
            weights = cell.settings.weights
            assert weights is not None
            upto = round(planted[weights[1]] * len(rows))
            shown = [row.mix[1 if i < upto else 0].text or "" for i, row in enumerate(rows)]
            scenes = [family_bars._scene(caption) for caption in shown]
            yield Sight(cell, rows, _truths(scenes).float())

    monkeypatch.setattr(family_bars, "sights", sights)
    (bar,) = family_bars.between(view, lambda pictures: pictures.long())
    assert bar.measured == "0: 0%, 0.5: 50%, 1: 100%" and bar.kept
    planted[0.5], planted[1.0] = 0.0, 0.0
    (bar,) = family_bars.between(view, lambda pictures: pictures.long())
    assert not bar.kept
