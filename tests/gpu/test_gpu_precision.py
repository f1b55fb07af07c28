"""Half precision on a device: the same pictures as in float32, through the pipelines and the schedulers' adapter."""

from __future__ import annotations

import numpy as np
import pytest
from support.gpu import DEVICE, apart, load, one_apart, pictures

from harness.catalog.types import DType, Version

pytestmark = pytest.mark.gpu

#: Mean levels of 255. On a CPU the miniatures' float16 is 0.1 to 0.6 apart from float32, LMS 3.1, bfloat16 1.4.
HALF, BRAIN, ROUGH = 1.5, 5.0, 8.0


@pytest.mark.parametrize(("dtype", "limit"), [("float16", HALF), ("bfloat16", BRAIN)])
def test_half_precision_makes_the_same_pictures(dtype: DType, limit: float) -> None:
    exact = pictures(load())
    assert apart(exact, pictures(load(dtype))) <= limit
    assert one_apart([exact]) > 4 * limit  # wrong pictures would be further off


def test_the_device_makes_the_processors_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    on_device = pictures(load())
    monkeypatch.setattr("support.gpu.DEVICE", "cpu")
    assert DEVICE != "cpu" and apart(on_device, pictures(load())) <= 0.5


@pytest.mark.parametrize("version", ["2.2", "3"])
@pytest.mark.parametrize(
    ("scheduler", "limit"),
    [
        ("EulerDiscreteScheduler", HALF),
        ("HeunDiscreteScheduler", HALF),
        ("DPMSolverMultistepScheduler", HALF),
        ("LMSDiscreteScheduler", ROUGH),
    ],
)
def test_the_adapter_in_half_precision(scheduler: str, limit: float, version: Version) -> None:
    """Kandinsky 3's sigmas reach 20,000, and float16 ends at 65,504: what works in sigma space computes in float32."""
    exact = pictures(load(version=version), scheduler)
    half = pictures(load("float16", version=version), scheduler)
    assert apart(exact, half) <= limit and one_apart([exact, half]) > 4 * limit
    assert np.ptp(half) > 100  # a picture, and no flat colour
