"""Two runs that were timed in turns are paired by round: what moved both visits of a round alike cancels."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from support.compare_runs import Made, keep

from harness.compare.ab_report import Files, as_json, markdown, report_ab, terminal
from harness.compare.compare import compare
from harness.compare.outcome import exit_code
from harness.compare.types import Compared, Finding
from harness.compare.undecided import settles
from harness.errors import ExitCode, StoreError
from harness.report.view import load_view
from harness.store.records import Pair
from harness.store.store import Store

Only = Callable[..., Finding]
MOVING = (1.0, 1.3, 0.8, 1.1)  # seconds an image: the machine is another one in each round
STEADY = (1.004, 0.998, 1.001, 0.997)


def _pair(store: Store, names: Sequence[str] = ("old", "new"), **new: Any) -> list[str]:
    usual = {"drift": 0.0, "peaks_mib": (100.0, 101.0, 100.5, 100.2)}
    ids = [keep(store, "old", **{"visits": MOVING, **usual}), keep(store, "new", **{"anew": True, **usual, **new})]
    for place, run_id in enumerate(ids):
        record = store.load_run(run_id)
        installed = {"torch": "2.14.1", "diffusers": ("0.41.0", "0.42.1")[place]} | ({} if place else {"httpx": "1"})
        pair = Pair(id=ids[0], side="b" if place else "a", other=ids[1 - place], environment=names[place],
                    python="/an/environment/bin/python", installed=installed)  # fmt: skip
        store.save_run(record.model_copy(update={"pair": pair}))
    return ids


def _compared(store: Store, ids: Sequence[str]) -> Compared:
    a, b = (load_view(store, run_id) for run_id in ids)
    return compare(a, b, places=("a", "b"))[0]


def _slower(factor: float) -> list[float]:
    return [factor * each * wobble for each, wobble in zip(MOVING, STEADY, strict=True)]


def test_eight_percent_are_found_on_a_machine_that_moves_by_fifty(store: Store, only: Only) -> None:
    told = _compared(store, _pair(store, visits=_slower(1.08)))
    found = only(told, "latency")
    assert found.verdict == "regressed" and found.n == 4 and found.unit == "visit"
    assert found.difference == pytest.approx(0.08, abs=0.003) and found.interval is not None
    assert found.interval.high - found.interval.low < 0.02 and found.interval.method == "Student t over visits"
    assert exit_code(told, strict=False) == ExitCode.REGRESSED
    assert any("in turns" in note for note in told.notes) and not any("not interleaved" in note for note in told.notes)


def test_two_environments_have_two_idles(store: Store, only: Only) -> None:
    """What one loads when it starts, the other loads when it works: no byte more in all."""
    ids = _pair(store, visits=_slower(1.0), peaks_mib=(110.0, 111.0, 110.5, 110.2))
    for cell in store.load_cells(ids[1]):
        assert cell.memory is not None and cell.memory.idle_bytes is not None
        memory = cell.memory.model_copy(update={"idle_bytes": cell.memory.idle_bytes - 10 * 2**20})
        store.save_cell(cell.model_copy(update={"memory": memory}))
    found = only(_compared(store, ids), "peak_memory")
    assert found.verdict == "equivalent" and found.baseline == pytest.approx(500.4 * 2**20, rel=1e-3)
    assert found.difference == pytest.approx(0.0, abs=1e-9) and "libraries included" in found.notes[0]


def test_each_visit_has_its_own_idle(store: Store, only: Only) -> None:
    """A worker that was 30 MiB smaller when it started holds no more in all; by one idle for all it would."""
    ids = _pair(store, visits=_slower(1.0), peaks_mib=(130.0, 101.0, 130.5, 100.2))
    for cell in store.load_cells(ids[1]):
        assert cell.memory is not None
        idle = [mib * 2**20 for mib in (370, 400, 370, 400)]
        store.save_cell(cell.model_copy(update={"memory": cell.memory.model_copy(update={"visit_idle_bytes": idle})}))
    found = only(_compared(store, ids), "peak_memory")
    assert found.verdict == "equivalent" and found.difference == pytest.approx(0.0, abs=1e-9)


def test_more_memory_is_still_a_regression(store: Store, only: Only) -> None:
    found = only(_compared(store, _pair(store, peaks_mib=(130.0, 131.0, 130.5, 130.2))), "peak_memory")
    assert found.verdict == "regressed" and found.difference == pytest.approx(30 / 500.4, rel=0.02)


def test_the_same_times_of_two_runs_apart_show_nothing(store: Store, only: Only) -> None:
    ids = _pair(store, visits=_slower(1.08))
    record = store.load_run(ids[1])
    store.save_run(record.model_copy(update={"pair": None}))
    told = _compared(store, ids)
    assert only(told, "latency").verdict == "inconclusive" and any("not interleaved" in note for note in told.notes)


def test_halves_of_two_pairs_are_not_in_turns(store: Store, only: Only) -> None:
    ids = _pair(store, visits=_slower(1.08))
    record = store.load_run(ids[1])
    assert record.pair is not None
    store.save_run(record.model_copy(update={"pair": record.pair.model_copy(update={"id": "another"})}))
    assert only(_compared(store, ids), "latency").verdict == "inconclusive"


def test_the_same_thing_twice_is_equivalent(store: Store, only: Only) -> None:
    told = _compared(store, _pair(store, visits=_slower(1.0)))
    assert only(told, "latency").verdict == "equivalent" and only(told, "peak_memory").verdict == "equivalent"
    assert exit_code(told, strict=False) == ExitCode.DONE


def test_drift_forbids_sameness_and_not_a_larger_difference(store: Store, only: Only) -> None:
    same = only(_compared(store, _pair(store, visits=_slower(1.0), drift=0.2)), "latency")
    assert same.verdict == "inconclusive" and "drifted by 20.0%" in str(same.reason) and same.n_to_settle is None
    assert only(_compared(store, _pair(store, visits=_slower(1.5), drift=0.2)), "latency").verdict == "regressed"


def test_beyond_the_margin_more_rounds_may_settle_it_whatever_the_drift(store: Store, only: Only) -> None:
    """Both reasons are told, and a number of visits, as of two cells of one run; within the margin there is none."""
    visits = [1.2 * each * wobble for each, wobble in zip(MOVING, (0.8, 1.3, 0.9, 1.1), strict=True)]
    found = only(_compared(store, _pair(store, visits=visits, drift=0.2)), "latency")
    assert found.verdict == "inconclusive" and found.n_to_settle is not None and found.n_to_settle > 4
    assert str(found.reason).startswith("the interval") and "; the machine drifted by 20.0%" in str(found.reason)
    assert settles(found).startswith("about ")


def test_the_turns_are_told_only_of_what_was_timed(store: Store) -> None:
    ids = _pair(store, visits=_slower(1.0))
    for run_id in ids:
        for cell in store.load_cells(run_id):
            store.save_cell(cell.model_copy(update={"timing": None, "memory": None}))
    assert not any("in turns" in note for note in _compared(store, ids).notes)


def test_two_halves_were_made_by_one_harness(store: Store) -> None:
    ids = _pair(store, visits=_slower(1.0), environment={"source.dirty": True})
    assert _compared(store, ids).unknown == ()


def test_timed_pictures_that_are_others_decide_nothing(store: Store, only: Only) -> None:
    found = only(_compared(store, _pair(store, visits=_slower(1.5), apart=50)), "latency")
    assert found.verdict == "inconclusive" and "not its own" in str(found.reason)


def test_a_round_that_one_side_lacks_is_left_out(store: Store, only: Only) -> None:
    assert only(_compared(store, _pair(store, visits=_slower(1.08)[:3])), "latency").n == 3


def test_no_ratio_is_made_of_no_time(store: Store, only: Only) -> None:
    found = only(_compared(store, _pair(store, visits=(0.0, 1.3, 0.8, 1.1))), "latency")
    assert found.verdict == "inconclusive" and "above zero" in str(found.reason)


def test_the_report_begins_with_the_packages(store: Store, tmp_path: Path) -> None:
    ids = _pair(store, ("<old>", "new"), visits=_slower(1.08), unlike=4)
    notes = ["a note on a table"]
    report = report_ab(store.root, ids, notes, Files(tmp_path / "out", tmp_path / "pr.md", tmp_path / "ab.xml"))
    assert list(report.changed()) == [("diffusers", "0.41.0", "0.42.1"), ("httpx", "1", "—")]
    text = markdown(report)
    places = [text.index(part) for part in ("| diffusers | 0.41.0 | 0.42.1 |", "a note on a table", "| cell |")]
    assert places == sorted(places) and "1 package in the same version" in text
    assert "\\<old\\>" in text and "<old>" not in text
    assert terminal(report).index("diffusers: 0.41.0 → 0.42.1") < terminal(report).index("latency")
    assert (tmp_path / "out" / "ab.json").read_text() == as_json(report) and report.rounds == 2
    content, whole = json.loads(as_json(report)), json.loads((tmp_path / "out" / "compare.json").read_text())
    assert all(content[name] == whole[name] for name in ("headline", "leaning_worse_most", "open", "exit_code"))
    assert content["exit_code"] == {"usual": 1, "strict": 1}
    assert {path.name for path in (tmp_path / "out").iterdir()} >= {"ab.md", "worst-1.png", "compare.json"}
    assert "(out/worst-1.png)" in (tmp_path / "pr.md").read_text()
    assert "<failure" in (tmp_path / "ab.xml").read_text()


def test_strict_says_what_is_open_in_the_texts_as_well(store: Store, tmp_path: Path) -> None:
    ids, files = _pair(store, visits=_slower(1.0), drift=0.2), Files(tmp_path / "out", tmp_path / "pr.md", strict=True)
    report = report_ab(store.root, ids, [], files)
    for text in ((tmp_path / "pr.md").read_text(), (tmp_path / "out" / "ab.md").read_text()):
        assert "--strict leaves with 3: 2 things" in text
    assert "--strict" not in markdown(report) and "with --strict would" not in terminal(report, strict=True)
    (tmp_path / "a-file").touch()
    with pytest.raises(StoreError, match="cannot be written") as caught:
        report_ab(store.root, ids, [], Files(markdown=tmp_path / "a-file" / "pr.md"))
    assert "--markdown" in str(caught.value)


def test_environments_that_are_alike_are_said_to_be(store: Store) -> None:
    ids = _pair(store, visits=_slower(1.0))
    for run_id in ids:
        record = store.load_run(run_id)
        assert record.pair is not None
        pair = record.pair.model_copy(update={"installed": {"torch": "2.14.1"}})
        store.save_run(record.model_copy(update={"pair": pair}))
    report = report_ab(store.root, ids, [], Files())
    assert "Every one of 1 package is the same" in markdown(report) and "changed packages: none" in terminal(report)
    assert Made().rows == report.compared.cells[0].pictures.rows  # type: ignore[union-attr]
