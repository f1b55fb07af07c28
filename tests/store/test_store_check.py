"""Everything is read back; what is wrong is named, and put where it is made again."""

from __future__ import annotations

from support.records import make_run

from harness.store.check import check
from harness.store.store import Store


def test_a_whole_store_is_good(store: Store) -> None:
    make_run(store, cells=3, failed={2})
    found = check(store)
    assert found.good
    assert found.files > 0
    assert "0 damaged, 0 named but not there" in str(found)


def test_a_damaged_result_is_put_aside_and_named(store: Store) -> None:
    run_id = make_run(store)
    key = store.load_cells(run_id)[0].batches[0].key
    path = store.path("images", key)
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    found = check(store)
    assert found.damaged == (f"images/{key}",)
    assert found.absent == (f"images/{key} ({run_id})",)
    assert not store.has("images", key)
    assert "only what is missing is made again" in str(found)
    again = check(store)
    assert again.damaged == () and again.aside == 1 and "put aside before: 1" in str(again)


def test_pictures_that_others_took_the_place_of_are_told(store: Store) -> None:
    run_id = make_run(store, rows=4)
    first, second = (cell.batches[0] for cell in store.load_cells(run_id))
    store.put("images", first.key, store.get("images", second.key))
    found = check(store)
    assert found.good and found.replaced == (f"4 of 8 pictures of {run_id}",)
    assert f"reports of the run show none: 4 of 8 pictures of {run_id}" in str(found)


def test_an_unreadable_record_is_named_and_the_rest_is_read(store: Store) -> None:
    bad, good = make_run(store), make_run(store, minute=1)
    (store.root / "runs" / bad / "run.json").write_text("{")
    store.path("images", store.load_cells(good)[0].batches[0].key).unlink()
    found = check(store)
    assert len(found.unreadable) == 1
    assert bad in found.unreadable[0]
    assert len(found.absent) == 1
