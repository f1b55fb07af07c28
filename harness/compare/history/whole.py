"""The verb's walk: read the runs, join what can be joined, look for changes of level."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from harness.compare.history.gather import Gathered, Joined, gather, unit_of
from harness.compare.history.labels import labels
from harness.compare.history.levels import CAUTION, series_of
from harness.compare.history.types import History
from harness.errors import HarnessError, MissingError, UsageError
from harness.report.text import listing, plural
from harness.report.view import RunView, load_view
from harness.store.store import Store


def history(
    store: Store, metric: str, *, cells: Mapping[str, Sequence[str]] | None = None, runs: Sequence[str] = ()
) -> History:
    """A metric over the store's runs.

    Args:
        store: where they lie.
        metric: of the catalog, or ``latency`` or ``peak_memory``.
        cells: knob -> values; all cells where it is empty.
        runs: names or ids of runs; all where there are none.

    Raises:
        MissingError: no such run, or nothing in the runs has that metric.
        UsageError: a knob or a metric that does not exist.
    """
    views, unread = _views(store, runs)
    found = gather(views, metric, cells or {})
    if not found.series:
        raise _nothing(metric, found, views, dict(cells or {}))
    unit, direction = unit_of(views, metric)
    grown = list(found.series.values())
    series = tuple(series_of(one, metric, direction, label) for one, label in zip(grown, labels(grown), strict=True))
    caution = [CAUTION] if any(one.why_no_test is None for one in series) else []
    return History(
        metric=metric,
        unit=unit,
        direction=direction,
        series=series,
        runs=len(views),
        notes=(*_apart(found), *_left_out(found), *unread, *caution),
    )


def _views(store: Store, names: Sequence[str]) -> tuple[list[RunView], list[str]]:
    """The runs in the order of time; one that cannot be read is told, and hides no other."""
    views, unread = [], []
    for run_id in _wanted(store, names):
        try:
            views.append(load_view(store, run_id))
        except HarnessError as error:
            unread.append(f"{run_id} was left out: {error.happened}")
    return sorted(views, key=lambda view: (view.run.started_ms, view.run.run_id)), unread


def _wanted(store: Store, names: Sequence[str]) -> list[str]:
    """Every run of each name; a text that is no name is an id, or the beginning of one."""
    ids = store.run_ids()
    if not names:
        return ids
    by_name = {run_id: store.runs.folder(run_id).name() for run_id in ids}
    found: list[str] = []
    for text in names:
        found += [run_id for run_id in ids if by_name[run_id] == text] or [store.find_run(text)]
    return list(dict.fromkeys(found))


def _nothing(metric: str, found: Gathered, views: list[RunView], cells: dict[str, Sequence[str]]) -> HarnessError:
    if not views:
        return MissingError("There is no run to look at.", do="`harness run SPEC` makes one; `harness ls` shows them")
    if found.left:
        reason, whose = next(iter(found.left.items()))
        return MissingError(f"No run has a value of {metric}: {reason} ({listing(whose, 3)}).")
    if not found.metrics:
        told = ", ".join(f"{knob}={'|'.join(values)}" for knob, values in cells.items())
        return UsageError(f"No cell of {plural(len(views), 'run')} has {told}." if told else "No run has a result yet.",
                          expected="values as `harness status RUN` shows them")  # fmt: skip
    near = difflib.get_close_matches(metric, found.metrics, n=1)
    return UsageError(
        f"No run has a {metric}.",
        expected=f"one of {', '.join(sorted(found.metrics))}",
        do=f"did you mean {near[0]}?" if near else "",
    )


def _apart(found: Gathered) -> Iterator[str]:
    """Why a cell has more than one series."""
    by_cell: dict[str, list[Joined]] = {}
    for (cell, _), joined in found.series.items():
        by_cell.setdefault(cell, []).append(joined)
    for group in by_cell.values():
        for one, other in pairwise(group):
            names = [n for n in {**one.shares, **other.shares} if one.shares.get(n) != other.shares.get(n)]
            told = ", ".join(f"{n} {_short(one.shares.get(n))} and {_short(other.shares.get(n))}" for n in names)
            yield f"{one.cell} has series that are not joined, for their numbers are not of one kind: {told}"


def _short(value: object) -> str:
    text = "none" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}…"


def _left_out(found: Gathered) -> Iterator[str]:
    for reason, whose in found.left.items():
        yield f"left out: {reason} ({listing(whose, 3)})"
