"""Where a chart's point labels go, so that they cover neither points nor each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_FIELD = tuple[float, float]
Box = tuple[float, float, float, float]  # left, top, right, bottom; pixels
_CHARACTER, _LINE, _POINT, _RING = 7.2, 13.0, 6.0, 11.0
_AROUND = 80.0  # no label lies farther from its point
_NEAR = [(0, -14), (13, -9), (14, 0), (13, 9), (0, 14), (-13, 9), (-14, 0), (-13, -9)]


@dataclass(frozen=True)
class Frame:
    """A chart's scales: the way between numbers and pixels (origin at the upper left).

    ``y_knee``: the vertical scale is about linear up to it, on both sides of zero, and logarithmic beyond (symlog).
    """

    x_domain: _FIELD
    y_domain: _FIELD
    x_log: bool
    y_log: bool
    width: int
    height: int
    y_knee: float | None = None

    @classmethod
    def around(
        cls, x_low: list[float], x_high: list[float], y_low: list[float], y_high: list[float], width: int, height: int
    ) -> Frame:
        """Scales that hold all intervals with room for labels: logarithmic when numbers span a factor of 4."""
        x_log, y_log = _spans(x_low, x_high), _spans(y_low, y_high)
        return cls(
            _padded(min(x_low), max(x_high), x_log, 0.06), _padded(min(y_low), max(y_high), y_log, 0.09),
            x_log, y_log, width, height,
        )  # fmt: skip

    def pixel(self, x: float, y: float) -> tuple[float, float]:
        """Where a point lies."""
        return (
            self.width * _share(x, self.x_domain, self.x_log),
            self.height * (1 - self._share_up(y)),
        )

    def number(self, left: float, top: float) -> tuple[float, float]:
        """What lies at a pixel."""
        return (
            _at(left / self.width, self.x_domain, self.x_log),
            self._number_up(1 - top / self.height),
        )

    def _share_up(self, y: float) -> float:
        if self.y_knee is None:
            return _share(y, self.y_domain, self.y_log)
        low, high = (bent(end, self.y_knee) for end in self.y_domain)
        return _share(bent(y, self.y_knee), (low, high), False)

    def _number_up(self, share: float) -> float:
        if self.y_knee is None:
            return _at(share, self.y_domain, self.y_log)
        low, high = (bent(end, self.y_knee) for end in self.y_domain)
        return unbent(_at(share, (low, high), False), self.y_knee)


def bent(value: float, knee: float) -> float:
    """A number on a scale that is about linear up to ``knee`` and logarithmic beyond, as Vega's symlog."""
    return math.copysign(math.log1p(abs(value) / knee), value)


def unbent(place: float, knee: float) -> float:
    """The number at a place of that scale."""
    return math.copysign(knee * math.expm1(abs(place)), place)


def _spans(low: list[float], high: list[float]) -> bool:
    """Wider than a factor of four, and no wider than an axis can show: a bound next to zero asks for no decades."""
    return min(low) > 0 and 4 < max(high) / min(low) < 1e5


def _padded(low: float, high: float, log: bool, share: float) -> _FIELD:
    if log:
        factor = (high / low) ** share
        return low / factor, high * factor
    room = share * (high - low) or 0.1 * abs(high) or 1.0
    return low - room, high + room


def _share(value: float, domain: _FIELD, log: bool) -> float:
    low, high = domain
    if log:
        return math.log(value / low) / math.log(high / low)
    return (value - low) / (high - low)


def _at(share: float, domain: _FIELD, log: bool) -> float:
    low, high = domain
    return low * (high / low) ** share if log else low + share * (high - low)


def place_labels(points: list[dict[str, Any]], frame: Frame) -> dict[str, list[float]]:
    """Columns ``label_x`` and ``label_y``, in the chart's own numbers, for points as the charts have them.

    Greedy: each label in turn takes the place around its point that covers least of points, interval bars and the
    labels before it, looking further out where it is crowded.
    """
    taken = [box for point in points for box in _obstacles(point, frame)] + _lines(points, frame)
    columns: dict[str, list[float]] = {"label_x": [], "label_y": []}
    for point in points:
        if not point["text"]:  # another point's label stands for it
            columns["label_x"].append(point["x"])
            columns["label_y"].append(point["y"])
            continue
        half = _CHARACTER * max(len(str(point["text"])), 1) / 2
        x, y = _best_place(frame.pixel(point["x"], point["y"]), half, taken, frame)
        taken.append(_box(x, y, half))
        for name, value in zip(columns, frame.number(x, y), strict=True):
            columns[name].append(value)
    return columns


def shared_labels(points: list[dict[str, Any]], frame: Frame, within: float = 20.0) -> list[dict[str, Any]]:
    """Points of one text that lie together share one label, at the topmost; ``alone``: the label is one point's own."""
    places = [frame.pixel(point["x"], point["y"]) for point in points]
    groups: list[list[int]] = []
    for at, point in enumerate(points):
        near = [
            group
            for group in groups
            if points[group[0]]["text"] == point["text"]
            and any(math.dist(places[member], places[at]) <= within for member in group)
        ]
        groups = [group for group in groups if group not in near] + [[*(m for group in near for m in group), at]]
    heads = {min(group, key=lambda at: places[at][1]): len(group) == 1 for group in groups}
    return [
        {**p, "text": p["text"] if at in heads else "", "alone": heads.get(at, False)} for at, p in enumerate(points)
    ]


def _best_place(point: tuple[float, float], half: float, taken: list[Box], frame: Frame) -> tuple[float, float]:
    """Where a label of half-width ``half`` covers least, the nearest of equals."""
    left, top = point
    near = [box for box in taken if _overlap(box, (left - _AROUND, top - _AROUND, left + _AROUND, top + _AROUND))]
    best, least = point, math.inf
    for reach in (1.0, 1.6, 2.3):
        for dx, dy in _NEAR:
            sideways = math.copysign(0.6 * half, dx) if dx else 0.0
            place = left + reach * (dx + sideways), top + reach * dy
            cost = _cost(_box(*place, half), near, frame) + 12 * reach
            if cost < least:
                best, least = place, cost
    return best


def _obstacles(point: dict[str, Any], frame: Frame) -> list[Box]:
    x, y = frame.pixel(point["x"], point["y"])
    left, bottom = frame.pixel(point["x_low"], point["y_low"])
    right, top = frame.pixel(point["x_high"], point["y_high"])
    size = _RING if point["reference"] else _POINT
    dot = (x - size, y - size, x + size, y + size)
    return [dot, (left, y - 1.0, right, y + 1.0), (x - 1.0, top, x + 1.0, bottom)]


def _lines(points: list[dict[str, Any]], frame: Frame) -> list[Box]:
    """The lines that join a series' points in order, as a chain of small boxes."""
    boxes: list[Box] = []
    for name in dict.fromkeys(point["series"] for point in points):
        ordered = sorted((p for p in points if p["series"] == name), key=lambda p: float(p["order"]))
        for one, other in pairwise(frame.pixel(p["x"], p["y"]) for p in ordered):
            count = max(1, round(math.dist(one, other) / 6))
            along = [
                (one[0] + (other[0] - one[0]) * i / count, one[1] + (other[1] - one[1]) * i / count)
                for i in range(count)
            ]
            boxes += [(x - 2, y - 2, x + 2, y + 2) for x, y in along]
    return boxes


def _box(x: float, y: float, half: float) -> Box:
    return x - half - 1, y - _LINE / 2, x + half + 1, y + _LINE / 2


def _cost(box: Box, taken: list[Box], frame: Frame) -> float:
    """Covered pixels, and much more for leaving the chart."""
    covered = sum(_overlap(box, other) for other in taken)
    outside = box[0] < 0 or box[1] < 0 or box[2] > frame.width or box[3] > frame.height
    return covered + 10_000 * outside


def _overlap(one: Box, other: Box) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    return width * height if width > 0 and height > 0 else 0.0
