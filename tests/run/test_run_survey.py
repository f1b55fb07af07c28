"""Whose weights a run has, found out without torch."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.plans import MODEL, make_plan

from harness.catalog.types import Place
from harness.errors import MissingError
from harness.run.survey import needed_parts, scorers_of, weights_for
from harness.run.weights import model_weights
from harness.store.store import Store, open_store

HUB = Place(kind="hub", where="somebody/some-model")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache of the hub's."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    return tmp_path / "hub" / "models--somebody--some-model"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return open_store(tmp_path / "store")


def _part(store: Store, place: Place) -> tuple[str | None, str]:
    """The revision that a decoder's place comes to, and its digest."""
    row, weights = model_weights(store, MODEL.model_copy(update={"parts": {"decoder": place}}), ["decoder"])
    revision = row.parts["decoder"].revision
    assert weights.record()["decoder"]["revision"] == revision
    return revision, weights.digests()["decoder"]


def test_offline_the_cache_says_which_commit_a_name_means(store: Store, cache: Path) -> None:
    (cache / "refs").mkdir(parents=True)
    (cache / "refs" / "main").write_text(COMMIT + "\n")
    (cache / "refs" / "v1").write_text("b" * 40)
    assert _part(store, HUB)[0] == COMMIT
    assert _part(store, HUB.model_copy(update={"revision": "v1"}))[0] == "b" * 40
    (cache / "snapshots" / ("d" * 40)).mkdir(parents=True)
    assert _part(store, HUB.model_copy(update={"revision": "d" * 40}))[0] == "d" * 40


def test_what_is_nowhere_is_missing_with_what_to_do(store: Store, cache: Path) -> None:
    with pytest.raises(MissingError, match="somebody/some-model") as told:
        _part(store, HUB)
    assert "HF_HOME" in str(told.value) and "hf download somebody/some-model" in str(told.value)


def test_a_folder_is_named_by_its_content(store: Store, tmp_path: Path) -> None:
    one, two = (Place(kind="folder", where=str(tmp_path / name)) for name in ("one", "two"))
    for place in (one, two):
        Path(place.where).mkdir()
        (Path(place.where) / "weights").write_text("the same")
    before = _part(store, one)
    assert before == _part(store, two)
    (Path(one.where) / "weights").write_text("others!!")
    assert _part(store, one) != before
    with pytest.raises(MissingError, match="no model folder"):
        _part(store, Place(kind="folder", where=str(tmp_path / "three")))


def test_metrics_ask_for_their_weights() -> None:
    plan = make_plan()
    assert weights_for(plan, plan.cells[0]) == {"clip_score": "mini-scorer", "frechet": "mini-extractor"}
    assert scorers_of(plan) == {"mini-scorer", "mini-extractor"}
    bare = {"mini-2.2": MODEL.model_copy(update={"extractor": None})}
    assert weights_for(plan.model_copy(update={"models": bare}), plan.cells[0]) == {"clip_score": "mini-scorer"}


def test_only_the_parts_that_a_cell_loads_are_looked_for() -> None:
    """What is not shipped, or not downloaded, stops no run that does not need it."""
    assert needed_parts(make_plan()) == {"mini-2.2": ("prior", "decoder")}


def test_nothing_of_the_main_job_imports_torch() -> None:
    script = (
        "import sys, harness.run.whole, harness.run.forecast, harness.run.listing, harness.run.showing\n"
        "assert not {'torch', 'diffusers', 'transformers', 'mlflow'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
