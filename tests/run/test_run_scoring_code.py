"""What turns features into scores belongs to a cell's record: other sources, rows or plug-ins make them anew."""

from __future__ import annotations

import ast
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.fake_worker import noted
from support.plans import make_plan
from support.runs import Lab

import harness
from harness.catalog.metrics import METRICS
from harness.catalog.own_metrics import OwnMetric, OwnMetrics
from harness.run import scoring_code
from harness.run.scoring_code import our_code, scoring_of

PLAN = make_plan(cells=1, rows=4)
CELL = PLAN.cells[0]
_HELD = ("run", "stats", "report", "plan", "catalog", "store")  # of the package's folders, as many as count
# Shapes without a rule; rows, which count one by one; and plug-ins, whose own files count.
_ELSEWHERE = {"base.py", "errors.py", "hub.py", "catalog/types.py", "plan/types.py", "store/records.py",
              "store/disturbed.py", "store/store.py", "catalog/metrics.py", "catalog/own_metrics.py",
              "run/own_code.py"}  # fmt: skip


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of our package that may be changed; the digest is of it, and is taken anew each time."""
    ours, copy = Path(harness.__file__).parent, tmp_path / "harness"
    for name in _HELD:
        shutil.copytree(ours / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(scoring_code, "harness", SimpleNamespace(__file__=str(copy / "__init__.py")))
    monkeypatch.setattr(scoring_code, "our_code", our_code.__wrapped__)
    return copy


def _scoring_sources() -> list[str]:
    """The modules that make scores and verdicts, and what they import of ours, and so on; not what counts elsewhere."""
    package = Path(harness.__file__).parent
    waiting = [path.relative_to(package).as_posix() for path in (package / "run").glob("aggregate*.py")]
    waiting.append("run/judge.py")
    seen: set[str] = set()
    while waiting:
        source = waiting.pop()
        if source not in seen and source not in _ELSEWHERE and not source.startswith("score/"):
            seen.add(source)
            waiting += _imported(package, source)
    return sorted(seen)


def _imported(package: Path, source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse((package / source).read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("harness."):
            place = package.joinpath(*(node.module or "").split(".")[1:])
            found = [place.with_suffix(".py"), *(place / f"{name.name}.py" for name in node.names)]
            yield from (path.relative_to(package).as_posix() for path in found if path.is_file())


@pytest.mark.parametrize("source", _scoring_sources())
def test_every_scoring_source_counts(package: Path, source: str) -> None:
    before = scoring_of(PLAN, CELL)
    assert scoring_of(PLAN, CELL) == before
    path = package / source
    path.write_text(path.read_text() + "\n# another line\n")
    assert scoring_of(PLAN, CELL) != before


@pytest.mark.parametrize("source", ["run/executor.py", "report/table.py", "plan/build.py"])
def test_what_makes_no_score_does_not(package: Path, source: str) -> None:
    before = scoring_of(PLAN, CELL)
    (package / source).write_text("")
    assert scoring_of(PLAN, CELL) == before


def test_a_source_that_is_new_counts(package: Path) -> None:
    before = scoring_of(PLAN, CELL)
    (package / "run" / "aggregate_more.py").write_text("")
    assert scoring_of(PLAN, CELL) != before


def test_the_rows_of_its_own_metrics_count(monkeypatch: pytest.MonkeyPatch) -> None:
    before = scoring_of(PLAN, CELL)
    monkeypatch.setitem(METRICS, "world_truth", METRICS["world_truth"].model_copy(update={"least_n": 9}))
    assert scoring_of(PLAN, CELL) == before, "no metric of the plan"
    monkeypatch.setitem(METRICS, "clip_score", METRICS["clip_score"].model_copy(update={"least_n": 9}))
    assert scoring_of(PLAN, CELL) != before
    assert len({scoring_of(PLAN.model_copy(update={"metrics": some}), CELL) for some in
                (("clip_score",), ("frechet",), ("clip_score", "frechet"))}) == 3  # fmt: skip


def test_a_cell_that_is_not_scored_has_none() -> None:
    assert scoring_of(PLAN.model_copy(update={"metrics": ()}), CELL) == ""


def test_a_plug_ins_code_counts_where_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    source = tmp_path / "glow_alone.py"
    source.write_text("metric = 1")
    row = METRICS["clip_score"].model_copy(update={"name": "glow", "uses": "own"})
    monkeypatch.setitem(METRICS, "glow", row)
    known = OwnMetrics({"glow": OwnMetric(row, len, "glow", "1.0", "glow_alone")}, {})
    monkeypatch.setattr(scoring_code, "own_metrics", lambda: known)
    asking, plain = PLAN.model_copy(update={"metrics": ("clip_score", "glow")}), scoring_of(PLAN, CELL)
    before = scoring_of(asking, CELL)
    source.write_text("metric = 2")
    assert scoring_of(asking, CELL) != before and scoring_of(PLAN, CELL) == plain


def _other_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "clip_score", METRICS["clip_score"].model_copy(update={"unit": "marks"}))


def _other_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring_code, "our_code", lambda: "another")


@pytest.mark.parametrize(("change", "unit"), [(_other_row, "marks"), (_other_code, "points")])
def test_scores_are_made_anew_of_the_same_pictures_and_features(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, change: Callable[[pytest.MonkeyPatch], None], unit: str
) -> None:
    lab.spec(num_inference_steps=20, metrics=["clip_score"])
    first = lab.run()
    made = [noted(lab.store.root, what) for what in ("images", "features")]
    assert lab.run().run_id == first.run_id, "nothing is left to do"
    change(monkeypatch)
    second = lab.run()
    assert second.run_id != first.run_id and [noted(lab.store.root, what) for what in ("images", "features")] == made
    (old,), (new,) = lab.cells(first).values(), lab.cells(second).values()
    assert old.scoring != new.scoring and (old.features, old.batches[0].key) == (new.features, new.batches[0].key)
    assert [score.unit for score in new.scores] == [unit]
    assert lab.run().run_id == second.run_id, "nothing is left to do again"
