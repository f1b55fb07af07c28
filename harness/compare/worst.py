"""The pictures that lost most: old, new and their difference side by side, one file each."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from harness.compare.compare import Seen
from harness.compare.matching import RowPair
from harness.compare.outputs import put
from harness.compare.pictures import Pixels, both, pixels
from harness.compare.types import Compared, Worst
from harness.report.text import metric_words, number

SHOWN = 3
_GAP = 8  # pixels of white between two pictures
_ALIKE = 3  # levels of 255 that nobody sees: another order of sums moves a picture by so much


@dataclass(frozen=True)
class _Candidate:
    seen: Seen
    rows: RowPair
    regressed: bool  # its cell has a metric of pictures that regressed
    harm: float  # in margins, of the metric that lost most; 0 where none lost
    metric: str
    apart: float  # mean difference, of 255 levels

    @property
    def rank(self) -> tuple[bool, float, float]:
        """What is shown first: a cell that regressed, then the largest harm, then the largest difference."""
        return self.regressed, self.harm, self.apart

    @property
    def words(self) -> str:
        """Why it is shown."""
        apart = f"pixels {number(self.apart, 1)} of 255 levels apart on average"
        if self.harm <= 0:
            return apart
        return f"{metric_words(self.metric)} worse by {number(self.harm, 1)} margins, {apart}"


@dataclass(frozen=True)
class Triple:
    """A picture that lost most: what is said of it, and old, new and difference beside each other, PNG."""

    told: Worst
    png: bytes


def write_worst(compared: Compared, seen: Sequence[Seen], folder: Path, *, shown: int = SHOWN) -> tuple[Worst, ...]:
    """Write ``worst-1.png`` and so on into ``folder``; rows whose pictures are identical are not among them."""
    found = worst_of(compared, seen, shown=shown)
    for one in found:
        put(folder / one.told.file, one.png, "--out")
    return tuple(one.told for one in found)


def worst_of(compared: Compared, seen: Sequence[Seen], *, shown: int = SHOWN) -> tuple[Triple, ...]:
    """The worst first; rows whose pictures are identical are not among them, and no picture is among them twice."""
    found = _distinct(sorted(_candidates(compared, seen), key=lambda one: one.rank, reverse=True), shown)
    return tuple(_triple(one, f"worst-{place}.png") for place, one in enumerate(found, start=1))


def _distinct(ranked: Sequence[_Candidate], shown: int) -> list[_Candidate]:
    """The first so many that do not look alike: an optimization often makes the same pictures as none."""
    taken: list[_Candidate] = []
    for one in ranked:
        if len(taken) == shown:
            break
        if not any(_alike(one, other) for other in taken):
            taken.append(one)
    return taken


def _alike(one: _Candidate, other: _Candidate) -> bool:
    """Whether two cells' pictures of a row, old and new, look the same."""
    if one.rows[0].id != other.rows[0].id:
        return False
    mine, theirs = both(one.seen.cells, one.rows), both(other.seen.cells, other.rows)
    assert mine is not None and theirs is not None  # they were held against each other
    return all(_looks_like(*two) for two in zip(mine, theirs, strict=True))


def _looks_like(one: bytes, other: bytes) -> bool:
    if one == other:
        return True
    mine, theirs = pixels(one), pixels(other)
    return mine.shape == theirs.shape and int(np.abs(mine.astype(np.int16) - theirs.astype(np.int16)).max()) <= _ALIKE


def _candidates(compared: Compared, seen: Sequence[Seen]) -> list[_Candidate]:
    found = []
    for one, cell in zip(seen, compared.cells, strict=True):
        bad = {finding.metric for finding in cell.findings if finding.verdict == "regressed"}
        harms = {case.finding.metric: case.harms for case in one.cases if case.harms is not None}
        levels = one.looked.apart if one.looked is not None else {}
        for rows in one.cells.rows:
            if rows[0].id in levels:
                lost = [(of_rows.get(rows[0].id, 0.0), metric) for metric, of_rows in harms.items()]
                harm, metric = max(lost, default=(0.0, ""))
                known = (bool(bad & set(harms)), max(harm, 0.0), metric, levels[rows[0].id])
                found.append(_Candidate(one, rows, *known))
    return found


def _triple(one: _Candidate, file: str) -> Triple:
    pictures = both(one.seen.cells, one.rows)
    assert pictures is not None  # they were held against each other
    data, amplified = triple(*pictures)
    row, label = one.rows[0], one.seen.cells.old.label
    told = Worst(cell=label, prompt=row.prompt, seed=row.seed, harm=one.words, amplified=amplified, file=file)
    return Triple(told, data)


def triple(old: bytes, new: bytes) -> tuple[bytes, float | None]:
    """PNG bytes of old, new and difference beside each other, two pictures of one size.

    Returns:
        The picture, and by how much its difference is amplified: so that the largest one is white; ``None``: there
        is none.
    """
    theirs, mine = pixels(old), pixels(new)
    apart = np.abs(mine.astype(np.int16) - theirs.astype(np.int16))
    largest = int(apart.max())
    factor = 255.0 / largest if largest else None
    shown = np.rint(apart * (factor or 0.0)).astype(np.uint8)
    return _png([theirs, mine, shown]), factor


def _png(panels: Sequence[Pixels]) -> bytes:
    height, width = panels[0].shape[:2]
    paper = np.full((height, len(panels) * (width + _GAP) - _GAP, 3), 255, dtype=np.uint8)
    for place, panel in enumerate(panels):
        left = place * (width + _GAP)
        paper[:, left : left + width] = panel
    with io.BytesIO() as out:
        Image.fromarray(paper).save(out, "PNG")
        return out.getvalue()
