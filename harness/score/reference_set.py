"""Reference sets: what a set of pictures is held against, as features or as their mean and covariance. No torch.

Pictures of a set come one by one and in a fixed order: those of a folder, or captions of the miniature's world that are
held out from all training, drawn with a stated seed.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.base import digest
from harness.catalog.drawing import arrange, paint, sample
from harness.catalog.world import split
from harness.errors import MissingError
from harness.score.frechet import Statistics, statistics_of
from harness.score.prdc import NEAREST_DC
from harness.spec.picture_cells import PICTURE_SUFFIXES

#: What statistics are of beside their pictures: the SHA-256 of the network's weights, and how pictures come to its size
MADE_WITH = ("weights_sha256", "resize")
MOST_PICTURES = 100_000
_CHUNK = 1000  # pictures that are drawn at a time; another number would draw others


@dataclass(frozen=True)
class Reference:
    """A reference set under one network.

    ``about``: what is known of the set, as text. ``digest``: of its content, the same on every machine. ``features``
    (n, d), or ``None`` where only ``known`` statistics are to be had. ``made_with``: what a file says of ``MADE_WITH``;
    ``None`` where it needs no word: the network at hand made the features, or they are shipped with it.
    """

    about: dict[str, str]
    digest: str
    features: NDArray[np.floating] | None = None
    known: Statistics | None = None
    made_with: dict[str, str] | None = None
    _made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def statistics(self) -> Statistics:
        """Mean and covariance: the file's, or the features'."""
        if self.known is not None:
            return self.known
        assert self.features is not None
        return statistics_of(self.features)

    @property
    def n(self) -> int | None:
        """How many pictures; ``None`` where a file does not say."""
        return len(self.features) if self.features is not None else self.statistics.n

    @property
    def dimension(self) -> int:
        """d."""
        return int(self.features.shape[1]) if self.features is not None else self.statistics.dimension

    def once(self, name: str, make: Callable[[], Any]) -> Any:
        """What follows from this set alone, such as its neighbours' distances: made for the first cell only."""
        if name not in self._made:
            self._made[name] = make()
        return self._made[name]


def lack_of_features(n: int | None) -> str | None:
    """Why numbers that look at each picture of a set cannot be had of it.

    ``n``: of how many pictures there are features; ``None``: statistics alone.
    """
    if n is None:
        needs = "it needs the features of the reference set, and statistics alone are there"
        return f"{needs}: name `world` or a folder of pictures under `reference_set`"
    return f"a reference set of {n} pictures is too small" if n <= NEAREST_DC else None


def lack_of_width(known: int | None, made: int | None, name: str) -> str | None:
    """Why a set of so many features says nothing of pictures with others; nothing where one is not known."""
    if known is None or made is None or known == made:
        return None
    return f"the reference set has {known} features, {name} makes {made}"


def world_pictures(count: int, seed: int) -> Iterator[Image.Image]:
    """``count`` pictures, 64×64, of held-out captions drawn evenly and with replacement; the same for the same seed."""
    rng = np.random.default_rng(seed)
    scenes = sample(split()[1], count, rng)
    for i in range(0, count, _CHUNK):
        for pixels in paint(arrange(scenes[i : i + _CHUNK], rng)):
            yield Image.fromarray(pixels)


def picture_files(folder: Path) -> tuple[list[Path], int]:
    """The pictures of a folder and of the folders below, by name, and how many other files there are.

    Hidden ones are neither.

    Raises:
        MissingError: the folder, or one below it, cannot be looked into.
    """
    found: list[Path] = []
    others = 0
    for where, folders, names in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        kept = [Path(where, name) for name in sorted(names) if not name.startswith(".")]
        pictures = [path for path in kept if path.suffix.lower() in PICTURE_SUFFIXES]
        found += pictures
        others += len(kept) - len(pictures)
    return found, others


def _unreadable(error: OSError) -> None:
    raise MissingError(
        f"{error.filename} cannot be looked into: {error.strerror}.",
        expected="a folder of reference pictures, with all the folders below it",
        do="check `reference_set` in the spec and the rights on the folder",
    ) from error


def content_digest(each: Sequence[str]) -> str:
    """Of a set, from its pictures' SHA-256: their names and their order are no part of it."""
    return digest(sorted(each))


def pixel_digest(picture: Image.Image) -> str:
    """SHA-256 of a picture's size and pixels."""
    head = f"{picture.mode}:{picture.width}x{picture.height}:".encode()
    return hashlib.sha256(head + picture.tobytes()).hexdigest()
