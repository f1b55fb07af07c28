"""The world's cases for each task, as the tables below `experiments/inputs/`: `python -m harness.miniature.cases`.

Captions are held out from training. Every picture is drawn from its caption and a seed, so that its truth is known.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

import harness
from harness.catalog.drawing import SIDE, sample
from harness.catalog.world import COLOURS, PLACES, SHAPES, SIZES, Scene, scenes, split

FOLDER = Path(harness.__file__).parent.parent / "experiments" / "inputs"
_AROUND = 4  # pixels between a shape as it is captioned and the mask's edge
_SEED = 7

Row = dict[str, Any]


def _wanted(n: int) -> list[Scene]:
    """Different held-out scenes, in an order of their own."""
    rng = np.random.default_rng(_SEED)
    held_out = split()[1]
    return [held_out[i] for i in rng.permutation(len(held_out))[:n]]


def image_to_image(n: int = 48) -> Iterator[Row]:
    """Each starts from another shape of another colour, on the same background."""
    rng = np.random.default_rng(_SEED + 1)
    for i, scene in enumerate(_wanted(n)):
        yield {"prompt": scene.caption(), "image": {"world": other_thing(scene, rng).caption(), "seed": i}}


def inpainting(n: int = 100) -> Iterator[Row]:
    """Another picture of the same background, and a hole where the caption puts its shape."""
    rng = np.random.default_rng(_SEED + 2)
    for i, scene in enumerate(_wanted(n)):
        source = {"world": other_thing(scene, rng).caption(), "seed": i}
        yield {"prompt": scene.caption(), "image": source, "mask": {"box": list(hole(scene))}}


def interpolation(n: int = 48) -> Iterator[Row]:
    """Two captions that differ in one thing: half of them in colour, half in shape."""
    rng = np.random.default_rng(_SEED + 3)
    for i, scene in enumerate(_wanted(n)):
        yield {"mix": [scene.caption(), (_recoloured if i % 2 else _reshaped)(scene, rng).caption()]}


def controlnet(n: int = 100) -> Iterator[Row]:
    """The hint is the depth of the caption's shape at another place."""
    rng = np.random.default_rng(_SEED + 4)
    for i, scene in enumerate(_wanted(n)):
        places = [place for place in PLACES if place != scene.place]
        moved = replace(scene, place=str(rng.choice(places)))
        yield {"prompt": scene.caption(), "image": {"world": moved.caption(), "seed": i}, "hint": "estimate"}


def every_task(n: int = 8) -> Iterator[Row]:
    """Rows that serve every task: each takes of them what it needs."""
    rng = np.random.default_rng(_SEED + 5)
    for i, scene in enumerate(_wanted(n)):
        other = other_thing(scene, rng)
        yield {
            "prompt": scene.caption(), "image": {"world": other.caption(), "seed": i},
            "mask": {"box": list(hole(scene))}, "hint": "estimate",
            "mix": [scene.caption(), _recoloured(scene, rng).caption()], "weights": [0.5, 0.5],
        }  # fmt: skip


def other_thing(scene: Scene, rng: np.random.Generator) -> Scene:
    """A scene of another shape and another colour on the same background."""
    others = [
        other
        for other in scenes()
        if other.background == scene.background and other.shape != scene.shape and other.colour != scene.colour
    ]
    return sample(others, 1, rng)[0]


def hole(scene: Scene) -> tuple[int, int, int, int]:
    """Left, top, right, bottom of a mask where the caption puts the shape, pixels."""
    reach, (x, y) = int(SIZES[scene.size]) + _AROUND, PLACES[scene.place][1]
    left, top, right, bottom = (SIDE // 2 + at for at in (x - reach, y - reach, x + reach, y + reach))
    return max(left, 0), max(top, 0), min(right, SIDE), min(bottom, SIDE)


def _recoloured(scene: Scene, rng: np.random.Generator) -> Scene:
    free = [colour for colour in COLOURS if colour not in (scene.colour, scene.background)]
    return replace(scene, colour=str(rng.choice(free)))


def _reshaped(scene: Scene, rng: np.random.Generator) -> Scene:
    return replace(scene, shape=str(rng.choice([shape for shape in SHAPES if shape != scene.shape])))


TABLES: dict[str, Callable[[], Iterator[Row]]] = {
    "image-to-image": image_to_image,
    "inpainting": inpainting,
    "interpolation": interpolation,
    "controlnet": controlnet,
    "every-task": every_task,
}


def text(name: str) -> str:
    """A table as it is committed: a row a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in TABLES[name]())


def write(folder: Path = FOLDER) -> None:
    """Write all tables."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in TABLES:
        (folder / f"{name}.jsonl").write_text(text(name), encoding="utf-8")


if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
