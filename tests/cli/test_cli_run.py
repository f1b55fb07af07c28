"""`harness run` as a person types it: a real run on the miniature, the same again, and a run that fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.store.store import open_store

TORCH_FREE = """
import runpy, sys
sys.argv = ["harness", *sys.argv[1:]]
try:
    runpy.run_module("harness", run_name="__main__", alter_sys=True)
finally:
    assert not {"torch", "diffusers", "transformers", "mlflow"} & set(sys.modules)
"""
SPEC = """
name: one small picture
prompts: [a red star]
num_inference_steps: 2
prior_num_inference_steps: 2
metrics: clip_score
timing: off
threads: 1
"""


def _run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    arguments = ["run", "spec.yaml", "--no-track", "--device", "cpu", *options]
    command = [sys.executable, "-c", TORCH_FREE, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=os.environ)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec and, in ``runs``, a finished run of it."""
    folder = tmp_path_factory.mktemp("person")
    (folder / "spec.yaml").write_text(SPEC)
    first = _run(folder)
    assert first.returncode == 0, first.stderr
    assert "images: 1 to do" in first.stderr and "CLIP score" in first.stdout
    assert Path(first.stdout.splitlines()[-1]).name == "report.html"
    return folder


@pytest.mark.slow
def test_the_same_again_is_told_from_the_records_without_torch(folder: Path) -> None:
    again = _run(folder)
    assert again.returncode == 0 and "Nothing to do" in again.stderr
    assert (folder / again.stdout.splitlines()[-1]).is_file()
    assert len(open_store(folder / "runs").run_ids()) == 1


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_under_its_own_id(folder: Path) -> None:
    store = open_store(folder / "runs")
    (run_id,) = store.run_ids()
    store.save_run(store.load_run(run_id).model_copy(update={"status": "running", "finished_ms": None}))
    on = _run(folder)
    assert on.returncode == 0 and f"run {run_id}" in on.stderr
    record = store.load_run(run_id)
    assert store.run_ids() == [run_id] and (record.status, record.resumed) == ("finished", 1)


@pytest.mark.slow
def test_a_failed_cell_is_in_the_exit_code_and_in_the_list(folder: Path) -> None:
    (folder / "spec.yaml").write_text(SPEC + "cell_timeout: 0.001\n")
    failed = _run(folder, "--fresh", "--name", "too short")
    assert failed.returncode == 5 and "timeout" in failed.stdout and "Traceback" not in failed.stderr
    listed = subprocess.run(
        [sys.executable, "-m", "harness", "status", "--json"], capture_output=True, text=True, check=True, cwd=folder
    )
    assert [item["status"] for item in json.loads(listed.stdout)] == ["finished", "failed-cells"]
