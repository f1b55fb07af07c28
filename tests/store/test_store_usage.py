"""Bytes by stage and by run, adding up to what is on the disk."""

from __future__ import annotations

import pytest
from support.records import make_run

from harness.store.store import Store
from harness.store.usage import render_usage, size, usage


def _on_disk(store: Store) -> int:
    return sum(path.stat().st_size for path in store.root.rglob("*") if path.is_file())


def test_every_byte_is_counted_once(store: Store) -> None:
    make_run(store, cells=3)
    make_run(store, cells=2, minute=1)
    store.put("probe", "a" * 64, bytes(100))
    (store.root / "reports").mkdir()
    (store.root / "reports" / "page.html").write_bytes(bytes(1000))
    (store.root / "stages" / "images" / "00").mkdir(parents=True, exist_ok=True)
    (store.root / "stages" / "images" / "00" / ".part-0").write_bytes(bytes(10))
    found = usage(store)
    assert found.total_bytes == _on_disk(store)
    assert (found.leftover_files, found.leftover_bytes) == (1, 10)
    assert found.copies_bytes >= 1000


def test_a_run_owns_what_no_other_names(store: Store) -> None:
    first = make_run(store, cells=3)
    alone = usage(store).runs[0]
    assert alone.shared_bytes == 0
    second = make_run(store, cells=2, minute=1)
    by_run = {run.run_id: run for run in usage(store).runs}
    assert by_run[first].own_bytes + by_run[first].shared_bytes == alone.own_bytes
    assert by_run[second].own_bytes == 0
    assert by_run[second].shared_bytes == by_run[first].shared_bytes > 0


def test_usage_reads_as_a_table(store: Store) -> None:
    run_id = make_run(store)
    text = render_usage(usage(store))
    assert f"{run_id}: " in text
    assert "images" in text.split()
    assert str(store.root) in text


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (2.5e6, "2.5 MB"), (3e12, "3.0 TB")]
)
def test_sizes_are_rounded_for_people(count: float, text: str) -> None:
    assert size(count) == text
