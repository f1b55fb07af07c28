"""A whole run beside the same command again."""

from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

SPEC = """
name: again
prompts: [a small red star on the left of a blue background]
num_inference_steps: 4
prior_num_inference_steps: 4
metrics: clip_score
timing: off
"""


def test_a_cold_run_beside_the_same_again(compare: Callable[..., None], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    stores = itertools.count()
    calls = {
        "one picture in an empty store": lambda: _run(tmp_path, f"store-{next(stores)}"),
        "the same again": lambda: _run(tmp_path, "store-0"),
    }
    compare("`harness run` without MLflow", calls, rounds=2, warm=False)


def _run(folder: Path, store: str) -> None:
    command = [sys.executable, "-m", "harness", "run", "spec.yaml", "--no-track", "--store", store]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
