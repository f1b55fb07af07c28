"""Distances of sets beside torch-fidelity, torchmetrics, clean-fid and prdc, on the same features in double precision.

``PYTHONPATH=tests python -m support.set_metric_agreement [--small] [--references FOLDER]`` prints the table.
Torchmetrics is a dependency; the others come from a folder of theirs, or from the environment::

    pip install --no-deps --target FOLDER torch-fidelity clean-fid prdc scikit-learn joblib threadpoolctl

What is not there is a line that says so, and no agreement.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import math
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from support.agreement import ABSENT, Agreement, failures, relative
from support.references import FOLDER, called, reference

from harness.score import prdc
from harness.score.frechet import frechet_from_features
from harness.score.kid import kid

Features = NDArray[np.float64]
Theirs = Callable[[Any, Features, Features], float]
BAR = 1e-6


@dataclass(frozen=True)
class Case:
    """Two sets of features: how many, of which dimension, and over how many decades their deviations fall."""

    name: str
    n: int
    m: int
    dimension: int
    decades: float

    @property
    def label(self) -> str:
        """For people."""
        return f"{self.name}: {self.n:,} and {self.m:,} rows of {self.dimension:,}"

    def features(self) -> tuple[Features, Features]:
        """Rotated normal features; the second set is wider, and its mean lies a little aside."""
        rng = np.random.default_rng(0)
        rotation = np.linalg.qr(rng.normal(size=(self.dimension, self.dimension)))[0]
        spread = np.logspace(0.0, -self.decades, self.dimension)
        first = (rng.normal(size=(self.n, self.dimension)) * spread) @ rotation
        second = (1.1 * rng.normal(size=(self.m, self.dimension)) * spread + 0.02) @ rotation
        return first, second


def cases(*, small: bool = False) -> list[Case]:
    """The cases: as large as the literature's sets, or small enough for a test."""
    d, n, few = (64, 400, 40) if small else (2048, 10_000, 1_000)
    return [
        Case("well-conditioned", n, n, d, 0.5),
        Case("ill-conditioned, 10⁶", n, n, d, 3.0),
        Case("n < d", few, few, d, 1.0),
    ]


def _torch_fidelity_frechet(package: Any, x: Features, y: Features) -> float:
    import torch

    known = [package.metric_fid.fid_features_to_statistics(torch.from_numpy(one)) for one in (x, y)]
    return float(package.metric_fid.fid_statistics_to_metric(*known, False)["frechet_inception_distance"])


def _torchmetrics_frechet(package: Any, x: Features, y: Features) -> float:
    import torch

    moments = [torch.from_numpy(moment) for v in (x, y) for moment in (v.mean(0), np.cov(v, rowvar=False))]
    return float(package.image.fid._compute_fid(*moments))


def _clean_fid_frechet(package: Any, x: Features, y: Features) -> float:
    moments = [moment for v in (x, y) for moment in (v.mean(0), np.cov(v, rowvar=False))]
    return float(package.fid.frechet_distance(*moments))


def _torch_fidelity_kid(package: Any, x: Features, y: Features) -> float:
    """One subset of all samples."""
    import torch

    how = {"kid_subsets": 1, "kid_subset_size": len(x), "verbose": False}
    found = package.metric_kid.kid_features_to_metric(torch.from_numpy(x), torch.from_numpy(y), **how)
    return float(found["kernel_inception_distance_mean"])


def _torchmetrics_kid(package: Any, x: Features, y: Features) -> float:
    import torch

    return float(package.image.kid.poly_mmd(torch.from_numpy(x), torch.from_numpy(y)))


def _clean_fid_kid(package: Any, x: Features, y: Features) -> float:
    return float(package.fid.kernel_distance(x, y, num_subsets=1, max_subset_size=len(x)))


def _torch_fidelity_share(which: str) -> Theirs:
    def share(package: Any, x: Features, y: Features) -> float:
        import torch

        sets = (torch.from_numpy(x), torch.from_numpy(y))
        kept = package.metric_prc.prc_features_to_metric(*sets, prc_neighborhood=3, prc_batch_size=2000, verbose=False)
        return float(kept[which])

    return share


def _prdc(which: str, nearest: int) -> Theirs:
    def share(package: Any, x: Features, y: Features) -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            return float(package.compute_prdc(real_features=y, fake_features=x, nearest_k=nearest)[which])

    return share


Ours = Callable[[Features, Features], float]
_TABLE: tuple[tuple[str, Ours, dict[str, Theirs]], ...] = (
    ("frechet", frechet_from_features, {
        "torch-fidelity": _torch_fidelity_frechet, "torchmetrics": _torchmetrics_frechet,
        "clean-fid": _clean_fid_frechet}),
    ("kid", kid, {
        "torch-fidelity": _torch_fidelity_kid, "torchmetrics": _torchmetrics_kid, "clean-fid": _clean_fid_kid}),
    ("precision", prdc.precision, {
        "torch-fidelity": _torch_fidelity_share("precision"), "prdc": _prdc("precision", prdc.NEAREST_PR)}),
    ("recall", prdc.recall, {
        "torch-fidelity": _torch_fidelity_share("recall"), "prdc": _prdc("recall", prdc.NEAREST_PR)}),
    ("density", prdc.density, {"prdc": _prdc("density", prdc.NEAREST_DC)}),
    ("coverage", prdc.coverage, {"prdc": _prdc("coverage", prdc.NEAREST_DC)}),
)  # fmt: skip
_MODULES = {
    "torch-fidelity": ("torch_fidelity", "metric_fid", "metric_kid", "metric_prc"),
    "torchmetrics": ("torchmetrics", "image.fid", "image.kid"),
    "clean-fid": ("cleanfid", "fid"),
    "prdc": ("prdc",),
}


def each(*, small: bool = False) -> Iterator[Agreement]:
    """Every metric beside every reference on every case, one after another."""
    for case in cases(small=small):
        x, y = case.features()
        for metric, ours, references in _TABLE:
            mine = ours(x, y)
            for name, theirs in references.items():
                yield _line(metric, name, case, mine, theirs, (x, y))


def _line(
    metric: str, name: str, case: Case, mine: float, theirs: Theirs, features: tuple[Features, Features]
) -> Agreement:
    package = reference(*_MODULES[name])
    if package is None:
        return Agreement(metric, f"{name}: {ABSENT}", case.label, mine, math.nan, math.nan, BAR)
    found = theirs(package, *features)
    return Agreement(metric, called(name), case.label, mine, found, relative(mine, found), BAR)


def rows(*, small: bool = False) -> list[Agreement]:
    """All of it."""
    return list(each(small=small))


def main() -> int:
    """Print the table; 1 if something that is here does not agree, or if a folder of references lacks one."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--references", default=os.environ.get(FOLDER, ""))
    asked = parser.parse_args()
    os.environ[FOLDER] = asked.references
    lines = []
    for line in each(small=asked.small):
        lines.append(line)
        print(f"{line.metric:<10} {line.reference:<22} {line.case:<46} {line.ours:>22.15g} {line.theirs:>22.15g} "
              f"{line.difference:.1e} {'' if line.agrees else '!'}", flush=True)  # fmt: skip
    return 1 if failures(lines, strict=bool(asked.references)) else 0


if __name__ == "__main__":
    sys.exit(main())
