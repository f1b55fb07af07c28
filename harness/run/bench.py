"""A worker's bench: what it has at hand from one operation to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from harness.errors import HarnessError
from harness.run.protocol import Answer
from harness.store.store import Store

Finish = Callable[[], Answer]  # the rest of an operation, run beside the next one: encoding and writing


@dataclass
class Bench:
    """What a worker has at hand."""

    store: Store | None = None
    device: str = "cpu"
    loaded: Any = None  # pipelines.load.Loaded
    estimated: set[str] = field(default_factory=set)  # keys of the depths that were read or made here
    makers: dict[str, Any] = field(default_factory=dict)  # weights row as JSON → score.features.FeatureMaker

    @property
    def kept(self) -> Store:
        """The store; a worker that was not greeted has none."""
        if self.store is None:
            raise HarnessError("The worker was asked to work before it was greeted.", expected="a hello first")
        return self.store

    @property
    def pipelines(self) -> Any:
        """What is loaded."""
        if self.loaded is None:
            raise HarnessError("No pipelines are loaded.", expected="a load first")
        return self.loaded
