"""Drawing the world: captioned shapes, 64×64 pixels, with jitter of place and colour and a faint gradient."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.catalog.world import COLOURS, PLACES, SIZES, Scene

SIDE = 64
_PLACE_JITTER = 1.5  # pixels
_SIZE_JITTER = 0.04
_COLOUR_JITTER = 10.0  # of 255, each channel
_GRADIENT = 10.0  # of 255, corner to corner
_BACK, _BACK_TILT = 0.25, 0.2  # depth of the background's middle, and its change from side to side
_FRONT, _FRONT_RADIUS = 0.3, 27.0  # depth of a shape: 0.62 to 0.99, by its radius in pixels

Floats = NDArray[np.float32]


def _regular(corners: int, turn: float, inner: float | None = None) -> NDArray[np.float32]:
    """Corners of a regular polygon on the unit circle, or of a star when an inner radius is given."""
    count = corners if inner is None else 2 * corners
    angles = turn + 2 * np.pi * np.arange(count) / count
    radii = np.ones(count) if inner is None else np.where(np.arange(count) % 2 == 0, 1.0, inner)
    return np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1).astype(np.float32)


def _cross(arm: float = 0.36) -> NDArray[np.float32]:
    a, b = arm, float(np.sqrt(1 - arm**2))
    return np.array(
        [(a, b), (a, a), (b, a), (b, -a), (a, -a), (a, -b), (-a, -b), (-a, -a), (-b, -a), (-b, a), (-a, a), (-a, b)],
        dtype=np.float32,
    )


_UP = -np.pi / 2
POLYGONS: dict[str, NDArray[np.float32]] = {
    "square": _regular(4, np.pi / 4),
    "triangle": _regular(3, _UP),
    "star": _regular(5, _UP, inner=0.42),
    "cross": _cross(),
    "diamond": _regular(4, _UP) * np.array([0.68, 1.0], dtype=np.float32),
}


def _distance(points: Floats, corners: Floats) -> Floats:
    """Signed distance to polygons, negative inside.

    Args:
        points: (n, h, w, 2).
        corners: (n, k, 2).
    Source: the exact polygon distance by winding of edges (I. Quilez, 2D distance functions).
    """
    first = points - corners[:, None, None, 0]
    nearest = np.einsum("nhwc,nhwc->nhw", first, first)
    sign = np.ones_like(nearest)
    k = corners.shape[1]
    for i in range(k):
        here, before = corners[:, i], corners[:, i - 1]
        edge = (before - here)[:, None, None]
        to = points - here[:, None, None]
        along = np.clip((to * edge).sum(-1) / (edge * edge).sum(-1), 0.0, 1.0)
        gap = to - edge * along[..., None]
        nearest = np.minimum(nearest, (gap * gap).sum(-1))
        above, below = points[..., 1] >= here[:, None, None, 1], points[..., 1] < before[:, None, None, 1]
        left = edge[..., 0] * to[..., 1] > edge[..., 1] * to[..., 0]
        flips = (above & below & left) | (~above & ~below & ~left)
        sign = np.where(flips, -sign, sign)
    distance: Floats = (sign * np.sqrt(nearest)).astype(np.float32)
    return distance


def _coverage(shape: str, radius: Floats, centre: Floats) -> Floats:
    """How much of each pixel the shape covers, (n, 64, 64) in [0, 1]: its signed distance, softened by one pixel."""
    axis = np.arange(SIDE, dtype=np.float32) + 0.5
    grid = np.stack(np.meshgrid(axis, axis), axis=-1)[None]
    points = grid - centre[:, None, None]
    if shape == "circle":
        distance = np.sqrt((points**2).sum(-1)) - radius[:, None, None]
    else:
        distance = _distance(points, POLYGONS[shape][None] * radius[:, None, None])
    cover: Floats = np.clip(0.5 - distance, 0.0, 1.0).astype(np.float32)
    return cover


def _colours(names: Sequence[str], rng: np.random.Generator) -> Floats:
    base = np.array([COLOURS[name] for name in names], dtype=np.float32)
    return base + rng.uniform(-_COLOUR_JITTER, _COLOUR_JITTER, base.shape).astype(np.float32)


@dataclass(frozen=True)
class Layout:
    """Where and how each of ``n`` pictures is drawn: a scene and its jitter, all that its pixels follow from."""

    shapes: NDArray[np.str_]  # (n,)
    radius: Floats  # (n,) pixels, of the circle around the shape
    centre: Floats  # (n, 2) pixels, (x, y)
    ink: Floats  # (n, 3), of 255
    ground: Floats  # (n, 3), of 255
    angle: Floats  # (n,) radians, the way in which the background grows brighter (and nearer)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, rows: Any) -> Layout:
        """The layout of some of the pictures."""
        return Layout(**{field.name: getattr(self, field.name)[rows] for field in fields(self)})

    @property
    def boxes(self) -> Floats:
        """(n, 4) left, top, right, bottom of the square around each shape, pixels; it may reach over the border."""
        return np.concatenate([self.centre - self.radius[:, None], self.centre + self.radius[:, None]], axis=1)


def joined(layouts: Sequence[Layout]) -> Layout:
    """One layout of several."""
    columns = {field.name: [getattr(layout, field.name) for layout in layouts] for field in fields(Layout)}
    return Layout(**{name: np.concatenate(values) for name, values in columns.items()})


def arrange(scenes: Sequence[Scene], rng: np.random.Generator) -> Layout:
    """Draw the jitter of each scene."""
    n = len(scenes)
    radius = np.array([SIZES[s.size] for s in scenes]) * rng.uniform(1 - _SIZE_JITTER, 1 + _SIZE_JITTER, n)
    offset = np.array([PLACES[s.place][1] for s in scenes], dtype=np.float32)
    centre = SIDE / 2 + offset + rng.uniform(-_PLACE_JITTER, _PLACE_JITTER, (n, 2))
    ink, ground = _colours([s.colour for s in scenes], rng), _colours([s.background for s in scenes], rng)
    angle = rng.uniform(0, 2 * np.pi, n).astype(np.float32)
    shapes = np.array([s.shape for s in scenes], dtype=np.str_)
    return Layout(shapes, radius.astype(np.float32), centre.astype(np.float32), ink, ground, angle)


def paint(layout: Layout) -> NDArray[np.uint8]:
    """(n, 64, 64, 3): the pictures of a layout."""
    pictures = layout.ground[:, None, None] + _GRADIENT * _slope(layout)[..., None]
    for at, cover in _covers(layout):
        pictures[at] = (1 - cover[..., None]) * pictures[at] + cover[..., None] * layout.ink[at, None, None]
    return np.clip(np.rint(pictures), 0, 255).astype(np.uint8)


def depth(layout: Layout) -> Floats:
    """(n, 64, 64) in [0, 1], 1 being nearest: the shape before a background that recedes along its gradient.

    A larger shape is nearer, as it would be in a photograph of like things.
    """
    nearness = _BACK + _BACK_TILT * _slope(layout)
    for at, cover in _covers(layout):
        front = _FRONT + layout.radius[at, None, None] / _FRONT_RADIUS
        nearness[at] = (1 - cover) * nearness[at] + cover * front
    return nearness


def _slope(layout: Layout) -> Floats:
    """(n, 64, 64): height above the middle on a unit slope along each picture's angle."""
    axis = np.linspace(-0.5, 0.5, SIDE, dtype=np.float32)
    along, across = np.cos(layout.angle)[:, None, None], np.sin(layout.angle)[:, None, None]
    slope = along * axis[None, None] + across * axis[None, :, None]
    return np.asarray(slope, dtype=np.float32)


def _covers(layout: Layout) -> Iterator[tuple[NDArray[np.int64], Floats]]:
    """For each kind of shape, the rows that have it and how much of their pixels it covers."""
    for shape in sorted(set(layout.shapes.tolist())):
        at = np.flatnonzero(layout.shapes == shape)
        yield at, _coverage(shape, layout.radius[at], layout.centre[at])


def draw(scenes: Sequence[Scene], rng: np.random.Generator) -> NDArray[np.uint8]:
    """One picture for each scene, (n, 64, 64, 3); the same generator state gives the same pictures."""
    return paint(arrange(scenes, rng))


def sample(pool: Sequence[Scene], n: int, rng: np.random.Generator) -> list[Scene]:
    """``n`` scenes drawn evenly, with replacement."""
    return [pool[i] for i in rng.integers(0, len(pool), n)]
