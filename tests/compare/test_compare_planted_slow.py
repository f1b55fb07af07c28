"""A slower UNet in simulated visits: found where the machine is steady, and never called where nothing is slower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import planted_slow
from support.planted_slow import SLOWER, in_turns_of, pair_of, rate_of


@pytest.mark.parametrize(("spread", "slower", "found"), [(0.005, SLOWER, 1.0), (0.005, 0.0, 0.0), (0.08, SLOWER, 0.0)])
@pytest.mark.parametrize("turns", [True, False])
def test_a_tenth_is_found_on_a_steady_machine_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spread: float, slower: float, found: float, turns: bool
) -> None:
    monkeypatch.setattr(planted_slow, "DRAWS", 10)
    pair = pair_of(tmp_path)
    pair = in_turns_of(pair) if turns else pair
    assert rate_of(pair, spread, 8, slower, np.random.default_rng(0)) == found
