"""A run in a real MLflow database: whole, once, the same whenever it is sent."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from support.records import make_run
from support.tracked import Tracked

from harness.errors import HarnessError
from harness.report.provenance import provenance
from harness.report.view import load_view
from harness.store.locks import hold
from harness.store.store import Store
from harness.track import tracking
from harness.track.content import Content
from harness.track.quiet import quiet
from harness.track.tracking import TrackError, track_run

NAME = "which-scheduler"


def _send(store: Store, run_id: str, **asked: Any) -> tracking.TrackResult:
    return track_run(store, run_id, tracking_uri=asked.get("uri"), experiment=asked.get("experiment"))


def test_a_run_is_one_parent_and_a_child_for_each_cell(store: Store, found: Callable[[Store], Tracked]) -> None:
    run_id = make_run(store, cells=3, rows=8, seeds=2, failed={2})
    result = _send(store, run_id)
    run, cells, runs = store.load_run(run_id), store.load_cells(run_id), found(store).runs(NAME)
    assert set(runs) == {run_id, *(cell.cell_id for cell in cells)}
    parent = runs[run_id]
    assert parent.info.run_id == result.parent_run_id
    assert (parent.info.status, parent.info.start_time, parent.info.end_time) == (
        "FINISHED",
        run.started_ms,
        run.finished_ms,
    )
    for cell in cells:
        child = runs[cell.cell_id]
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert (child.info.run_name, child.info.start_time, child.info.end_time) == (
            cell.label,
            cell.started_ms,
            cell.finished_ms,
        )
        assert parent.data.params.items() <= child.data.params.items()
    assert [runs[cell.cell_id].info.status for cell in cells] == ["FINISHED", "FINISHED", "FAILED"]
    assert (result.cells, result.cells_failed, result.cells_open, result.page) == (3, 1, 0, None)
    assert 'mlflow ui --backend-store-uri "sqlite:///' in str(result)
    assert "3 cells, 1 of them failed" in str(result)


def test_numbers_carry_the_records_times(store: Store, found: Callable[[Store], Tracked]) -> None:
    run_id = make_run(store)
    _send(store, run_id)
    cell = store.load_cells(run_id)[0]
    assert cell.timing is not None
    read = found(store)
    child = read.runs(NAME)[cell.cell_id]
    assert read.history(child, "latency_s") == [(cell.timing.latency_s, cell.finished_ms, 0)]
    steady = [(seconds, cell.finished_ms, step) for step, seconds in enumerate(cell.timing.steady_s)]
    assert read.history(child, "steady_s") == sorted(steady)


def test_files_are_beside_the_numbers(store: Store, found: Callable[[Store], Tracked], tmp_path: Path) -> None:
    run_id = make_run(store, failed={1})
    _send(store, run_id)
    read, (done, failed) = found(store), store.load_cells(run_id)
    runs = read.runs(NAME)
    assert set(read.artifacts(runs[run_id])) == {"spec.yaml", "plan.json", "environment.json"}
    assert set(read.artifacts(runs[done.cell_id])) == {"cell.json", "images.parquet", "pictures.png"}
    assert set(read.artifacts(runs[failed.cell_id])) == {"cell.json"}
    folder = Path(read.client.download_artifacts(runs[run_id].info.run_id, "", str(tmp_path)))
    assert (folder / "spec.yaml").read_text() == store.load_run(run_id).plan.spec_text
    assert json.loads((folder / "environment.json").read_text()) == store.load_run(run_id).environment
    location = Path(runs[done.cell_id].info.artifact_uri.removeprefix("file://"))
    assert location.is_relative_to(store.root / "mlflow-artifacts")
    assert (location / "images.parquet").read_bytes() == store.rows_path(run_id, done.cell_id).read_bytes()


def test_sending_twice_doubles_nothing(store: Store, found: Callable[[Store], Tracked]) -> None:
    run_id = make_run(store, cells=3, failed={2})
    first = _send(store, run_id)
    before = found(store).all(NAME)
    assert _send(store, run_id) == first
    assert found(store).all(NAME) == before


@pytest.mark.parametrize(
    ("call", "after"),
    [("create_run", 0), ("log_batch", 0), ("create_run", 2), ("log_artifacts", 1), ("set_terminated", 3)],
)
def test_a_sending_that_broke_is_completed_by_the_next(
    new_store: Callable[[str], Store],
    found: Callable[[Store], Tracked],
    monkeypatch: pytest.MonkeyPatch,
    call: str,
    after: int,
) -> None:
    from mlflow import MlflowClient

    whole, broken = new_store("whole"), new_store("broken")
    run_id = make_run(whole, cells=3, failed={2})
    assert make_run(broken, cells=3, failed={2}) == run_id
    _send(whole, run_id)
    with monkeypatch.context() as patch:
        real, left = getattr(MlflowClient, call), [after]

        def breaking(*arguments: Any, **named: Any) -> Any:
            if left[0] == 0:
                raise ConnectionError("the network went away")
            left[0] -= 1
            return real(*arguments, **named)

        patch.setattr(MlflowClient, call, breaking)
        with pytest.raises(TrackError, match="the network went away") as caught:
            _send(broken, run_id)
    assert f"harness track {run_id}" in caught.value.do
    parents = [run for name, run in found(broken).runs(NAME).items() if name == run_id]
    assert [run.info.status for run in parents] in ([], ["RUNNING"])
    _send(broken, run_id)
    assert found(broken).all(NAME) == found(whole).all(NAME)


def test_a_run_sent_unfinished_is_completed_when_it_is_done(
    new_store: Callable[[str], Store], found: Callable[[Store], Tracked]
) -> None:
    whole, growing = new_store("whole"), new_store("growing")
    run_id = make_run(whole, cells=4)
    make_run(growing, cells=4, failed={1}, pending={3})
    early = _send(growing, run_id)
    assert (early.cells, early.cells_failed, early.cells_open) == (3, 1, 1)
    assert "1 cells have no result yet" in str(early)
    assert found(growing).runs(NAME)[run_id].info.status == "KILLED"
    assert make_run(growing, cells=4) == run_id
    assert _send(growing, run_id).parent_run_id == early.parent_run_id
    _send(whole, run_id)
    done, grown = found(whole).all(NAME), found(growing).all(NAME)
    assert {key: value["tags"] for key, value in grown.items()} == {key: value["tags"] for key, value in done.items()}
    assert {key: value["status"] for key, value in grown.items()} == dict.fromkeys(done, "FINISHED")
    second = store_cell(whole, run_id, 1)
    assert grown[second]["metrics"]["latency_s"] == done[second]["metrics"]["latency_s"]


def store_cell(store: Store, run_id: str, place: int) -> str:
    """The id of the cell at ``place``."""
    return store.load_cells(run_id)[place].cell_id


def test_a_run_under_way_stays_open(store: Store, found: Callable[[Store], Tracked]) -> None:
    run_id = make_run(store, cells=3, pending={2}, status="running")
    with store.lock_run(run_id):
        _send(store, run_id)
    parent = found(store).runs(NAME)[run_id]
    assert (parent.info.status, parent.info.end_time) == ("RUNNING", None)


def test_runs_of_one_spec_share_its_experiment(store: Store, found: Callable[[Store], Tracked]) -> None:
    first, second = make_run(store), make_run(store, minute=1)
    assert _send(store, first).experiment_id == _send(store, second).experiment_id
    tags = [run.data.tags for run in found(store).client.search_runs(["1"])]
    assert sorted(tag["kandinsky.run_id"] for tag in tags) == [first] * 3 + [second] * 3
    other = _send(store, first, experiment="elsewhere")
    assert other.experiment == "elsewhere"
    assert len(found(store).runs("elsewhere")) == 3


def test_many_cells_are_found_again(
    store: Store, found: Callable[[Store], Tracked], monkeypatch: pytest.MonkeyPatch
) -> None:
    """More MLflow runs than one page of a search holds."""
    from mlflow import MlflowClient

    real = MlflowClient.search_runs
    monkeypatch.setattr(MlflowClient, "search_runs", lambda *a, **k: real(*a, **{**k, "max_results": 2}))
    run_id = make_run(store, cells=5)
    first = _send(store, run_id)
    assert _send(store, run_id) == first
    monkeypatch.undo()
    assert len(found(store).runs(NAME)) == 6


def test_a_long_parameter_goes_into_a_file(store: Store, found: Callable[[Store], Tracked], tmp_path: Path) -> None:
    run_id = make_run(store)
    run = store.load_run(run_id)
    plan = run.plan.model_copy(update={"device": "d" * 7000})
    store.save_run(run.model_copy(update={"plan": plan}))
    _send(store, run_id)
    read = found(store)
    parent = read.runs(NAME)[run_id]
    assert parent.data.params["device"].startswith("sha256:")
    path = read.client.download_artifacts(parent.info.run_id, "long-parameters.json", str(tmp_path))
    assert json.loads(Path(path).read_text()) == {"device": "d" * 7000}


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("http://anna:geheim@127.0.0.1:9/lab?token=geheim", "127.0.0.1:9/lab: API request"),
        ("file:///tmp/somewhere", "filesystem tracking backend"),
        ("postgresql://anna:geheim@localhost/db", "No module named"),
        ("nonsense://host", "unsupported URI"),
    ],
)
def test_a_place_that_cannot_be_reached_says_what_to_do(
    store: Store, monkeypatch: pytest.MonkeyPatch, uri: str, says: str
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    run_id = make_run(store)
    records = {path: path.read_bytes() for path in (store.root / "runs").rglob("*") if path.is_file()}
    with pytest.raises(TrackError, match=says) as caught:
        _send(store, run_id, uri=uri)
    assert f"harness track {run_id}" in caught.value.do
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__
    assert {path: path.read_bytes() for path in records} == records


def test_a_database_of_another_version_says_so(store: Store) -> None:
    """Alembic's own error, which is none of MLflow's."""
    (store.root / "mlflow.db").unlink()
    with closing(sqlite3.connect(store.root / "mlflow.db")) as database:
        database.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        database.execute("INSERT INTO alembic_version VALUES ('from the future')")
        database.commit()
    run_id = make_run(store)
    with pytest.raises(TrackError, match="could not be sent to MLflow") as caught:
        _send(store, run_id)
    assert f"harness track {run_id}" in caught.value.do and not store.tracking_path(run_id).exists()


def test_more_numbers_than_a_request_takes_are_sent(store: Store, found: Callable[[Store], Tracked]) -> None:
    run_id = make_run(store)
    cell = store.load_cells(run_id)[0]
    assert cell.timing is not None
    steady = [0.25 + 0.001 * i for i in range(1700)]
    store.save_cell(cell.model_copy(update={"timing": cell.timing.model_copy(update={"steady_s": steady})}))
    _send(store, run_id)
    read = found(store)
    sent = read.history(read.runs(NAME)[cell.cell_id], "steady_s")
    assert [value for value, _, _ in sent] == steady


def test_requests_stay_within_mlflow_s_limits() -> None:
    with quiet():
        from harness.track.sending import _batches
    told = Content("a", 1, 2, "FINISHED", parameters={f"p{i}": "x" for i in range(150)})
    for i in range(2001):
        told.metric("m", 1.0, step=i)
    for i in range(250):
        told.tag(f"t{i}", "x")
    requests = [(list(m), list(p), list(t)) for m, p, t in _batches(told)]
    assert [sum(len(request[kind]) for request in requests) for kind in range(3)] == [2001, 150, 250]
    assert all(len(m) <= 1000 and len(p) <= 100 and len(t) <= 100 for m, p, t in requests)
    assert all(len(m) + len(p) + len(t) <= 1000 for m, p, t in requests)


def test_the_report_names_the_mlflow_run(store: Store) -> None:
    run_id = make_run(store)
    assert not store.tracking_path(run_id).exists()
    sent = _send(store, run_id, experiment="elsewhere")
    assert json.loads(store.tracking_path(run_id).read_text()) == sent.model_dump(mode="json")
    told = {section.title: dict(section.facts) for section in provenance(load_view(store, run_id))}
    assert (told["MLflow"]["experiment"], told["MLflow"]["run"]) == ("elsewhere", sent.parent_run_id)
    assert sent.tracking_uri in told["MLflow"]["look at it"]


def test_a_file_that_is_no_database_says_so(store: Store) -> None:
    (store.root / "mlflow.db").write_bytes(b"no database" * 1000)
    with pytest.raises(TrackError, match="not a database"):
        _send(store, make_run(store))


def test_one_process_sends_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "_PATIENCE_S", 0.1)
    run_id = make_run(store)
    busy = tracking.TrackError("unused")
    with hold(store.root / "mlflow.lock", lambda _: busy), pytest.raises(HarnessError, match="sending to MLflow"):
        _send(store, run_id)


def test_the_first_sending_is_silent_and_tells_nobody(first_sending: Any) -> None:
    done = first_sending.process
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert not [path.name for path in first_sending.folder.iterdir() if path.name.startswith("mlruns")]
