"""What a plan says of the store: which of its results a run would take over, by fakes."""

from __future__ import annotations

from typing import Any

import pytest
from support.fake_worker import noted
from support.runs import Lab

from harness.run.forecast import plan_spec
from harness.run.stored import Share, Stored, render_stored, stored_already

SWEEP: dict[str, Any] = {
    "num_inference_steps": [5, 20], "compare_to": {"num_inference_steps": 20}, "metrics": ["clip_score", "world_truth"],
    "timing": {"repeats": 1, "rounds": 2, "warmups": 1},
}  # fmt: skip


def _stored(lab: Lab) -> Stored | None:
    plan = plan_spec(str(lab.folder / "spec.yaml"), only={}, limit=None, device=None, store_path=lab.store.root)
    return stored_already(plan, lab.store.root)


def test_a_run_leaves_all_of_its_plan_and_one_setting_more_is_missing(lab: Lab) -> None:
    lab.spec(**SWEEP)
    lab.run()
    greeted = noted(lab.store.root, "hello")
    all_of_it = Stored(images=Share(stored=12, of=12), features=Share(stored=4, of=4), timings=Share(stored=2, of=2))
    assert _stored(lab) == all_of_it
    told = render_stored(all_of_it)
    assert told.startswith("stored already: 12 of 12 pictures, 4 of 4 sets of features, 2 of 2 cells' timings")
    assert told.endswith("nothing is left to make")
    lab.spec(**{**SWEEP, "num_inference_steps": [5, 20, 40]})
    more = _stored(lab)
    assert more == Stored(images=Share(stored=12, of=18), features=Share(stored=4, of=6), timings=Share(stored=2, of=3))
    assert more is not None and render_stored(more).endswith("a run makes the rest, and the cost above is of all")
    lab.spec(**{**SWEEP, "timing": "off"})
    untimed = _stored(lab)
    assert untimed is not None and untimed.timings.of == 0 and "timings" not in render_stored(untimed)
    assert noted(lab.store.root, "hello") == greeted, "a plan starts no worker"


def test_what_another_environment_made_is_not_counted(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    lab.spec(**SWEEP)
    assert _stored(lab) is None and render_stored(None) == ""
    lab.run()
    assert _stored(lab) is not None
    monkeypatch.setenv("TORCH_OF_ANOTHER_KIND", "1")
    assert _stored(lab) is None


def test_nothing_of_ours_is_nothing_to_say(lab: Lab) -> None:
    lab.spec(**{**SWEEP, "num_inference_steps": [5], "compare_to": None})
    lab.run()
    lab.spec(**{**SWEEP, "num_inference_steps": [40], "compare_to": None})
    found = _stored(lab)
    assert found is not None and not found.anything and render_stored(found) == ""
