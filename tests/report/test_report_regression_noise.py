"""A/A noise: spreads whose size is known, and what is not measured is not zero."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pytest
from support.audit_runs import AuditBuilder
from support.compare_runs import keep

from harness.compare.cases import CellPair
from harness.report.regression.noise import aa_pairs, noise_of
from harness.report.view import load_view
from harness.store.store import Store, open_store


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """A store of the test's own."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return open_store(tmp_path / "runs")


def _pair(store: Store, old: dict[str, Any], new: dict[str, Any]) -> CellPair:
    views = [load_view(store, keep(store, name, **how)) for name, how in (("old", old), ("new", {"anew": True, **new}))]
    return CellPair(*views, *(view.records[0] for view in views))  # type: ignore[call-arg]


def test_the_spread_is_the_deviation_of_a_visit_whatever_lies_between_the_runs(store: Store) -> None:
    found = noise_of(_pair(store, {"visits": (1.0, 1.02)}, {"visits": (2.0, 2.04)}))
    assert found.visits == 4 and found.levels == 0 and found.reason is None
    assert found.spread == pytest.approx(math.expm1(math.log(1.02) / math.sqrt(2)), rel=1e-6)


def test_visits_that_agree_have_no_spread_and_pictures_of_the_timed_calls_tell_of_pixels(store: Store) -> None:
    found = noise_of(_pair(store, {"visits": (1.0, 1.0)}, {"visits": (1.0, 1.0), "apart": 3}))
    assert found.spread == pytest.approx(0.0, abs=1e-12) and found.levels == 3


@pytest.mark.parametrize(("visits", "said"), [((), "nothing was timed"), ((1.0,), "no cell was visited twice")])
def test_what_was_not_measured_is_missing_with_its_reason(store: Store, visits: tuple[float, ...], said: str) -> None:
    found = noise_of(_pair(store, {"visits": visits}, {"visits": visits}))
    assert found.spread is None and found.reason == said


def test_a_pair_of_the_same_thing_in_the_run_is_told(tmp_path: Path) -> None:
    builder = AuditBuilder(tmp_path / "audit", prompts=4)
    builder.reference()
    builder.add("again", ratios=(0.99, 1.004, 1.0), outcome=None)
    builder.add("sdpa", outcome="no-op")
    (said,) = aa_pairs(builder.view())
    assert "again" in said and "the same pipeline twice in the run: pictures identical" in said
