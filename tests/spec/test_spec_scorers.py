"""The weights that a spec names instead of the models' own, through to the plan."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import SpecError
from harness.plan.build import plan_file
from harness.plan.types import Plan
from harness.run.survey import weights_for
from harness.run.wanted import needed


def plan(folder: Path, scorers: Any, **keys: Any) -> Plan:
    spec = {"prompts": ["a star"], "metrics": ["clip_score", "frechet"], "timing": "off", **keys, "scorers": scorers}
    (folder / "spec.yaml").write_text(json.dumps(spec))
    return plan_file(str(folder / "spec.yaml"))


def test_a_catalogs_name_a_folder_and_a_repository(tmp_path: Path) -> None:
    (tmp_path / "my-inception").mkdir()
    hub = {"hub": "laion/CLIP-ViT-L-14-laion2B-s32B-b82K", "revision": "abc"}
    found = plan(tmp_path, {"open_clip": hub, "extractor": "./my-inception"})
    (cell,) = found.cells
    assert weights_for(found, cell) == {"clip_score": "CLIP-ViT-L-14-laion2B-s32B-b82K", "frechet": "my-inception"}
    wanted = {need.place.where: need.place.revision for need in needed(found)}
    assert wanted["laion/CLIP-ViT-L-14-laion2B-s32B-b82K"] == "abc" and str(tmp_path / "my-inception") in wanted
    assert not any(row.verified for row in found.weights.values())
    named = plan(tmp_path, {"open_clip": "ViT-B-32-laion2b"})
    assert weights_for(named, named.cells[0])["clip_score"] == "ViT-B-32-laion2b"


def test_without_the_key_each_model_has_its_own(tmp_path: Path) -> None:
    found = plan(tmp_path, None)
    assert weights_for(found, found.cells[0]) == {"clip_score": "mini-scorer", "frechet": "mini-extractor"}


def test_another_scorer_is_another_experiment(tmp_path: Path) -> None:
    own, other = plan(tmp_path, None), plan(tmp_path, {"open_clip": "ViT-B-32-laion2b"})
    assert own.spec_digest != other.spec_digest


def test_a_folder_does_not_pass_for_a_name_of_the_catalog(tmp_path: Path) -> None:
    (tmp_path / "mini-scorer").mkdir()
    found = plan(tmp_path, {"open_clip": "./mini-scorer"})
    assert weights_for(found, found.cells[0])["clip_score"] == "mini-scorer-of-spec"


def test_the_hubs_models_get_an_extractor(tmp_path: Path) -> None:
    (tmp_path / "inception").mkdir()
    with pytest.raises(SpecError, match="or name one under `scorers`"):
        plan(tmp_path, None, model="kandinsky-2.2", metrics=["frechet"])
    found = plan(tmp_path, {"extractor": {"folder": "inception"}}, model="kandinsky-2.2", metrics=["frechet"])
    assert weights_for(found, found.cells[0]) == {"frechet": "inception"}


@pytest.mark.parametrize(
    ("scorers", "place", "happened"),
    [
        ("mini-scorer", "scorers", "names no scorers"),
        ({"open-clip": "mini-scorer"}, "scorers.open-clip", "no such network"),
        ({"open_clip": "mini-extractor"}, "scorers.open_clip", "mini-extractor is of another kind: extractor"),
        ({"open_clip": "ViT-B-33"}, "scorers.open_clip", "will not do"),
        ({"open_clip": "./nowhere"}, "scorers.open_clip", "there is no folder"),
        ({"open_clip": {"hub": "no repository"}}, "scorers.open_clip.hub", "is no repository"),
        ({"open_clip": {"hub": "a/b", "revision": "../.."[:2] + " "}}, "scorers.open_clip.revision", "is no revision"),
        ({"open_clip": {"file": "x"}}, "scorers.open_clip", "will not do"),
        ({"extractor": "inception-fid"}, "scorers.extractor", "harness.score.convert inception FILE FOLDER"),
        ({"preference": "HPSv2.1"}, "scorers.preference", "pickle only"),
    ],
)
def test_what_will_not_do_is_told_with_its_place(tmp_path: Path, scorers: Any, place: str, happened: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan(tmp_path, scorers)
    (problem,) = caught.value.problems
    assert problem.path == place and happened in problem.happened


def test_two_folders_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for folder in ("one/same", "other/same"):
        (tmp_path / folder).mkdir(parents=True)
    found = plan(tmp_path, {"open_clip": "./one/same", "extractor": "./other/same"})
    (cell,) = found.cells
    assert weights_for(found, cell) == {"clip_score": "same", "frechet": "same-extractor"}
    kinds = {name: (row.kind, row.place and Path(row.place.where).parent.name) for name, row in found.weights.items()}
    assert kinds == {"same": ("open_clip", "one"), "same-extractor": ("extractor", "other")}
