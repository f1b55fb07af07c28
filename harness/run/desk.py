"""What every pass of a run has on its desk."""

from __future__ import annotations

import threading
from collections import defaultdict
from dataclasses import dataclass, field

from harness.catalog.types import ModelRow, WeightsRow
from harness.plan.types import Plan
from harness.run.keybook import KeyBook
from harness.run.ledger import Ledger
from harness.run.progress import Reporter
from harness.store.store import Store


class Turns:
    """One lock for each key: whoever is second waits for the first's result instead of computing it again."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def lock(self, key: str) -> threading.Lock:
        """The lock of ``key``."""
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

    @property
    def run_id(self) -> str:
        """The run's id."""
        return self.ledger.run.run_id
