"""The training set: pictures drawn once, kept as arrays, and found again by what they show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from harness.catalog.drawing import SIDE, Layout, arrange, joined, paint, sample
from harness.catalog.world import Scene, split

PICTURES = 30_000
_CHUNK = 1_000

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """Pictures of the world and their scenes."""

    pixels: NDArray[np.uint8]  # (n, 64, 64, 3)
    which: Ints  # (n,) index into ``pool``
    pool: Sequence[Scene]
    seed: int  # of the draw

    @cached_property
    def layout(self) -> Layout:
        """How each picture was drawn, from the same seed again."""
        return joined([layout for layout, _ in _arranged(self.pool, len(self.which), self.seed)])

    @cached_property
    def attributes(self) -> torch.Tensor:
        """(n, 5) attribute indices."""
        table = torch.tensor([scene.indices() for scene in self.pool])
        return table[torch.from_numpy(self.which)]

    @cached_property
    def by_colours(self) -> list[Ints]:
        """Rows of each (colour, background) pair: what is left to tell apart is shape, size and place."""
        pairs = (self.attributes[:, 1] * 8 + self.attributes[:, 2]).numpy()
        return [np.flatnonzero(pairs == pair) for pair in np.unique(pairs)]

    @cached_property
    def alike(self) -> list[Ints]:
        """For each row, the rows that show the same shape, colours and size, wherever it stands."""
        *_, groups = np.unique(self.attributes[:, :4].numpy(), axis=0, return_inverse=True)
        groups = groups.reshape(-1)
        members = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
        return [members[group] for group in groups]

    def tensor(self, rows: Ints) -> torch.Tensor:
        """(len(rows), 3, 64, 64) in [-1, 1]."""
        return to_tensor(self.pixels[rows])


def to_tensor(pixels: NDArray[np.uint8]) -> torch.Tensor:
    """(n, h, w, 3) bytes → (n, 3, h, w) in [-1, 1]: what the MoVQ and the CLIP towers take."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div(127.5).sub(1.0).contiguous()


def to_pixels(tensor: torch.Tensor) -> NDArray[np.uint8]:
    """The way back, as the pipelines round it."""
    unit = (tensor * 0.5 + 0.5).clamp(0, 1).permute(0, 2, 3, 1).float().numpy()
    pixels: NDArray[np.uint8] = (unit * 255).round().astype(np.uint8)
    return pixels


def drawn(pool: Sequence[Scene], n: int, seed: int) -> Pictures:
    """``n`` pictures of scenes drawn evenly from ``pool``."""
    position = {scene: i for i, scene in enumerate(pool)}
    made = [(paint(layout), scenes) for layout, scenes in _arranged(pool, n, seed)]
    which = [position[scene] for _, scenes in made for scene in scenes]
    return Pictures(np.concatenate([pixels for pixels, _ in made]), np.array(which), pool, seed)


def _arranged(pool: Sequence[Scene], n: int, seed: int) -> Iterator[tuple[Layout, list[Scene]]]:
    """Layouts and scenes, a thousand at a time."""
    rng = np.random.default_rng(seed)
    scenes = sample(pool, n, rng)
    for i in range(0, n, _CHUNK):
        yield arrange(scenes[i : i + _CHUNK], rng), scenes[i : i + _CHUNK]


def other_things(pictures: Pictures, n: int, seed: int = 4) -> Layout:
    """For each of the first ``n`` pictures another one's shape on the same background, or in an eighth of them none."""
    rng, n = np.random.default_rng(seed), min(n, len(pictures.which))
    colour, background = pictures.attributes[:, 1].numpy(), pictures.attributes[:n, 2].numpy()
    other = rng.integers(0, len(pictures.which), n)
    while len(lost := np.flatnonzero(colour[other] == background)):
        other[lost] = rng.integers(0, len(pictures.which), len(lost))
    things, grounds = pictures.layout[other], pictures.layout[:n]
    away = np.where(rng.random((n, 1)) < 1 / 8, np.float32(-10 * SIDE), things.centre)
    return replace(things, centre=away, ground=grounds.ground, angle=grounds.angle)


def training_set(folder: Path, seed: int = 1) -> Pictures:
    """The training pictures, drawn at the first call and read from ``folder`` afterwards."""
    path = folder / f"world-{PICTURES}-{seed}.npz"
    train, _ = split()
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        made = drawn(train, PICTURES, seed)
        partial = path.with_suffix(".part.npz")
        np.savez(partial, pixels=made.pixels, which=made.which)
        partial.replace(path)
    with np.load(path, allow_pickle=False) as arrays:
        return Pictures(arrays["pixels"], arrays["which"], train, seed)


def held_out_set(n: int, seed: int = 2) -> Pictures:
    """Pictures of captions that no part was trained on."""
    _, held_out = split()
    return drawn(held_out, n, seed)
