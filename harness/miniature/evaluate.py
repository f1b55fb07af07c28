"""The miniature against its bars: one run of `experiments/miniature-bars.yaml`, its judge on real pictures, one page.

The page is made from what was measured; no number in it is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.numpy import load

import harness
from harness.catalog.world import ATTRIBUTES
from harness.miniature.data import held_out_set
from harness.score.world_truth import load_judge, seen
from harness.stats.intervals import Estimate, mean_interval
from harness.store.records import CellRecord, Score
from harness.store.store import Store

WEIGHTS = Path(harness.__file__).parent / "miniature" / "weights"
SPEC = "miniature-bars"
COMMAND = "harness miniature evaluate"
_JUDGED = 2_000


@dataclass(frozen=True)
class Bar:
    """A promise, what was measured, and whether it is kept."""

    promise: str
    bar: str
    measured: str
    kept: bool


def bars(store: Store, run_id: str) -> list[Bar]:
    """Every bar, from the run's records and from the judge on pictures of held-out captions."""
    cells = {_key(cell): cell for cell in store.load_cells(run_id)}
    best = cells["DDIM", 4, 25]
    return [
        *_judge_bars(),
        _truth("all five attributes right: guidance 4, 25 DDIM steps, through the prior", best),
        _truth("the same, DDPM with `learned_range`, 50 steps", cells["DDPM", 4, 50]),
        _guidance(store, run_id, cells["DDIM", 1, 25], [cells["DDIM", g, 25] for g in (2, 4)]),
        _falling([cells["DDIM", 4, steps] for steps in (2, 4, 8, 25)]),
        _shuffled(store, best),
    ]


def _key(cell: CellRecord) -> tuple[str, float, int]:
    name = cell.settings.scheduler.class_name or "model default"
    return name.removesuffix("Scheduler"), cell.settings.guidance_scale, cell.settings.num_inference_steps


def score_of(cell: CellRecord, metric: str) -> Score:
    """A cell's score, which must be there."""
    return next(score for score in cell.scores if score.metric == metric)


def _truth(promise: str, cell: CellRecord) -> Bar:
    score = score_of(cell, "world_truth")
    value = score.value if score.value is not None else float("nan")
    return Bar(promise, "≥ 90 %", f"{value:.1%}{_interval(score, percent=True)}, n = {score.n}", value >= 0.9)


def _interval(score: Score, *, percent: bool = False) -> str:
    if score.interval is None:
        return ""
    low, high = score.interval.low, score.interval.high
    return f" [{low:.1%}, {high:.1%}]" if percent else f" [{low:.2f}, {high:.2f}]"


def _guidance(store: Store, run_id: str, reference: CellRecord, cells: list[CellRecord]) -> Bar:
    """Either may pass, so that each gets its share of the error: intervals at 1 - 5 % / cells (Bonferroni)."""
    theirs = _column(store, run_id, reference.cell_id, "clip_score")
    gains = [_column(store, run_id, cell.cell_id, "clip_score") - theirs for cell in cells]
    level = 1 - 0.05 / len(cells)
    estimates = [mean_interval(gain, list(range(len(gain))), level=level) for gain in gains]
    pairs = zip(cells, estimates, strict=True)
    text = "; ".join(f"guidance {cell.settings.guidance_scale:g}: {_signed(estimate)}" for cell, estimate in pairs)
    return Bar(
        "CLIP score, guidance 2 or 4 over guidance 1",
        "either up, clear of zero",
        f"{text}; n = {len(theirs)}, each interval {level:.1%}",
        any(_above_zero(estimate) for estimate in estimates),
    )


def _signed(estimate: Estimate) -> str:
    return f"{estimate.value:+.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def _above_zero(estimate: Estimate) -> bool:
    return estimate.low is not None and estimate.low > 0


def _column(store: Store, run_id: str, cell_id: str, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    rows = sorted(store.image_rows(run_id, cell_id) or [], key=lambda row: str(row["row_id"]))
    return np.array([row[name] for row in rows])


def _falling(cells: list[CellRecord]) -> Bar:
    values = [score_of(cell, "frechet").value or float("nan") for cell in cells]
    falls = all(later < earlier for earlier, later in pairwise(values))
    text = ", ".join(f"{c.settings.num_inference_steps}: {v:.3f}" for c, v in zip(cells, values, strict=True))
    kept = falls and values[-1] <= values[0] / 10
    return Bar("Fréchet distance over 2, 4, 8, 25 steps", "falls at each; at 25 ≤ 1/10 of at 2", text, kept)


def _shuffled(store: Store, cell: CellRecord) -> Bar:
    """Each picture scored with the next caption instead of its own."""
    key = next(key for name, key in cell.features.items() if name == "mini-scorer")
    arrays = load(store.get("features", key))
    images, texts = arrays["image_features"], arrays["text_features"]
    own, other = (images * texts).sum(1), (images * np.roll(texts, 1, axis=0)).sum(1)
    drop = 100 * (np.maximum(own, 0) - np.maximum(other, 0))
    estimate = mean_interval(drop, list(range(len(drop))))
    return Bar(
        "CLIP score, own captions over shuffled ones",
        "falls clearly when shuffled",
        f"{_signed(estimate)}, n = {estimate.n_clusters}",
        _above_zero(estimate),
    )


@torch.inference_mode()
def _judge_bars() -> list[Bar]:
    from diffusers import VQModel

    judge = load_judge(WEIGHTS / "judge")
    movq = VQModel.from_pretrained(WEIGHTS / "mini-2.2" / "decoder" / "movq", torch_dtype=torch.float32)
    pictures = held_out_set(_JUDGED, seed=5)

    def through(batch: torch.Tensor) -> torch.Tensor:
        latents = movq.encode(batch * 2 - 1).latents
        back: torch.Tensor = movq.decode(latents, force_not_quantize=True).sample
        return (back * 0.5 + 0.5).clamp(0, 1)

    plain = _right(judge, pictures, lambda batch: batch)
    passed = _right(judge, pictures, through)
    return [_judge_bar("", plain), _judge_bar(", through the MoVQ", passed)]


def _right(judge: Any, pictures: Any, change: Callable[[torch.Tensor], torch.Tensor]) -> torch.Tensor:
    """(n, 5) whether the judge sees each attribute of each picture."""
    chunks = [slice(i, i + 250) for i in range(0, len(pictures.pixels), 250)]
    batches = [torch.from_numpy(pictures.pixels[c]).permute(0, 3, 1, 2).float() / 255 for c in chunks]
    found = torch.cat([seen(judge, change(batch)) for batch in batches])
    right: torch.Tensor = found == pictures.attributes
    return right


def _judge_bar(how: str, right: torch.Tensor) -> Bar:
    each = right.float().mean(0).tolist()
    whole = float(right.all(1).float().mean())
    text = ", ".join(f"{name} {share:.1%}" for name, share in zip(ATTRIBUTES, each, strict=True))
    promise = f"the judge on {len(right)} world pictures of held-out captions{how}"
    return Bar(promise, "≥ 99 % right", f"{text}; all five {whole:.1%}", min(each) >= 0.99)


def page(store: Store, run_id: str, found: list[Bar], family: list[Bar]) -> str:
    """`docs/miniature.md`: ``found`` are text-to-image's bars, ``family`` those of the other versions and tasks."""
    lines = [_HEAD, *_table(found), "", "## The bars of the tasks and of 2.1 and 3", "", _TASKS, "", *_table(family)]
    lines += ["", "## Every cell of 2.2's text-to-image", "", *_cells(store.load_cells(run_id))]
    lines += ["", "## What was trained", "", *_parts()]
    packages = store.load_run(run_id).environment["software"]["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in ("torch", "diffusers", "transformers"))
    lines += ["", f"Measured with {versions}.", ""]
    return "\n".join(lines)


def _table(found: list[Bar]) -> list[str]:
    lines = ["| promise | bar | measured | kept |", "|---|---|---|---|"]
    return [*lines, *(f"| {b.promise} | {b.bar} | {b.measured} | {'yes' if b.kept else '**no**'} |" for b in found)]


_HEAD = f"""# The miniature family

Small Kandinskys 2.1, 2.2 and 3 in the real formats, trained on a procedural world of captioned shapes: 6 shapes, 8
colours of shape and of background, 3 sizes, 5 places; 5,040 captions, of which a tenth is held out from all training.
They are what makes the harness run anywhere in minutes with numbers that mean something: 2.1 in English and German
with its inpainting, 2.2 with its inpainting and its ControlNet for depth, 3, a depth estimator, an independent scorer,
a feature extractor and a judge. `harness miniature build` makes all of it again from seeds; with `--from-shipped` it
trains only what has not shipped.

This page is written by `{COMMAND}`, which runs `experiments/{SPEC}.yaml` and the experiments of the tasks on held-out
captions. Intervals are 95 %.

## The bars of 2.2's text-to-image
"""
_TASKS = """The judge looks at the pictures of `versions`, `german`, `inpainting`, `interpolation`, `controlnet-depth`;
the scores of `image-to-image` are the run's own. Each is a shipped experiment."""


def _cells(cells: list[CellRecord]) -> list[str]:
    lines = ["| cell | CLIP score | Fréchet distance | all five right |", "|---|---|---|---|"]
    for cell in cells:
        clip, frechet, truth = (score_of(cell, name) for name in ("clip_score", "frechet", "world_truth"))
        lines.append(
            f"| {cell.label} | {clip.value:.2f}{_interval(clip)} | {frechet.value:.3f} | "
            f"{truth.value:.1%}{_interval(truth, percent=True)} |"
        )
    return lines


def _parts() -> list[str]:
    parts: dict[str, dict[str, Any]] = {}
    for card in sorted(WEIGHTS.rglob("card.json")):
        parts |= json.loads(card.read_text())["parts"]
    lines = [
        "| part | steps × batch | minutes | threads | pictures/s | last loss | seed | recipe |",
        "|---|---|---|---|---|---|---|---|",
        *(_part(name, facts) for name, facts in parts.items()),
    ]
    minutes = sum(facts["seconds"] for facts in parts.values()) / 60
    size = sum(path.stat().st_size for path in WEIGHTS.rglob("*") if path.is_file())
    told = f"All parts: {minutes:.0f} minutes of one thread, two at a time {minutes / 2:.0f}."
    return [*lines, "", f"{told} All the weights: {size / 1e6:.1f} MB."]


def _part(name: str, facts: dict[str, Any]) -> str:
    speed = facts["steps"] * facts["batch"] / facts["seconds"]
    return (
        f"| {name} | {facts['steps']} × {facts['batch']} | {facts['seconds'] / 60:.0f} | {facts['threads']} "
        f"| {speed:.0f} | {facts['loss']:.4f} | {facts['seed']} | {facts['recipe_digest'][:8]} |"
    )
