"""Which cell of one run is which of another, and which row: by what they mean, never by what they are called."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from harness.base import digest
from harness.plan.needs import used
from harness.plan.types import InputRow, Settings
from harness.report.view import RunView
from harness.store.records import CellRecord

_Thing = TypeVar("_Thing")
RowPair = tuple[InputRow, InputRow]  # of the baseline, of the run


@dataclass(frozen=True)
class Matched:
    """Pairs of cells (baseline's, run's) in the baseline's order, and those that have no partner."""

    pairs: tuple[tuple[CellRecord, CellRecord], ...]
    only_baseline: tuple[CellRecord, ...]
    only_run: tuple[CellRecord, ...]


def match_cells(baseline: RunView, run: RunView) -> Matched:
    """Pair the cells of two runs.

    A cell is its settings. The batch of the quality pass is no part of what it means, nor is what a scheduler is called
    in tables. A model's name is, unless without it there is just one candidate on each side: the same model lies in
    another folder on another machine.
    """
    named, old, new = _pair_off(baseline.cells, run.cells, lambda cell: (cell.settings.model, meaning(cell.settings)))
    unnamed, old, new = _pair_off(old, new, lambda cell: meaning(cell.settings), sole=True)
    place = {cell.cell_id: n for n, cell in enumerate(baseline.cells)}
    pairs = sorted([*named, *unnamed], key=lambda pair: place[pair[0].cell_id])
    return Matched(tuple(pairs), tuple(old), tuple(new))


def meaning(settings: Settings) -> str:
    """A digest of everything that a cell's settings say, but for the model's name."""
    said = settings.model_dump(
        mode="json", exclude={"model": True, "batch_size": True, "scheduler": {"label", "force"}}
    )
    return digest(said)


def match_rows(
    baseline: RunView, old: CellRecord, run: RunView, new: CellRecord
) -> tuple[tuple[RowPair, ...], int, int]:
    """Pairs of rows with the same prompt, seed and inputs; how many only the baseline and only the run has."""
    theirs, mine = _by_meaning(baseline, old), _by_meaning(run, new)
    pairs = tuple((row, mine[key]) for key, row in theirs.items() if key in mine)
    return pairs, len(theirs) - len(pairs), len(mine) - len(pairs)


def _by_meaning(view: RunView, cell: CellRecord) -> dict[tuple[str, int], InputRow]:
    """What a row asks of the cell's task, and the how many-th of its kind it is -> the row."""
    seen: Counter[str] = Counter()
    found: dict[tuple[str, int], InputRow] = {}
    for row in view.rows_of(cell):
        key = digest(used(row, cell.settings.task, cell.settings.weights))
        found[key, seen[key]] = row
        seen[key] += 1
    return found


def _pair_off(
    old: Sequence[_Thing], new: Sequence[_Thing], key_of: Callable[[_Thing], Hashable], *, sole: bool = False
) -> tuple[list[tuple[_Thing, _Thing]], list[_Thing], list[_Thing]]:
    """Pairs of equal keys, and what is left on each side; ``sole``: only keys that each side has once."""
    counts = [Counter(map(key_of, side)) for side in (old, new)]
    by_key = {key_of(thing): thing for thing in new}
    pairs, left = [], []
    for thing in old:
        key = key_of(thing)
        fits = key in by_key and not (sole and any(count[key] > 1 for count in counts))
        if fits:
            pairs.append((thing, by_key.pop(key)))
        else:
            left.append(thing)
    taken = {id(mine) for _, mine in pairs}
    return pairs, left, [thing for thing in new if id(thing) not in taken]
