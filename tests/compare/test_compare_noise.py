"""A machine's A/A noise in a comparison and in a report, where it was measured in the run's environment."""

from pathlib import Path

import pytest
from support.compare_runs import keep

from harness.compare.noise import noise_notes
from harness.report.noise import noise_words
from harness.report.provenance import provenance
from harness.report.view import load_view
from harness.store.noise import Noise, SmallestDifference, keep_noise, weights_digest
from harness.store.store import Store, open_store

PRINT = "e" * 64  # the environment of the runs that are kept


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def measured(store: Store, model: str = "mini-2.2", decoder: str = "d" * 64) -> None:
    keep_noise(store, Noise(
        fingerprint=PRINT, model=model, weights=weights_digest({"decoder": {"digest": decoder}}), cell="25 steps",
        device="a processor", measured_at="2026-11-27T03:00:00+00:00",
        seconds=100.0, visits=6, calls=5, latency_s=0.1, between_calls=0.01, between_visits=0.02, beside=0.0,
        beside_low=None, beside_high=None, drift=0.01, trend_per_minute=None, trend_low=None, trend_high=None,
        smallest=(SmallestDifference(visits=2, beside=0.01, apart=0.0345),), smallest_memory=(), peak_memory_bytes=None,
        memory_between_visits=None, identical_pictures=True, largest_pixel_difference=0))  # fmt: skip


def test_it_stands_in_the_comparison_once_where_both_were_made_alike(store: Store) -> None:
    views = [load_view(store, keep(store, name, anew=True)) for name in ("main", "candidate")]
    assert noise_notes(*views) == []
    measured(store, "mini-3", decoder="a" * 64)
    measured(store, decoder="f" * 64)
    assert noise_notes(*views) == []  # of another model, and of other weights under its name
    measured(store)
    (told,) = noise_notes(*views)
    assert told.startswith("A/A noise where both were made: latency ±3.5 % between two runs of 2 visits of 5 calls, pi")
    assert told.endswith("(6 visits of mini-2.2 on 2026-11-27).")


def test_each_side_has_its_own(store: Store, tmp_path: Path) -> None:
    measured(store)
    other = open_store(tmp_path / "elsewhere")
    here, there = load_view(store, keep(store, "main")), load_view(other, keep(other, "main"))
    assert [line[:37] for line in noise_notes(here, there)] == ["A/A noise where the baseline was made"]
    assert [line[:32] for line in noise_notes(there, here)] == ["A/A noise where the run was made"]


def test_it_stands_in_the_report_of_a_run_that_was_timed(store: Store) -> None:
    measured(store)
    timed, untimed = load_view(store, keep(store, "timed")), load_view(store, keep(store, "untimed", visits=None))
    assert len(noise_words(timed)) == 1 and noise_words(untimed) == []
    notes = next(section for section in provenance(timed) if section.title == "Notes")
    assert ("A/A noise of this environment", noise_words(timed)[0]) in notes.facts


def test_what_cannot_be_read_is_said_and_stops_nothing(store: Store) -> None:
    store.put("noise", PRINT, b"{}x")
    view = load_view(store, keep(store, "main"))
    assert "does not read as one of this version's" in noise_words(view)[0]
