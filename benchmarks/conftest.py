"""Two things timed in turns in one run, and a table of what came out. Nothing here asserts a speed."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.catalog.models import MODELS
from harness.plan.types import LoadGroup
from harness.run.bench import Bench
from harness.run.protocol import Hello, Load
from harness.run.worker_ops import perform
from harness.store.store import open_store

Call = Callable[[], object]
Compare = Callable[..., None]


@pytest.fixture
def compare(capsys: pytest.CaptureFixture[str]) -> Compare:
    """``compare(title, {name: call, other: call}, rounds=…)`` calls them A B A B …, after one call of each."""

    def turns(title: str, calls: dict[str, Call], *, rounds: int = 5, warm: bool = True) -> None:
        seconds: dict[str, list[float]] = {name: [] for name in calls}
        for number in range(-warm, rounds):
            for name, call in calls.items():
                began = time.perf_counter()
                call()
                if number >= 0:
                    seconds[name].append(time.perf_counter() - began)
        with capsys.disabled():
            print(f"\n{title}, {rounds} turns each\n{_table(seconds)}")

    return turns


def _table(seconds: dict[str, list[float]]) -> str:
    """Median and range of each, and the median of the ratios turn by turn."""
    first, second = seconds.values()
    lines = [
        f"  {name:<44}{statistics.median(own):>9.3f} s   {min(own):.3f} to {max(own):.3f}"
        for name, own in seconds.items()
    ]
    ratios = [b / a for a, b in zip(first, second, strict=True)]
    head = f"  {'second over first, turn by turn':<44}{statistics.median(ratios):>9.3f}"
    return "\n".join([*lines, f"{head}     {min(ratios):.3f} to {max(ratios):.3f}"])


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """What a worker has at hand, with the miniature loaded in this process."""
    found = Bench()
    store: Path = open_store(tmp_path_factory.mktemp("bench") / "runs").root
    perform(found, Hello(store=str(store), device="cpu", threads=1))()
    group = LoadGroup(
        id="g",
        model="mini-2.2",
        task="text-to-image",
        api="two-stage",
        dtype="float32",
        optimizations=(),
        cells=(),
    )
    perform(found, Load(group=group, model=MODELS["mini-2.2"]))()
    return found
