"""What is kept of a machine's noise: found by its environment, the newest of a model, refused when unreadable."""

from pathlib import Path
from typing import Any

import pytest

from harness.errors import StoreError
from harness.store.noise import Noise, SmallestDifference, keep_noise, noise_of, weights_digest
from harness.store.store import Store, open_store

PRINT, WEIGHTS = "a" * 64, "b" * 64


def noise(**changes: Any) -> Noise:
    known: dict[str, Any] = {
        "fingerprint": PRINT, "model": "mini-2.2", "weights": WEIGHTS, "cell": "25 steps", "device": "a processor",
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


def found(store: Store, model: str = "mini-2.2", weights: str = WEIGHTS, fingerprint: str = PRINT) -> Noise | None:
    return noise_of(store, fingerprint, model, weights)


def test_it_is_found_by_environment_and_weights(store: Store) -> None:
    keep_noise(store, noise())
    assert found(store) == noise() == found(store, model="./a-folder")  # of the same weights
    assert found(store, fingerprint="b" * 64) is None
    assert found(store, fingerprint="") is None  # a run that recorded no environment
    assert found(store, weights="c" * 64) is None


def test_each_model_keeps_its_newest_and_so_do_its_weights(store: Store) -> None:
    others = {"model": "./a-folder"}, {"weights": "c" * 64}
    for changes in ({}, *others, {"seconds": 200.0}):
        keep_noise(store, noise(**changes))
    newest = found(store)
    assert newest is not None and newest.seconds == 200.0
    assert [found(store, **changes) for changes in others] == [noise(**changes) for changes in others]


def test_weights_are_named_by_what_is_in_them() -> None:
    """Where they lie, and what estimates a depth for them, makes no other weights of them."""
    here = {"prior": {"place": "here", "digest": "1"}, "decoder": {"place": "here", "digest": "2"}}
    there = {"decoder": {"place": "there", "digest": "2"}, "prior": {"place": "there", "digest": "1"},
             "depth estimator": {"place": "there", "digest": "3"}}  # fmt: skip
    assert weights_digest(here) == weights_digest(there)
    assert weights_digest(here) != weights_digest({**here, "prior": {"place": "here", "digest": "4"}})
    assert weights_digest(here) != weights_digest({"prior": here["prior"]})


def test_an_older_versions_is_not_taken_for_ours_and_gives_way(store: Store) -> None:
    store.put("noise", PRINT, b'{"found": [{"model": "mini-2.2"}]}')
    with pytest.raises(StoreError, match="does not read as one of this version's"):
        found(store)
    keep_noise(store, noise())
    assert found(store) == noise()


def test_a_newer_versions_is_not_overwritten(store: Store) -> None:
    newer = b'{"found": [{"schema_version": 1}, {"schema_version": 99, "name": {"of": "what"}}]}'
    store.put("noise", PRINT, newer)
    with pytest.raises(StoreError, match=r"written by a newer version \(schema 99\)") as caught:
        keep_noise(store, noise())
    assert "nothing was touched" in caught.value.do and store.get("noise", PRINT) == newer
    for older in (b'{"found": [{"schema_version": 1}]}', b"[]", b"no JSON", b'{"found": 3}'):
        store.put("noise", PRINT, older)
        keep_noise(store, noise())
        assert found(store) == noise()


def test_a_line_for_reports_names_the_visits_and_calls_that_its_numbers_are_of() -> None:
    """The table ends at five visits: a line for six must not say that its number is of six."""
    assert noise().words(6) == (
        "latency ±3.4 % between two runs of 5 visits of 5 calls, memory ±0.6 % between two runs of 3 visits, "
        "pictures identical"
    )
    alike = noise(smallest_memory=(SmallestDifference(visits=5, beside=None, apart=0.006),))
    assert alike.words(8) == "latency ±3.4 % between two runs of 5 visits of 5 calls, memory ±0.6 %, pictures identical"
    assert noise(calls=9).words(4).startswith("latency ±40.0 % between two runs of 2 visits of 9 calls")
    apart = noise(identical_pictures=False, largest_pixel_difference=3)
    assert apart.words(1) == "pictures up to 3 of 255 levels apart"
