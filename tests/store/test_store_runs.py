"""Records of runs: kept, found by what people type, and refused when they cannot be trusted."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.records import make_run

from harness.errors import ExitCode, MissingError, StoreError
from harness.store.runs import new_run_id
from harness.store.store import Store


def test_records_are_read_as_they_were_written(store: Store) -> None:
    run_id = make_run(store, cells=3, rows=6, seeds=2, failed={2})
    run, cells = store.load_run(run_id), store.load_cells(run_id)
    store.save_run(run)
    for cell in cells:
        store.save_cell(cell)
    assert store.load_run(run_id) == run
    assert store.load_cells(run_id) == cells
    assert [cell.cell_id for cell in cells] == [cell.id for cell in run.plan.cells]
    assert [cell.status for cell in cells] == ["done", "done", "failed"]


def test_rows_come_back_with_every_column_of_every_row(store: Store) -> None:
    record = store.load_cells(make_run(store))[0]
    rows: list[dict[str, Any]] = [{"row_id": "a", "n_tokens": 3}, {"row_id": "b", "n_tokens": 4, "shape_right": True}]
    store.save_cell(record, rows)
    assert store.image_rows(record.run_id, record.cell_id) == [{**rows[0], "shape_right": None}, rows[1]]
    store.save_cell(record)
    assert len(store.image_rows(record.run_id, record.cell_id) or []) == 2, "saving a record alone keeps its rows"


def test_a_cell_without_rows_has_none(store: Store) -> None:
    run_id = make_run(store, failed={1})
    assert store.image_rows(run_id, store.load_cells(run_id)[1].cell_id) is None


def test_a_run_is_found_by_id_name_beginning_and_latest(store: Store) -> None:
    first = make_run(store, name="steps")
    second = make_run(store, name="steps", minute=1)
    third = make_run(store, name="guidance", minute=2)
    assert store.run_ids() == [first, second, third]
    assert store.find_run(first) == first
    assert store.find_run("steps") == second
    assert store.find_run("latest") == third
    assert store.find_run(third[:15]) == third


def test_a_damaged_record_is_found_by_its_name_and_hides_no_other(store: Store) -> None:
    damaged, good = make_run(store, name="steps"), make_run(store, name="guidance", minute=1)
    (store.root / "runs" / damaged / "run.json").write_text("{")
    assert store.find_run("guidance") == good
    assert store.find_run("steps") == damaged


def test_a_run_that_is_not_there_names_the_nearest(store: Store) -> None:
    make_run(store, name="guidance")
    with pytest.raises(MissingError, match="no run 'guidence'") as caught:
        store.find_run("guidence")
    assert "did you mean guidance" in caught.value.do
    make_run(store, name="steps", minute=1)
    with pytest.raises(MissingError, match="2 runs begin with '2026"):
        store.find_run("2026")
    for lookup in (store.load_run, store.load_cells):
        with pytest.raises(MissingError, match="There is no run"):
            lookup("20200101-000000-nothing-0000")


@given(name=st.text(max_size=200))
def test_every_name_makes_an_id_that_is_a_folder_of_its_own(name: str) -> None:
    run_id = new_run_id(name)
    assert re.fullmatch(r"\d{8}-\d{6}-[A-Za-z0-9.][A-Za-z0-9.-]*-[0-9a-f]{4}", run_id)
    assert len(run_id) <= 110
    assert "/" not in run_id


@pytest.mark.parametrize("name", ["../other", "a/b", "", ".hidden", "a..b", "x" * 200, "a\n"])
def test_no_id_leads_out_of_the_store(store: Store, name: str) -> None:
    record = store.load_cells(make_run(store))[0]
    with pytest.raises(StoreError, match="no name of a run or cell"):
        store.load_run(name)
    with pytest.raises(StoreError, match="no name of a run or cell"):
        store.load_cell(record.run_id, name)
    with pytest.raises(StoreError, match="no name of a run or cell"):
        store.save_cell(record.model_copy(update={"cell_id": name}))


def test_a_newer_record_is_refused_and_not_touched(store: Store) -> None:
    run_id = make_run(store)
    path = store.root / "runs" / run_id / "run.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "schema_version": 99, "new": 1}))
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"newer version \(schema 99\)") as caught:
        store.load_run(run_id)
    assert "update kandinsky-harness" in caught.value.do
    assert caught.value.exit_code == ExitCode.STORE
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"schema_version": 1}', '{"schema_version": "one"}', "\xff"])
def test_a_damaged_record_says_which_and_what_to_do(store: Store, content: str) -> None:
    run_id = make_run(store)
    (store.root / "runs" / run_id / "run.json").write_text(content, encoding="latin-1")
    with pytest.raises(StoreError, match=r"run\.json") as caught:
        store.load_run(run_id)
    assert "repeat the run" in caught.value.do


def test_damaged_rows_are_a_store_error(store: Store) -> None:
    record = store.load_cells(make_run(store))[0]
    store.rows_path(record.run_id, record.cell_id).write_bytes(b"PAR1 and nothing more")
    with pytest.raises(StoreError, match="are damaged"):
        store.image_rows(record.run_id, record.cell_id)


def test_rows_that_are_gone_are_a_store_error_where_their_cell_was_scored(store: Store) -> None:
    record = store.load_cells(make_run(store))[0]
    store.rows_path(record.run_id, record.cell_id).unlink()
    with pytest.raises(StoreError, match="are gone") as caught:
        store.image_rows(record.run_id, record.cell_id)
    assert "repeat the run" in caught.value.do


def test_a_record_that_cannot_be_read_is_a_store_error(store: Store) -> None:
    record = store.load_cells(make_run(store))[0]
    path = store.root / "runs" / record.run_id / "cells" / f"{record.cell_id}.json"
    path.unlink()
    with pytest.raises(MissingError, match="no record"):
        store.load_cell(record.run_id, record.cell_id)
    path.mkdir()
    with pytest.raises(StoreError, match="could not read"):
        store.load_cell(record.run_id, record.cell_id)
