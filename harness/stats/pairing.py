"""Pair two cells' values, and average the seeds of a prompt: the prompt is the independent unit."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float64]
Direction = Literal["higher", "lower"]


def average_by_cluster(values: Sequence[float] | Vector, clusters: Sequence[Hashable]) -> tuple[list[Hashable], Vector]:
    """Each cluster's mean.

    Args:
        values: (n,) numbers.
        clusters: (n,) the prompt each value belongs to.

    Returns:
        The clusters in order of first appearance, and their means, ``(clusters,)``.

    Raises:
        ValueError: the lengths differ.
    """
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or len(array) != len(clusters):
        raise ValueError(f"{array.shape} values for {len(clusters)} clusters: one cluster for each value is needed")
    names, index = cluster_index(clusters)
    counts = np.bincount(index, minlength=len(names))
    return names, np.bincount(index, weights=array, minlength=len(names)) / np.maximum(counts, 1)


def cluster_index(clusters: Sequence[Hashable]) -> tuple[list[Hashable], NDArray[np.intp]]:
    """The clusters in order of first appearance, and for each row the position of its cluster among them."""
    position = {name: i for i, name in enumerate(dict.fromkeys(clusters))}
    return list(position), np.array([position[name] for name in clusters], dtype=np.intp)


@dataclass(frozen=True)
class Paired:
    """Two cells on the same prompts: (prompts,) means over the rows that both have.

    ``correlation`` is Pearson's, ``None`` where it has no meaning (fewer than three prompts, or no spread): common
    random numbers help a comparison only as far as the two correlate.
    """

    clusters: list[Hashable]
    cell: Vector
    reference: Vector
    n_rows: int
    correlation: float | None


def pair(cell: Mapping[str, float], reference: Mapping[str, float], cluster_of: Mapping[str, Hashable]) -> Paired:
    """Pair two cells row by row (a row is a prompt and a seed), then average each prompt's rows.

    Args:
        cell, reference: row id -> value. Rows that only one of them has are left out.
        cluster_of: row id -> prompt.
    """
    rows = [row for row in cell if row in reference]
    clusters = [cluster_of[row] for row in rows]
    names, first = average_by_cluster([cell[row] for row in rows], clusters)
    _, second = average_by_cluster([reference[row] for row in rows], clusters)
    return Paired(names, first, second, len(rows), _correlation(first, second))


def _correlation(first: Vector, second: Vector) -> float | None:
    if len(first) < 3 or np.ptp(first) == 0 or np.ptp(second) == 0:
        return None
    return float(np.corrcoef(first, second)[0, 1])


def paired_harm(cell: Vector, reference: Vector, *, direction: Direction, relative: bool = False) -> Vector:
    """How much worse the cell is than its reference, prompt by prompt; positive is worse.

    Args:
        cell, reference: (prompts,) values, in the same order.
        direction: which way the metric is better.
        relative: the logarithm of the ratio (time and memory) instead of the difference.

    Raises:
        ValueError: a relative harm of a number that is not positive.
    """
    if relative and not (np.all(cell > 0) and np.all(reference > 0)):
        raise ValueError("a ratio needs positive numbers on both sides")
    worse = np.log(cell / reference) if relative else cell - reference
    return worse if direction == "lower" else -worse


def harm_by_visit(cell: Mapping[int, float], reference: Mapping[int, float]) -> Vector | None:
    """The relative harm of costs that were taken by turns, visit by visit; ``None``: one is no number above zero.

    Args:
        cell, reference: visit -> cost; a visit that one of them lacks is left out.
    """
    common = [visit for visit in cell if visit in reference]
    costs = [np.array([side[visit] for visit in common], dtype=np.float64) for side in (cell, reference)]
    if not all(np.all(np.isfinite(cost) & (cost > 0)) for cost in costs):
        return None
    return paired_harm(costs[0], costs[1], direction="lower", relative=True)


def in_unit(harm: float | None, *, direction: Direction, relative: bool = False) -> float | None:
    """A mean harm as cell minus reference in the metric's unit; a log ratio as the ratio minus one."""
    if harm is None:
        return None
    if relative:
        return float(np.expm1(harm))
    return harm if direction == "lower" else -harm
