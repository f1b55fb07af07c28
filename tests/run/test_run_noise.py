"""The A/A self-test against fake workers, and once against a real one."""

import os
from itertools import count
from pathlib import Path

import pytest
from support.fake_worker import DIES_WHEN_TIMED, noted
from support.runs import Lab, Told

from harness.cli import run
from harness.errors import HarnessError
from harness.report.noise import noise_words
from harness.report.view import load_view
from harness.run.noise import _SPEC, CALLS, LEAST_VISITS, measure_noise
from harness.store.noise import noise_of
from harness.store.store import open_store


def test_at_least_three_visits_of_both_by_turns_are_kept_under_the_environment(lab: Lab, tmp_path: Path) -> None:
    told = Told()
    found = measure_noise(str(lab.model), 1e-6, tmp_path / "store", told)
    store = open_store(tmp_path / "store", create=False)
    assert (found.visits, found.calls) == (LEAST_VISITS, CALLS)
    assert found.identical_pictures is True
    assert found.latency_s == pytest.approx(0.25)  # 25 steps of 10 ms, as the fakes have it
    assert found.between_calls == found.between_visits == found.beside == 0.0
    assert found.model == str(lab.model) and noise_of(store, found.fingerprint, found.model, found.weights) == found
    assert sum(line.startswith("visit ") for line in told.said) == LEAST_VISITS
    assert noted(store.root, "timing") == LEAST_VISITS * (2 * CALLS + 1)
    assert noted(store.root, "images") == 1
    assert store.run_ids() == []  # it is no run


def test_a_second_measurement_makes_no_picture_and_takes_its_time(lab: Lab, tmp_path: Path) -> None:
    """By a clock that moves a minute each time it is read."""
    measure_noise(str(lab.model), 1e-6, tmp_path / "store", Told())
    ticks = count(step=60)
    found = measure_noise(str(lab.model), 10, tmp_path / "store", Told(), clock=lambda: float(next(ticks)))
    assert found.visits == 4  # a visit takes a minute by it, and a look at it before each beyond the third another
    assert noted(tmp_path / "store", "images") == 1


def test_the_verb_tells_it(lab: Lab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = str(tmp_path / "store")
    assert run(["doctor", "--noise", "--model", str(lab.model), "--minutes", "0.000001", "--store", store]) == 0
    said = capsys.readouterr()
    assert "margins: {latency: 3%" in said.out and "visit" not in said.out.splitlines()[0]
    assert [line.split(":")[0] for line in said.err.splitlines() if line.startswith("visit ")] == [
        f"visit {number}" for number in range(1, LEAST_VISITS + 1)
    ]


def test_a_report_of_a_run_of_that_model_finds_it(lab: Lab) -> None:
    """A folder is named otherwise in a spec than in a command; once its weights are others, nothing is known of it."""
    named, timing = os.path.relpath(lab.model, lab.folder), {"repeats": 1, "rounds": 2, "warmups": 1}
    lab.spec(model=named, threads=None, device=None, num_inference_steps=20, timing=timing)
    view = load_view(lab.store, lab.run().run_id)
    assert noise_words(view) == []
    found = measure_noise(str(lab.model), 1e-6, lab.store.root, Told())
    assert found.fingerprint == view.run.environment_digest
    (line,) = noise_words(view)
    assert f"({LEAST_VISITS} visits of {lab.model} on " in line and "visits of 5 calls" in line
    (cell,) = view.cells
    tuned = {part: {**about, "digest": "0" * 64} for part, about in cell.weights.items()}
    lab.store.save_cell(cell.model_copy(update={"weights": tuned}))
    assert noise_words(load_view(lab.store, view.run.run_id)) == []


def test_a_call_that_fails_ends_it_with_the_reason(lab: Lab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.run.noise._SPEC", _SPEC.replace("25", str(DIES_WHEN_TIMED)))
    with pytest.raises(HarnessError, match="A call failed, so no noise is known: the worker process was killed"):
        measure_noise(str(lab.model), 1.0, tmp_path / "store", Told())


def test_a_model_that_is_not_there_is_said(tmp_path: Path, fakes: str) -> None:
    with pytest.raises(HarnessError, match="no-such-model"):
        measure_noise("no-such-model", 1.0, tmp_path / "store", Told())
