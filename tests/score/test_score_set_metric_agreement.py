"""Distances of sets beside their reference implementations, on small sets; what is not installed is told, not passed.

``PYTHONPATH=tests python -m support.set_metric_agreement`` does the same at the literature's size.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from support import set_metric_agreement as agreement
from support.agreement import Agreement, relative


def test_every_reference_that_is_here_agrees() -> None:
    lines = agreement.rows(small=True)
    assert len(lines) == 3 * 12, "six metrics, twelve pairs, three cases"
    beside = [line for line in lines if line.reference.startswith("torchmetrics")]
    assert len(beside) == 6 and all(line.agrees for line in beside)
    absent = [line for line in lines if math.isnan(line.theirs)]
    assert all("not installed" in line.reference and not line.agrees for line in absent)
    assert all(line.agrees for line in lines if line not in absent)


def test_another_number_does_not_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a covariance over n instead of n - 1."""

    def biased(x: np.ndarray, y: np.ndarray) -> float:
        return agreement.frechet_from_features(x * math.sqrt(1 - 1 / len(x)), y * math.sqrt(1 - 1 / len(y)))

    frechet = agreement._TABLE[0]
    monkeypatch.setattr(agreement, "_TABLE", (("frechet", biased, {"torchmetrics": frechet[2]["torchmetrics"]}),))
    assert not any(line.agrees for line in agreement.rows(small=True))


def test_a_difference_is_relative_and_plain_where_theirs_is_nought() -> None:
    assert relative(2.0, 1.0) == 1.0 and relative(0.5, 0.0) == 0.5
    assert not Agreement("m", "r", "c", 1.0, 2.0, math.nan, 1e-6).agrees
