"""Reference sets in a run: looked at once, named in the scores, and another set is another result."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.fake_worker import noted
from support.runs import Lab

from harness.catalog.types import Place
from harness.catalog.weights import WEIGHTS
from harness.catalog.world import split
from harness.compare import quality
from harness.compare.compare import compare
from harness.errors import MissingError, SpecError
from harness.plan.types import ReferenceSet
from harness.report.view import load_view
from harness.run import weights
from harness.run.reference_sets import folder_content
from harness.run.set_features import reference_of
from harness.store.records import RunRecord, Score
from harness.store.references import references
from harness.store.store import open_store

CAPTIONS = [scene.caption() for scene in split()[1][:34]]
WORLD = {"world": {"count": 50, "seed": 7}}


def folder_of(path: Path, count: int = 9) -> Path:
    """Pictures that differ."""
    path.mkdir()
    for i in range(count):
        Image.new("RGB", (8, 8), (i, 0, 0)).save(path / f"{i}.png")
    return path


def spec(lab: Lab, **keys: object) -> None:
    """One cell of 34 captions in one batch, with changes."""
    known = {"prompts": CAPTIONS, "batch_size": 40, "num_inference_steps": 20, "metrics": ["kid", "frechet"]}
    lab.spec(**known | keys)


def scores(lab: Lab, run: RunRecord) -> dict[str, Score]:
    (cell,) = lab.cells(run).values()
    return {score.metric: score for score in cell.scores}


def test_the_world_is_looked_at_once_and_kept_for_its_run(lab: Lab) -> None:
    spec(lab, num_inference_steps=[20, 30], reference_set=WORLD)
    first = lab.run()
    assert noted(lab.store.root, "sets") == 1, "for both cells"
    for cell in lab.cells(first).values():
        for score in cell.scores:
            assert score.value is not None and score.made_by["reference_n"] == 50
            assert score.made_by["reference_digest"] == "d" * 64 and score.reason == "against 50 pictures"
    assert lab.run().run_id == first.run_id, "nothing is left to do"
    assert any("50 pictures of the world's held-out captions, seed 7" in line for line in lab.told.said)
    (key,) = next(iter(lab.cells(first).values())).reference_features.values()
    assert ("features", key) in references(lab.store.runs.folder(first.run_id))
    lab.store.path("features", key).unlink()
    assert lab.run().run_id != first.run_id and noted(lab.store.root, "sets") == 2, "what is gone is made again"


def test_another_set_on_one_side_is_not_comparable(lab: Lab) -> None:
    folder = folder_of(lab.folder / "pictures")
    spec(lab, reference_set="pictures")
    old = lab.run()
    (folder / "8.png").unlink()
    runs = [load_view(lab.store, run_id) for run_id in (old.run_id, lab.run().run_id)]
    assert noted(lab.store.root, "sets") == 2
    told, _ = compare(*runs, places=("old", "new"))
    found = {finding.metric: finding for _, finding in told.findings()}
    for metric in ("kid", "frechet"):
        assert found[metric].verdict == "not comparable"
        why = found[metric].reason or ""
        assert "reference_digest" in why and "reference_n 9 and 8" in why
    same, _ = compare(runs[0], runs[0], places=("old", "old"))
    assert {f.verdict for _, f in same.findings() if f.metric == "kid"} == {"no verdict"}
    (score,) = (one for cell in runs[0].cells for one in cell.scores if one.metric == "kid")
    elsewhere = score.model_copy(update={"made_by": {**score.made_by, "reference": {"of": "the folder elsewhere"}}})
    assert not quality._made_otherwise(score, elsewhere), "the same pictures in another folder are the same set"


def test_a_set_is_its_pictures_whatever_they_are_called(tmp_path: Path) -> None:
    store, folder = open_store(tmp_path / "store"), folder_of(tmp_path / "pictures")
    whole = folder_content(folder, store)
    (folder / "0.png").rename(folder / "renamed.png")
    (folder / "notes.txt").write_text("of no account")
    assert folder_content(folder, store) == whole
    (folder / "again.png").write_bytes((folder / "1.png").read_bytes())
    twice = folder_content(folder, store)
    (folder / "again.png").unlink()
    (folder / "1.png").unlink()
    assert len({whole, twice, folder_content(folder, store)}) == 3


def test_a_file_of_statistics_serves_the_frechet_distance(lab: Lab) -> None:
    np.savez(lab.folder / "known.npz", mu=np.zeros(16), sigma=np.eye(16))
    spec(lab, reference_set="known.npz")
    run = lab.run()
    found = scores(lab, run)
    assert found["frechet"].value is not None and found["frechet"].made_by["reference_n"] is None
    assert found["frechet"].reason == (
        "against a file that does not say its n; the file does not say which network or resize made it"
    )
    assert found["kid"].value is None and not found["kid"].failed
    assert "needs the features" in (found["kid"].reason or "")
    assert noted(lab.store.root, "sets") == 0 and run.status == "finished"


def test_a_set_that_cannot_be_looked_at_costs_its_metrics_only(lab: Lab) -> None:
    folder = folder_of(lab.folder / "pictures")
    Image.new("RGB", (8, 8)).save(folder / "broken.png")
    spec(lab, metrics=["kid", "clip_score"], reference_set="pictures")
    run = lab.run()
    found = scores(lab, run)
    assert found["kid"].value is None and found["kid"].failed
    assert found["kid"].reason == "its reference set: broken.png cannot be decoded"
    assert found["clip_score"].value is not None and run.status == "failed-cells"


def test_a_set_that_failed_is_tried_once_and_named_for_each_cell(lab: Lab) -> None:
    folder = folder_of(lab.folder / "pictures")
    Image.new("RGB", (8, 8)).save(folder / "broken.png")
    spec(lab, num_inference_steps=[20, 30, 40], reference_set="pictures")
    run = lab.run()
    looks = [line for line in lab.told.said if line.startswith("reference set: looking at ")]
    assert len(looks) == 1 and lab.told.said.count("reference set: broken.png cannot be decoded") == 1
    cells = lab.cells(run)
    assert len(cells) == 3 and run.status == "failed-cells"
    for cell in cells.values():
        assert cell.reference_features == {} and cell.status == "done" and len(cell.scores) == 2
        for score in cell.scores:
            assert (score.value, score.failed) == (None, True)
            assert score.reason == "its reference set: broken.png cannot be decoded"
    assert lab.run().run_id != run.run_id and noted(lab.store.root, "images") == 3, "the same command asks once more"
    assert sum(line.startswith("reference set: looking at ") for line in lab.told.said) == 2


def test_a_set_that_went_away_stops_before_anything_is_made(lab: Lab) -> None:
    folder = folder_of(lab.folder / "pictures", 2)
    spec(lab, reference_set="pictures")
    (folder / "0.png").unlink()
    with pytest.raises(SpecError, match="holds 1 pictures"):
        lab.run()
    (lab.folder / "known.npz").write_text("no statistics")
    spec(lab, reference_set="known.npz")
    with pytest.raises(SpecError, match="no reference statistics"):
        lab.run()
    assert noted(lab.store.root, "hello") == 0, "no worker was started for it"


def desk(place: Place | None, known: Any = None) -> Any:
    """What is asked of a desk for weights at a place."""
    row = WEIGHTS["mini-extractor"].model_copy(update={"place": place})
    keys = SimpleNamespace(
        reference_set=known, scorers={row.name: SimpleNamespace(digest="w")}, reference=lambda _: None
    )
    return SimpleNamespace(keys=keys, scorers={row.name: row})


def test_without_a_key_it_is_the_extractors_own(monkeypatch: pytest.MonkeyPatch) -> None:
    own = reference_of(desk(WEIGHTS["mini-extractor"].place), "mini-extractor")
    assert not isinstance(own, str) and (own.n, own.dimension, own.features) == (4096, 16, None)
    assert own.about["of"] == "captions held out from training" and len(own.digest) == 64
    for place in (None, Place(kind="hub", where="somebody/inception")):
        told = reference_of(desk(place), "mini-extractor")
        assert told == "mini-extractor brings no reference statistics: name a `reference_set` in the spec"
    monkeypatch.setattr(weights, "STATISTICS", "no-such-file.safetensors")
    assert isinstance(reference_of(desk(WEIGHTS["mini-extractor"].place), "mini-extractor"), str)
    monkeypatch.setattr(weights, "STATISTICS", "model.safetensors")
    with pytest.raises(MissingError, match="holds no reference statistics"):
        reference_of(desk(WEIGHTS["mini-extractor"].place), "mini-extractor")


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "known.npz"

    def digest_of(identity: str) -> str:
        known = SimpleNamespace(asked=ReferenceSet(kind="file", path=str(path)), identity=identity)
        found = reference_of(desk(None, known), "mini-extractor")
        assert not isinstance(found, str)
        return found.digest

    np.savez(path, mu=np.zeros(16), sigma=np.eye(16))
    first = digest_of("a")
    np.savez(path, mu=np.ones(16), sigma=np.eye(16))
    assert digest_of("a") == first and digest_of("b") != first


def test_files_that_are_no_pictures_are_counted(lab: Lab) -> None:
    folder = folder_of(lab.folder / "pictures")
    (folder / "notes.txt").write_text("of no account")
    spec(lab, reference_set="pictures")
    assert scores(lab, lab.run())["kid"].made_by["reference"]["files_not_taken"] == "1"
