"""Models in one run, with real workers: the shipped one, one that yields no numbers, one that goes away under way."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support.runs import Lab, once

from harness.errors import ExitCode
from harness.plan.types import Plan
from harness.run.conduct import conduct
from harness.run.desk import Desk
from harness.run.forecast import plan_spec
from harness.run.ledger import Ledger, new_run
from harness.run.survey import keybook, survey
from harness.store.runs import new_run_id


def _without_numbers(folder: Path) -> None:
    """Put not-a-number into every weight of the decoding half."""
    import numpy as np
    from safetensors.numpy import load_file, save_file

    (path,) = (folder / "decoder" / "movq").glob("*.safetensors")
    tensors = {name: np.full_like(tensor, np.nan) for name, tensor in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})


def _conduct(lab: Lab, plan: Plan, gone: Path) -> str:
    """Survey, lose a folder, run."""
    found = survey(lab.store, plan, None, lab.told)
    run = new_run(plan, new_run_id(plan.name), plan.name, "harness run")
    lab.store.new_run(run)
    ledger = Ledger.open(lab.store, run)
    desk = Desk(plan, found.models, found.scorers, lab.store, ledger, keybook(plan, found), lab.told,
                fresh=False, remeasure=False)  # fmt: skip
    shutil.rmtree(gone / "prior")
    return conduct(desk, found.posts).run_id


@pytest.fixture(scope="module")
def lab(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Lab:
    """A finished run of the three."""

    def make(folder: Path) -> None:
        lab, models = Lab(folder, tiny), [folder / name for name in ("no-numbers", "gone")]
        for model in models:
            shutil.copytree(tiny, model, ignore=shutil.ignore_patterns("lock", "whole"))
        _without_numbers(models[0])
        named = [str(models[1]), str(models[0]), "mini-2.2"]
        spec = lab.spec(model=named, num_inference_steps=[2, 3], prior_num_inference_steps=2)
        plan = plan_spec(str(spec), only={}, limit=None, device=None, store_path=lab.store.root)
        _conduct(lab, plan, models[1])

    return Lab(once(tmp_path_factory, "three-models", make), tiny)


def test_the_others_run(lab: Lab) -> None:
    (run_id,) = lab.store.run_ids()
    run, cells = lab.store.load_run(run_id), lab.store.load_cells(run_id)
    failed = {Path(cell.settings.model).name: cell.failure for cell in cells if cell.failure}
    assert run.status == "failed-cells" and set(failed) == {"gone", "no-numbers"}
    assert failed["gone"].kind == "missing" and "no prior folder" in failed["gone"].reason and failed["gone"].do
    assert failed["no-numbers"].kind == "not-a-number" and "not finite" in failed["no-numbers"].reason
    assert [cell.status for cell in cells] == ["failed"] * 4 + ["done"] * 2
    log = "".join(path.read_text() for path in (lab.store.root / "logs").iterdir())
    assert "Traceback" in log and not any("Traceback" in failure.reason for failure in failed.values())


def test_the_shipped_models_scores_have_n_and_an_interval(lab: Lab) -> None:
    (run_id,) = lab.store.run_ids()
    for cell in lab.store.load_cells(run_id)[4:]:
        clip, truth = cell.scores
        assert (clip.n, clip.n_prompts, truth.n) == (6, 6, 6) and clip.interval and truth.interval
        assert clip.value is not None and clip.interval.low <= clip.value <= clip.interval.high
        assert truth.value is not None and truth.interval.low <= truth.value <= truth.interval.high
        assert clip.made_by["weights"] == "mini-scorer" and truth.made_by["weights"] == "mini-judge"
        rows = lab.store.image_rows(run_id, cell.cell_id) or []
        assert len(rows) == 6 and all(row["n_tokens"] > 2 and not row["truncated"] for row in rows)


def test_its_status_says_which_cells_failed_and_why(lab: Lab, capsys: pytest.CaptureFixture[str]) -> None:
    from harness.cli import run

    place = ["--store", str(lab.store.root)]
    (run_id,) = lab.store.run_ids()
    assert run(["status", run_id, *place]) == ExitCode.DONE
    said = capsys.readouterr().out
    assert "failed-cells" in said and "not finite" in said and "no prior folder" in said and "2/6" in said
