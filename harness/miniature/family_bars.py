"""The bars of the tasks, from runs of the shipped specs: what the judge sees in the harness's own pictures.

Every function takes one run's view and gives bars; captions are held out from training.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from PIL import Image

from harness.catalog.drawing import arrange
from harness.catalog.world import ATTRIBUTES, VOCABULARIES, Scene, parse_caption
from harness.miniature.evaluate import WEIGHTS, Bar, score_of
from harness.plan.types import InputRow
from harness.report.view import RunView
from harness.score.inpainting import outside_error
from harness.score.world_truth import load_judge, seen
from harness.stats.intervals import mean_interval
from harness.store.records import CellRecord

_SHAPE, _COLOUR, _PLACE = (ATTRIBUTES.index(name) for name in ("shape", "colour", "place"))
_CHUNK = 250
_OUTSIDE = 6.0  # of 255 levels: 2.2 puts the source's latents back, but the MoVQ normalises over the whole picture
Look = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Sight:
    """A cell of a run, its rows, and what there is to see: pictures (n, 3, 64, 64) in [0, 1]."""

    cell: CellRecord
    rows: tuple[InputRow, ...]
    pictures: torch.Tensor


def sights(view: RunView) -> Iterator[Sight]:
    """Every cell that has all its pictures."""
    for cell in view.done:
        rows = view.plan.rows_of(view.plan.cell(cell.cell_id))
        pngs = [view.picture(cell, row) for row in rows]
        yield Sight(cell, rows, torch.stack([_tensor(png) for png in pngs if png is not None]))


def _tensor(png: bytes) -> torch.Tensor:
    pixels = np.array(Image.open(io.BytesIO(png)).convert("RGB"))
    return torch.from_numpy(pixels).permute(2, 0, 1).float() / 255


def judge() -> Look:
    """(n, 3, 64, 64) → (n, 5) attributes, as the shipped judge sees them."""
    net = load_judge(WEIGHTS / "judge")
    return lambda pictures: torch.cat([seen(net, chunk) for chunk in torch.split(pictures, _CHUNK)])


def _truths(scenes: list[Scene]) -> torch.Tensor:
    return torch.tensor([scene.indices() for scene in scenes])


def _scene(caption: str) -> Scene:
    found = parse_caption(caption)
    assert found is not None, caption  # the shipped tables hold captions of the world only
    return found


def _source(view: RunView, row: InputRow) -> tuple[Scene, int]:
    """What a row's image shows, and the seed that it was drawn with."""
    assert row.image is not None
    source = view.plan.assets[row.image].source
    return _scene(source["world"]), int(source["seed"])


def _share(promise: str, right: torch.Tensor, least: float) -> Bar:
    estimate = mean_interval(right.double().numpy(), list(range(len(right))), share=True)
    text = f"{estimate.value:.1%} [{estimate.low:.1%}, {estimate.high:.1%}], n = {len(right)}"
    return Bar(promise, f"≥ {least:.0%}", text, float(right.double().mean()) >= least)


def captions(view: RunView, look: Look, language: str = "en") -> list[Bar]:
    """All five attributes right, for every model of the run but 2.2, which has a page of bars of its own."""
    found = []
    for sight in sights(view):
        if not sight.cell.settings.model.endswith("2.2"):
            right = (look(sight.pictures) == _truths([_scene(row.prompt) for row in sight.rows])).all(1)
            name = f"{sight.cell.settings.model}, captions in {language}: all five attributes right"
            found.append(_share(name, right, 0.9))
    return found


def repainting(view: RunView, look: Look) -> list[Bar]:
    """The prompt's shape and colour are inside the mask: what the mask shows is judged on the source's background."""
    found = []
    for sight in sights(view):
        inside, ground = _inside(view, sight.rows), _grounds(view, sight.rows)
        wanted = _truths([_scene(row.prompt) for row in sight.rows])
        right = (look(torch.where(inside, sight.pictures, ground)) == wanted)[:, [_SHAPE, _COLOUR]].all(1)
        name = sight.cell.settings.model
        found.append(_share(f"{name}, inpainting: the prompt's object is inside the mask", right, 0.7))
        found.append(_kept(sight.cell, _round_trip(view, sight.rows)))
    return found


def _inside(view: RunView, rows: tuple[InputRow, ...]) -> torch.Tensor:
    """(n, 1, 64, 64) where each row's box is."""
    inside = torch.zeros(len(rows), 1, 64, 64, dtype=torch.bool)
    for i, row in enumerate(rows):
        left, top, right, bottom = view.plan.assets[row.mask or ""].source["box"]
        inside[i, :, top:bottom, left:right] = True
    return inside


def _grounds(view: RunView, rows: tuple[InputRow, ...]) -> torch.Tensor:
    """(n, 3, 1, 1): the background of each source, as it was drawn."""
    drawn = [arrange([scene], np.random.default_rng(seed)) for scene, seed in (_source(view, row) for row in rows)]
    return torch.from_numpy(np.concatenate([one.ground for one in drawn]))[:, :, None, None] / 255


@torch.inference_mode()
def _round_trip(view: RunView, rows: tuple[InputRow, ...]) -> float:
    """What the MoVQ alone changes of the sources outside the masks, mean, of 255 levels."""
    from diffusers import VQModel

    movq = VQModel.from_pretrained(WEIGHTS / "mini-2.2" / "inpaint" / "movq", torch_dtype=torch.float32)
    sources = torch.stack([_tensor(view.store.get("inputs", row.image or "")) for row in rows])
    back = movq.decode(movq.encode(sources * 2 - 1).latents, force_not_quantize=True).sample * 0.5 + 0.5
    pairs = [[(picture * 255).round().permute(1, 2, 0).byte().numpy() for picture in pictures]
             for pictures in (back.clamp(0, 1), sources)]  # fmt: skip
    masks = _inside(view, rows)[:, 0].numpy()
    return float(np.nanmean([outside_error(*three) for three in zip(*pairs, masks, strict=True)]))


def _kept(cell: CellRecord, alone: float) -> Bar:
    """2.2 puts the source's latents back; 2.1 does not, and only tells. ``alone``: what the MoVQ changes by itself."""
    score = score_of(cell, "outside_error")
    value = score.value if score.value is not None else float("nan")
    promise = f"{cell.settings.model}, inpainting: what changes outside the mask (mean, of 255 levels)"
    text = f"{value:.2f}, of which the MoVQ alone {alone:.2f}; n = {score.n}"
    if cell.settings.model.endswith("2.1"):
        return Bar(promise, "told", text, True)
    return Bar(promise, f"≤ {_OUTSIDE:g}", text, value <= _OUTSIDE)


def between(view: RunView, look: Look) -> list[Bar]:
    """The share of pictures that show the second end's colour or shape grows with its weight."""
    shares: dict[str, dict[float, float]] = {}
    for sight in sights(view):
        ends = [[_scene(item.text or "") for item in row.mix] for row in sight.rows]
        first, second = (_truths([pair[i] for pair in ends]) for i in (0, 1))
        there = look(sight.pictures) == second
        share = (there & (first != second)).sum() / (first != second).sum()
        weight = (sight.cell.settings.weights or (0.0, 0.0))[1]
        shares.setdefault(sight.cell.settings.model, {})[weight] = float(share)
    return [_growing(model, dict(sorted(found.items()))) for model, found in shares.items()]


def _growing(model: str, shares: dict[float, float]) -> Bar:
    values = list(shares.values())
    grows = all(later >= earlier for earlier, later in pairwise(values)) and values[-1] > values[0] + 0.5
    text = ", ".join(f"{weight:g}: {share:.0%}" for weight, share in shares.items())
    return Bar(f"{model}, interpolation: the second end's colour or shape, by its weight", "grows", text, grows)


def following(view: RunView, look: Look) -> list[Bar]:
    """Each hint shows the prompt's shape at another place; the picture must follow the hint. At guidance 4."""
    sight = next(one for one in sights(view) if one.cell.settings.guidance_scale == 4)
    hinted = _truths([_source(view, row)[0] for row in sight.rows])
    asked = _truths([_scene(row.prompt) for row in sight.rows])
    found = look(sight.pictures)
    return followed(found, asked, hinted)


def followed(found: torch.Tensor, asked: torch.Tensor, hinted: torch.Tensor) -> list[Bar]:
    """The bars from attributes (n, 5): seen, the caption's and the hint's."""
    place, chance = found[:, _PLACE], 1.5 / len(VOCABULARIES["place"])
    shuffled = float((place == hinted.roll(1, 0)[:, _PLACE]).float().mean())
    captioned = float((place == asked[:, _PLACE]).float().mean())
    text = f"{shuffled:.1%}, n = {len(found)}; at the caption's place {captioned:.1%}"
    return [
        _share("ControlNet: the object stands where the hint puts it", place == hinted[:, _PLACE], 0.8),
        _share("ControlNet: and its other attributes are the caption's", (found == hinted).all(1), 0.7),
        Bar("ControlNet: at another row's hint", f"≤ {chance:.0%} (chance is 20 %)", text, shuffled <= chance),
    ]


def strengths(view: RunView) -> list[Bar]:
    """Similarity to the input falls with strength, and to the prompt rises."""
    cells = sorted(view.done, key=lambda cell: cell.settings.strength or 0.0)
    return [
        _monotonous(
            "image-to-image: similarity to the input, by strength", "falls at each", cells, "image_similarity", -1
        ),
        _monotonous("image-to-image: CLIP score of the prompt, by strength", "rises at each", cells, "clip_score", 1),
    ]


def _monotonous(promise: str, bar: str, cells: list[CellRecord], metric: str, sign: int) -> Bar:
    values = [score_of(cell, metric).value for cell in cells]
    known: list[float] = [value for value in values if value is not None]
    kept = len(known) == len(cells) and all(sign * (later - earlier) > 0 for earlier, later in pairwise(known))
    pairs = zip(cells, values, strict=True)
    text = ", ".join(f"{cell.settings.strength:g}: {value:.2f}" for cell, value in pairs if value is not None)
    return Bar(promise, bar, text, kept)


def fathoming(n: int = 100) -> Bar:
    """The depth estimator's map against the world's, once scale and shift are matched (as ControlNet's hints are)."""
    from harness.catalog.drawing import depth, paint
    from harness.miniature.cases import controlnet
    from harness.score.depth import load_depth_estimator

    scenes = [_scene(row["prompt"]) for row in controlnet(n)]
    layout = arrange(scenes, np.random.default_rng(0))
    estimate = load_depth_estimator(WEIGHTS / "depth", "cpu")
    found = [np.asarray(estimate(Image.fromarray(picture)), dtype=np.float64) for picture in paint(layout)]
    pairs = zip(found, depth(layout), strict=True)
    each = [float(np.corrcoef(one.reshape(-1), true.reshape(-1))[0, 1]) for one, true in pairs]
    text = f"correlation {np.mean(each):.3f} on average, {min(each):.3f} at worst, n = {n}"
    return Bar("the depth estimator on world pictures", "≥ 0.95 on average", text, float(np.mean(each)) >= 0.95)


#: spec → its bars
BARS: dict[str, Callable[[RunView, Look], list[Bar]]] = {
    "versions": captions,
    "german": lambda view, look: captions(view, look, "de"),
    "image-to-image": lambda view, _: strengths(view),
    "inpainting": repainting,
    "interpolation": between,
    "controlnet-depth": following,
}


def family_bars(view_of: Callable[[str], RunView]) -> list[Bar]:
    """All of them; ``view_of`` runs a shipped spec, or takes its results from the store."""
    look: Any = judge()
    return [*(bar for spec, bars in BARS.items() for bar in bars(view_of(spec), look)), fathoming()]
