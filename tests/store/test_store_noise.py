"""What is kept of a machine's noise: found by its environment, the newest of a model, refused when unreadable."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.store.noise import Noise, SmallestDifference, keep_noise, noise_of
from harness.store.store import Store, open_store

PRINT = "a" * 64


def noise(**changes: Any) -> Noise:
    known: dict[str, Any] = {
        "fingerprint": PRINT, "model": "mini-2.2", "cell": "25 steps", "device": "a processor",
        "measured_at": "2026-11-27T03:00:00+00:00", "seconds": 100.0, "visits": 6, "calls": 5, "latency_s": 0.1,
        "between_calls": 0.01, "between_visits": 0.02, "beside": 0.001, "beside_low": -0.004, "beside_high": 0.006,
        "drift": 0.01, "trend_per_minute": 0.0, "trend_low": -0.01, "trend_high": 0.01,
        "smallest": (SmallestDifference(visits=2, beside=None, apart=0.4),
                     SmallestDifference(visits=5, beside=0.01, apart=0.034)),
        "smallest_memory": (SmallestDifference(visits=3, beside=None, apart=0.006),),
        "peak_memory_bytes": 2**20, "memory_between_visits": 0.002, "identical_pictures": True,
        "largest_pixel_difference": 0,
    }  # fmt: skip
    return Noise(**{**known, **changes})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return open_store(tmp_path)


def test_it_is_found_by_the_environment_alone(store: Store) -> None:
    keep_noise(store, noise())
    assert noise_of(store, PRINT) == noise()
    assert noise_of(store, "b" * 64) is None
    assert noise_of(store, "") is None  # a run that recorded no environment


def test_each_model_keeps_its_newest(store: Store) -> None:
    keep_noise(store, noise())
    keep_noise(store, noise(model="mini-3"))
    keep_noise(store, noise(seconds=200.0))
    found = noise_of(store, PRINT)
    assert found is not None and (found.model, found.seconds) == ("mini-2.2", 200.0)
    other = noise_of(store, PRINT, "mini-3")
    assert other is not None and other.seconds == 100.0
    assert noise_of(store, PRINT, "mini-2.1") is None


def test_another_versions_is_not_taken_for_ours(store: Store) -> None:
    store.put("noise", PRINT, b'{"found": [{"model": "mini-2.2"}]}')
    with pytest.raises(StoreError, match="does not read as one of this version's"):
        noise_of(store, PRINT)


def test_a_line_for_reports_is_of_no_more_visits_than_were_made() -> None:
    assert noise().words(6) == "latency ±3.4 % between two runs of 6 visits, memory ±0.6 %, pictures identical"
    assert noise().words(4).startswith("latency ±40.0 % between two runs of 4 visits")
    apart = noise(identical_pictures=False, largest_pixel_difference=3)
    assert apart.words(1) == "pictures up to 3 of 255 levels apart"
