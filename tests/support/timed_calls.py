"""The requests of a timing pass, heard on their way to the workers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.run import timing_visit
from harness.run.executor import Worker
from harness.run.protocol import Reply, Time

Change = Callable[["Calls", Time, Reply], Reply]


class Calls:
    """Every timed request as it is made: of which stack and how many steps; answers may be changed on their way."""

    def __init__(self, patch: pytest.MonkeyPatch, change: Change | None = None) -> None:
        self.made: list[tuple[str, int, int]] = []
        self.asked: list[Worker] = []
        call = timing_visit.call

        def heard(worker: Worker, request: Any, timeout_s: float | None = None) -> Reply:
            reply = call(worker, request, timeout_s)
            if not isinstance(request, Time):
                return reply
            settings = request.settings
            self.asked.append(worker)
            self.made.append((settings.optimizations_label, settings.num_inference_steps, request.repeats))
            return change(self, request, reply) if change else reply

        patch.setattr(timing_visit, "call", heard)

    def timed(self, repeats: int = 1) -> list[tuple[str, int]]:
        """The calls that count, or the warm-ups (0)."""
        return [(who, steps) for who, steps, asked in self.made if asked == repeats]
