"""Pairs of cells: pictures are the same by their bytes, whatever the keys that they are kept under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

from support.compare_runs import OUT_OF_MEMORY, keep

from harness.compare.compare import compare
from harness.compare.junit import render_junit
from harness.compare.outcome import exit_code, headline
from harness.compare.strict import strict_lines, strict_would
from harness.compare.types import Compared, Finding
from harness.errors import ExitCode
from harness.report.view import load_view
from harness.store.store import Store, open_store

Only = Callable[..., Finding]


def _in_two_stores(store: Store, folder: Path, **new: object) -> Compared:
    """The same keys in both, as they are where something that no key knows of is another thing in each."""
    other = open_store(folder / "other")
    views = [load_view(store, keep(store, "main")), load_view(other, keep(other, "candidate", **new))]
    return compare(views[0], views[1], places=("main", "candidate"))[0]


def test_other_pictures_under_the_same_key_are_judged_even_where_the_scores_agree(
    store: Store, tmp_path: Path, only: Only
) -> None:
    told = _in_two_stores(store, tmp_path, unlike=16)
    found = only(told, "clip_score")
    assert told.cells[0].pictures is not None and told.cells[0].pictures.identical == 0
    assert found.p is not None and found.reason is None and found.verdict == "equivalent"


def test_pictures_that_are_the_same_to_the_bit_need_no_statistics(store: Store, tmp_path: Path, only: Only) -> None:
    found = only(_in_two_stores(store, tmp_path), "clip_score")
    assert (found.verdict, found.reason, found.p) == ("equivalent", "every picture is identical", None)


def test_a_score_that_moves_over_identical_pictures_is_the_scorers_doing(
    store: Store, tmp_path: Path, only: Only
) -> None:
    told = _in_two_stores(store, tmp_path, shift={0: -6.0}, unlike=0)
    found = only(told, "clip_score")
    assert (found.verdict, found.owed) == ("not comparable", True) and "the scorer has changed" in str(found.reason)
    assert exit_code(told, strict=False) == ExitCode.DONE and exit_code(told, strict=True) == ExitCode.INCONCLUSIVE
    near = only(_in_two_stores(store, tmp_path / "near", shift={0: 0.001}, unlike=0), "clip_score")
    assert near.verdict == "equivalent"  # another library's last digits


def test_one_stored_result_is_told_as_one(store: Store, only: Only) -> None:
    view = load_view(store, keep(store, "main"))
    found = only(compare(view, view, places=("main", "main"))[0], "clip_score")
    assert found.reason == "one stored result serves both runs: nothing was made anew"


def test_a_run_that_took_its_pictures_over_is_told_to_have_tested_nothing(store: Store, tmp_path: Path) -> None:
    """The same keys, so the same pictures: the gate would be green whatever the code does."""
    views = [load_view(store, keep(store, name)) for name in ("main", "candidate")]
    taken = [batch.model_copy(update={"made_in": views[0].run.run_id, "reused": True})
             for batch in views[1].records[0].batches]  # fmt: skip
    mine = tuple(cell.model_copy(update={"batches": taken}) if cell is views[1].records[0] else cell
                 for cell in views[1].records)  # fmt: skip
    views[1] = replace(views[1], records=mine)
    told = headline(compare(*views, places=("main", "candidate"))[0])
    assert "Not tested anew: 1 of 2 shared cells" in told and "`--store`" in told
    found = compare(*views, places=("main", "candidate"))[0]
    assert exit_code(found, strict=False) == ExitCode.DONE and exit_code(found, strict=True) == ExitCode.INCONCLUSIVE
    assert "a store of its own" in strict_lines(found)[-1]
    assert strict_would(found) == "A gate with --strict would leave with 3: 1 thing of the baseline without a verdict."
    usual, strict = (ET.fromstring(render_junit(found, strict=one))[0] for one in (False, True))
    assert (usual.get("failures"), usual.get("skipped"), strict.get("failures")) == ("0", "1", "1")
    alone = compare(views[0], views[0], places=("main", "main"))[0]
    assert headline(alone).endswith("Both are one run: nothing was tested.")
    assert exit_code(alone, strict=False) == ExitCode.DONE and exit_code(alone, strict=True) == ExitCode.INCONCLUSIVE
    assert "name the candidate" in strict_lines(alone)[-1] and "is the baseline's own" in strict_lines(alone)[1]
    of_pictures = [
        case for case in ET.fromstring(render_junit(alone))[0].iter("testcase") if case.get("name") == "clip_score"
    ]
    assert [case[0].tag for case in of_pictures] == ["skipped"] * 2 and "not tested" in str(of_pictures[0][0].attrib)
    assert "Not tested" not in headline(_in_two_stores(store, tmp_path))


def test_a_cell_that_failed_has_no_weights_that_changed(store: Store) -> None:
    ids = [keep(store, "main"), keep(store, "candidate", anew=True, failed={1: OUT_OF_MEMORY})]
    told = compare(*(load_view(store, one) for one in ids), places=("main", "candidate"))[0]
    assert told.weights == ()
