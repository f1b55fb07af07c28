"""What the judge sees of the miniature's world beside what the captions say: all of it, and attribute by attribute.

All five metrics are read off the same features, so that one look at the pictures makes them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from harness.catalog.world import ATTRIBUTES, VOCABULARIES, parse_caption
from harness.run.aggregated import LEVEL, Gathered, Scored, score_of
from harness.stats.intervals import mean_interval

#: metric -> the attributes that must all be the caption's
TRUTHS: dict[str, tuple[str, ...]] = {
    "world_truth": ATTRIBUTES,
    "world_shape": ("shape",),
    "world_colours": ("colour", "background"),
    "world_size": ("size",),
    "world_place": ("place",),
}


def _truth(metric: str, gathered: Gathered) -> Scored:
    """Whether the metric's attributes are the caption's, picture by picture; needs captions of the world."""
    scenes = [parse_caption(prompt) for prompt in gathered.prompts]
    seen, asked = gathered.arrays["predictions"], [ATTRIBUTES.index(name) for name in TRUTHS[metric]]
    columns: dict[str, list[Any]] = {
        f"seen_{ATTRIBUTES[k]}": [VOCABULARIES[ATTRIBUTES[k]][i] for i in seen[:, k].tolist()] for k in asked
    }
    if not all(scenes):
        strange = sum(scene is None for scene in scenes)
        reason = f"{strange} of {len(scenes)} prompts are no captions of the miniature's world"
        return Scored(score_of(metric, gathered, None, reason=reason), columns)
    truth = np.array([scene.indices() for scene in scenes if scene is not None])
    right = (seen[:, asked] == truth[:, asked]).all(axis=1).astype(float)
    estimate = mean_interval(right, gathered.prompt_ids, level=LEVEL, share=True)
    return Scored(score_of(metric, gathered, estimate), columns | {metric: right.tolist()})


OF_THE_WORLD: dict[str, Callable[[Gathered], Scored]] = {metric: partial(_truth, metric) for metric in TRUTHS}
