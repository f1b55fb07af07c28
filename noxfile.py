"""The project's chores. Every session runs in the environment that nox itself is installed in (`.[dev]`)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "types", "layers", "tests"]
nox.options.stop_on_first_error = False

_PYTHON = sys.executable
#: Whose numbers docs/metrics.md holds this project's against, beside torchmetrics and open_clip
_REFERENCES = (
    "lpips==0.1.4", "torch-fidelity==0.4.0", "clean-fid==0.1.35", "prdc==0.2", "scikit-learn", "joblib",
    "threadpoolctl",
)  # fmt: skip
#: in a folder of their own, seen by one reference: the authors' ImageReward stands on a transformers of its time
_IMAGE_REWARD = (
    "image-reward==1.5", "transformers==4.30.2", "tokenizers==0.13.3", "huggingface_hub==0.19.4", "fairscale==0.4.13",
)  # fmt: skip
_PAGES = ("tests/catalog", "tests/spec", "tests/estimate", "tests/miniature", "tests/proof")  # made by a command
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def _run(session: nox.Session, *command: str, **environment: str) -> None:
    session.run(_PYTHON, "-m", *command, env={**os.environ, **environment})


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff's rules and its formatter."""
    _run(session, "ruff", "check", ".")
    _run(session, "ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """Types: mypy, strict."""
    _run(session, "mypy")


@nox.session
def layers(session: nox.Session) -> None:
    """Structure: the design's layers hold."""
    session.run(str(Path(_PYTHON).with_name("lint-imports")))


@nox.session(default=False)
def generated(session: nox.Session) -> None:
    """Tables, schemas and pages made by a command are what that command makes today; a part of the suite."""
    _run(session, "pytest", "-q", "-k", "fresh", *_PAGES, **_ONE_THREAD)


@nox.session
def tests(session: nox.Session) -> None:
    """The suite; two processes, one thread each."""
    _run(session, "pytest", *(session.posargs or ["-n", "2", "--dist", "worksteal"]), **_ONE_THREAD)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """The suite again, and which lines it has not seen. Tracing every worker costs time, so CI does without."""
    arguments = ["-n", "2", "--cov", "--cov-report=term:skip-covered", *session.posargs]
    _run(session, "pytest", *arguments, **_ONE_THREAD)


@nox.session(default=False)
def quickstart(session: nox.Session) -> None:
    """Run the quickstart in an empty store, twice, and write docs/quickstart-times.md from what was measured."""
    _run(session, "tests.support.quickstart_times", *session.posargs)


@nox.session(name="miniature-bars", default=False)
def miniature_bars(session: nox.Session) -> None:
    """Measure the miniature against its bars again and write docs/miniature.md."""
    _run(session, "harness", "miniature", "evaluate", *session.posargs)


@nox.session(default=False)
def schedulers(session: nox.Session) -> None:
    """Prove every scheduler again and write docs/schedulers.md."""
    _run(session, "harness", "schedulers", "check", "--write", "docs/schedulers.md", *session.posargs, **_ONE_THREAD)


@nox.session(default=False)
def models(session: nox.Session) -> None:
    """Count the real models from their configurations and write docs/models.md."""
    _run(session, "harness.pipelines.full_size", **_ONE_THREAD)
    _run(session, "harness.catalog.models_page")


@nox.session(default=False)
def margins(session: nox.Session) -> None:
    """Write the catalog's margins into docs/compare.md."""
    _run(session, "harness.catalog.margins_page", **_ONE_THREAD)


@nox.session(name="full-size", default=False)
def full_size(session: nox.Session) -> None:
    """Build 2.2's decoder at its real size, run two steps on the CPU, and write what it took into docs/models.md."""
    _run(session, "tests.support.full_size", *session.posargs)


@nox.session(default=False)
def metrics(session: nox.Session) -> None:
    """Hold every metric against its reference implementations again and write docs/metrics.md."""
    folder = Path(session.create_tmp()) / "references"
    if "--page" not in session.posargs:
        for place, packages in ((folder, _REFERENCES), (folder / "image-reward", _IMAGE_REWARD)):
            _run(session, "pip", "install", "--quiet", "--no-deps", "--target", str(place), *packages)
    where = {"PYTHONPATH": "tests", "HARNESS_REFERENCES": str(folder)}
    _run(session, "support.metric_agreement", *session.posargs, **where, **_ONE_THREAD)


@nox.session(name="reference-sets", default=False)
def reference_sets(session: nox.Session) -> None:
    """Simulate sets of pictures, and write how often their intervals hold into docs/reference-sets.md."""
    _run(session, "support.jackknife_coverage", *session.posargs, PYTHONPATH="tests", **_ONE_THREAD)


@nox.session(default=False)
def gpu(session: nox.Session) -> None:
    """On a CUDA device: the tests that need one, then the audit, and docs/gpu-results.md from its records."""
    there = "import sys, torch; sys.exit(0 if torch.cuda.is_available() else 1)"
    if subprocess.run([_PYTHON, "-W", "ignore", "-c", there], check=False).returncode != 0:
        session.skip("torch finds no CUDA device here; nothing was measured")
    _run(session, "pytest", "-q", "-m", "gpu", "tests/gpu")
    _run(session, "tests.support.gpu_results", *session.posargs)


@nox.session(default=False)
def preflight(session: nox.Session) -> None:
    """Hold the pre-flight's estimates against what is measured and write docs/preflight.md."""
    _run(session, "estimate.page", *session.posargs, PYTHONPATH="tests", **_ONE_THREAD)


@nox.session(name="audit-faults", default=False)
def audit_faults(session: nox.Session) -> None:
    """Plant five faults of optimizations into one real run, see the audit flag them, and write docs/audit-faults.md."""
    _run(session, "support.audit_faults", *session.posargs, PYTHONPATH="tests", **_ONE_THREAD)


@nox.session(default=False)
def planted(session: nox.Session) -> None:
    """Plant six regressions into real runs, each held against a baseline, and write docs/regression.md's tables."""
    _run(session, "support.planted_regressions", *session.posargs, PYTHONPATH="tests")


@nox.session(default=False)
def statistics(session: nox.Session) -> None:
    """Coverage, false alarms and power of the verdicts' statistics: docs/statistics.json, and docs/statistics.md."""
    _run(session, "support.statistics_page", *session.posargs, PYTHONPATH="tests", **_ONE_THREAD)


@nox.session(default=False)
def judge(session: nox.Session) -> None:
    """Simulate voters, and write how often the intervals hold into docs/judge.md."""
    _run(session, "tests.support.judge_coverage", *session.posargs, **_ONE_THREAD)


@nox.session(default=False)
def history(session: nox.Session) -> None:
    """Simulate series of runs, and write how often a change of level is found into docs/history.md."""
    _run(session, "tests.support.change_point_rates", *session.posargs, **_ONE_THREAD)


@nox.session(default=False)
def bench(session: nox.Session) -> None:
    """Paired timings of the harness's own cost, two things in one run."""
    _run(session, "pytest", "-q", "benchmarks", *session.posargs)
