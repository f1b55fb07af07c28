"""What every pass of a run has on its desk."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

from harness.catalog.stacks import compiles, label_of_stack
from harness.catalog.types import ModelRow, WeightsRow
from harness.plan.types import LoadGroup, Plan
from harness.run.keybook import KeyBook
from harness.run.ledger import Ledger
from harness.run.progress import Reporter
from harness.store.records import Failure
from harness.store.store import Store

Turn = threading.RLock


class StoppingError(Exception):
    """The run ends early: what fails from now on is nobody's result."""


class Turns:
    """One lock for each key: whoever is second waits for the first's result instead of computing it again."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[str, Turn] = defaultdict(threading.RLock)

    def lock(self, key: str) -> Turn:
        """The lock of ``key``; a station may hold it twice, for two batches with the same rows."""
        with self._guard:
            return self._locks[key]


@dataclass(frozen=True)
class Desk:
    """A run's plan, its places and its helpers; shared by the passes, owned by none."""

    plan: Plan
    models: dict[str, ModelRow]  # places resolved: a hub's revision is a commit here
    scorers: dict[str, WeightsRow]  # by name, places resolved
    store: Store
    ledger: Ledger
    keys: KeyBook
    tell: Reporter
    fresh: bool
    remeasure: bool
    turns: Turns = field(default_factory=Turns)
    fresh_priors: set[str] = field(default_factory=set)  # made in this run under ``fresh``
    lost_sets: dict[str, Failure] = field(default_factory=dict)  # by key: reference sets that could not be looked at
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.ledger.run.run_id

    def tell_of_compiling(self, group: LoadGroup, before: str) -> None:
        """That a while without a line is the compiler's, where a group that was just loaded compiles."""
        if compiles(group.optimizations):
            self.tell.say(f"{label_of_stack(group.optimizations)}: compiles before {before}, which may take minutes")

    def go_on(self) -> None:
        """Raise ``StoppingError`` once the run is to end: its workers are being stopped, which is no cell's failure."""
        if self.stopping.is_set():
            raise StoppingError
