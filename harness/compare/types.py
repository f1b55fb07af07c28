"""What a comparison of two runs says, as data; it is rendered elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal

from harness.base import Frozen
from harness.store.records import Interval

SCHEMA_VERSION = 2
RESULT = "result"  # the finding on whether a cell could be made at all
PIXELS = "pixels"  # the finding on whether every picture is the same, where that was asked for
TAKEN_OVER = "one stored result serves both runs: nothing was made anew"

Verdict = Literal["improved", "regressed", "equivalent", "inconclusive", "not comparable", "no verdict"]
Outcome = Literal[
    "compared", "new failure", "fixed", "failed in both", "not made in the run", "not made in the baseline"
]
JUDGED: tuple[Verdict, ...] = ("improved", "regressed", "equivalent", "inconclusive")


class Finding(Frozen):
    """One metric of one cell. ``difference`` is run minus baseline in the metric's unit (a ratio minus one where
    ``relative``), ``interval`` the plain 90 % one of it; the verdict is Holm-adjusted over the whole comparison.

    *Not comparable*: the two numbers are not of one kind. *No verdict*: they are, and nothing says what would be bad.
    ``owed``: it is not comparable though the baseline has a number and a margin, and the machine is no other one.
    """

    metric: str
    verdict: Verdict
    reason: str | None = None
    baseline: float | None = None
    run: float | None = None
    relative: bool = False
    difference: float | None = None
    interval: Interval | None = None
    margin: float | None = None  # in the unit of ``difference``
    owed: bool = False
    leaning_worse: bool = False
    p: float | None = None
    p_adjusted: float | None = None
    p_sign_flip: float | None = None
    n: int = 0
    unit: Literal["prompt", "visit"] = "prompt"
    n_to_settle: int | None = None
    settles_unchanged: bool = False  # that number is the need if nothing changed, else the one at the effect seen
    smallest_effect: float | None = None  # the least harm, as ``difference``, that four of five such pairs would call
    notes: tuple[str, ...] = ()


class Pictures(Frozen):
    """The pictures of the rows that both runs made. ``largest_difference`` is of 255 levels, over all of them."""

    rows: int
    identical: int
    different: int
    missing: int  # no longer in a store
    resized: int  # of another size, and so not subtracted
    unread: int = 0  # larger than their cell's own size, or no PNG: not opened
    largest_difference: int | None


class Change(Frozen):
    """Something that is one thing in the baseline and another in the run; ``cells``: whose, if not everybody's."""

    name: str
    baseline: Any
    run: Any
    cells: tuple[str, ...] = ()


class CellCompared(Frozen):
    """One cell of the baseline and the same cell of the run.

    ``label`` names what its run sweeps, ``name`` every knob: the same cell has one name, whatever is beside it.
    """

    label: str
    name: str
    baseline_id: str
    run_id: str
    outcome: Outcome
    reason: str | None = None
    rows_only_baseline: int = 0
    rows_only_run: int = 0
    pictures: Pictures | None = None
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = ()


class OneSided(Frozen):
    """A cell that only one of the runs has; ``label`` and ``name`` as a compared one's."""

    label: str
    name: str
    cell_id: str


class Side(Frozen):
    """Which run it was."""

    run_id: str
    name: str
    place: str  # as it was asked for
    started_ms: int
    unfinished: str | None = None


class Worst(Frozen):
    """A picture that lost most: old, new and their difference beside each other in one file."""

    cell: str
    prompt: str
    seed: int
    harm: str
    amplified: float | None  # by how much the difference was made visible
    file: str


class Compared(Frozen):
    """The whole comparison."""

    schema_version: int = SCHEMA_VERSION
    baseline: Side
    run: Side
    cells: tuple[CellCompared, ...]
    only_baseline: tuple[OneSided, ...] = ()
    only_run: tuple[OneSided, ...] = ()
    environment: tuple[Change, ...] = ()
    schedulers: tuple[Change, ...] = ()
    weights: tuple[Change, ...] = ()
    unknown: tuple[str, ...] = ()  # what may have changed, and no record says
    margins: dict[str, float | str] = {}
    notes: tuple[str, ...] = ()
    worst: tuple[Worst, ...] = ()

    def findings(self) -> Iterator[tuple[CellCompared, Finding]]:
        """Every finding with its cell."""
        for cell in self.cells:
            for finding in cell.findings:
                yield cell, finding

    def count(self, verdict: Verdict) -> int:
        """How many findings have that verdict."""
        return sum(finding.verdict == verdict for _, finding in self.findings())
