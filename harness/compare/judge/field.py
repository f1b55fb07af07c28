"""Who meets whom, and on which rows: the cells of one run, all against one, or the same cells of two runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.compare.judge.types import Contestant
from harness.compare.matching import RowPair, match_cells, match_rows
from harness.errors import MissingError, UsageError
from harness.report.text import listing, plural
from harness.report.view import RunView, find_cell
from harness.store.records import CellRecord

Bout = tuple[int, int]  # two contestants by number


@dataclass(frozen=True)
class Stand:
    """A contestant with the run that its pictures lie in."""

    view: RunView
    cell: CellRecord
    label: str

    @property
    def named(self) -> Contestant:
        """As the key holds it."""
        return Contestant(label=self.label, run_id=self.view.run.run_id, cell_id=self.cell.cell_id)


@dataclass(frozen=True)
class Field:
    """All that may be shown. ``rows``: for each bout, its rows by one name in all bouts -> that row on both sides."""

    stands: tuple[Stand, ...]
    bouts: tuple[Bout, ...]
    rows: tuple[dict[str, RowPair], ...]
    linked: bool  # whether the bouts are meant to rank everybody against everybody
    notes: tuple[str, ...] = ()


def of_one_run(view: RunView, named: Sequence[str], hub: str | None) -> Field:
    """The cells of a run against each other, or all of them against one.

    Args:
        view: the run.
        named: which cells; none: all that are done.
        hub: the cell that all others meet.

    Raises:
        HarnessError: there are no two, or no such cell.
    """
    wanted = [find_cell(view, text) for text in named] or list(view.cells)
    first = [find_cell(view, hub)] if hub is not None else []
    ids = {cell.cell_id for cell in first}
    cells = [*(cell for cell in {cell.cell_id: cell for cell in wanted}.values() if cell.cell_id not in ids), *first]
    done = [cell for cell in cells if cell.status == "done"]
    left = [f"{cell.label} has no pictures, for it is {cell.status}: left out" for cell in cells if cell not in done]
    if first and first[0] not in done:
        raise MissingError(f"{first[0].label} has no pictures: it is {first[0].status}.", do="name another cell")
    if len(done) < 2:
        raise UsageError(
            f"{plural(len(done), 'cell')} of {view.run.run_id} can be judged: a pair needs two.",
            do="name another run with --against, or sweep something in the spec",
        )
    stands = tuple(Stand(view, cell, cell.label) for cell in done)
    last = len(done) - 1
    bouts = tuple((place, last) for place in range(last)) if first else round_robin(len(done))
    return _field(stands, bouts, linked=True, notes=left)


def of_two_runs(baseline: RunView, run: RunView, named: Sequence[str]) -> Field:
    """Each cell of a run against the same cell of another.

    Raises:
        UsageError: they share no cell that is done in both.
    """
    wanted = {find_cell(run, text).cell_id for text in named}
    pairs = [pair for pair in match_cells(baseline, run).pairs if not wanted or pair[1].cell_id in wanted]
    done = [pair for pair in pairs if all(cell.status == "done" for cell in pair)]
    if not done:
        raise UsageError(
            f"{baseline.run.run_id} and {run.run.run_id} share no cell that both have pictures of.",
            do="`harness compare` says which cells they share; --against takes a cell of the run, too",
        )
    stands = tuple(
        Stand(view, cell, f"{cell.label} ({_name(view, other)})")
        for old, new in done
        for view, cell, other in ((run, new, baseline), (baseline, old, run))
    )
    bouts = tuple((2 * place, 2 * place + 1) for place in range(len(done)))
    left = [f"{cell.label} is not done in both runs: left out" for cell, other in pairs if (cell, other) not in done]
    return _field(stands, bouts, linked=False, notes=left)


def _name(view: RunView, other: RunView) -> str:
    return view.run.name if view.run.name != other.run.name else view.run.run_id


def round_robin(count: int) -> tuple[Bout, ...]:
    """Every two once, in rounds in which each plays once (the circle method): any beginning of it is balanced."""
    seats = [*range(count), *([-1] if count % 2 else [])]
    bouts: list[Bout] = []
    for _ in range(len(seats) - 1):
        met = zip(seats, reversed(seats), strict=True)
        bouts += [(min(a, b), max(a, b)) for a, b in list(met)[: len(seats) // 2] if min(a, b) >= 0]
        seats = [seats[0], seats[-1], *seats[1:-1]]
    return tuple(bouts)


def _field(stands: tuple[Stand, ...], bouts: tuple[Bout, ...], *, linked: bool, notes: list[str]) -> Field:
    rows = [_shared_rows(stands[i], stands[j]) for i, j in bouts]
    common = set(rows[0]).intersection(*rows[1:])
    if not common:
        raise UsageError(
            f"No row is in all of {listing([stand.label for stand in stands])}.",
            expected="cells that make pictures of the same prompts, seeds and inputs",
            do="choose those of one task with --cell",
        )
    met = list(zip(bouts, rows, strict=True))
    lacking = {row for row in common for bout, found in met if _unseen(stands, bout, found[row])}
    kept = [{name: found[name] for name in found if name in common - lacking} for found in rows]
    if not kept[0]:
        raise MissingError(
            "Not one pair of pictures is in the store.", do="repeat the run: what is missing is made anew"
        )
    if lacking:
        notes = [*notes, f"{plural(len(lacking), 'row')} left out: a picture is no longer stored"]
    if any(set(found) != common for found in rows):
        notes = [*notes, f"only the {plural(len(common), 'row')} that all cells share are shown"]
    return Field(stands, bouts, tuple(kept), linked, tuple(notes))


def _shared_rows(one: Stand, other: Stand) -> dict[str, RowPair]:
    pairs, _, _ = match_rows(one.view, one.cell, other.view, other.cell)
    named = 0 if one.view is other.view else 1  # rows of two runs go by the baseline's names
    return {pair[named].id: pair for pair in pairs}


def _unseen(stands: tuple[Stand, ...], bout: Bout, rows: RowPair) -> bool:
    """Whether a side's picture is surely absent; it is looked for, not read, for there may be very many."""
    sides = zip((stands[place] for place in bout), rows, strict=True)
    return any(not _is_stored(stand, row.id) for stand, row in sides)


def _is_stored(stand: Stand, row: str) -> bool:
    batch = stand.cell.batch_of(row)
    return batch is not None and stand.view.store.has("images", batch.key)


def is_linked(contestants: int, bouts: Sequence[Bout]) -> bool:
    """Whether the bouts connect everybody, so that a ranking can be made of them."""
    group = list(range(contestants))
    for i, j in bouts:
        group = [group[i] if name == group[j] else name for name in group]
    return all(one == other for one, other in pairwise(group))
