"""A slower UNet in simulated visits: found where the machine is steady, and never called where nothing is slower."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import planted_slow
from support.planted_slow import SLOWER, in_turns_of, pair_of, rate_of


@pytest.mark.parametrize(("spread", "slower", "found"), [(0.005, SLOWER, 1.0), (0.005, 0.0, 0.0)])
@pytest.mark.parametrize("turns", [True, False])
def test_a_tenth_is_found_on_a_steady_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spread: float, slower: float, found: float, turns: bool
) -> None:
    monkeypatch.setattr(planted_slow, "DRAWS", 10)
    pair = pair_of(tmp_path)
    pair = in_turns_of(pair) if turns else pair
    assert rate_of(pair, spread, 8, slower, np.random.default_rng(0)) == found


def test_on_a_restless_machine_it_is_found_in_turns_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apart, drift decides; in turns it forbids sameness alone, and nothing slower is called in few of the pairs."""
    monkeypatch.setattr(planted_slow, "DRAWS", 40)
    apart = pair_of(tmp_path)
    turns, random = in_turns_of(apart), np.random.default_rng(0)
    assert rate_of(apart, 0.08, 8, SLOWER, random) == 0
    assert rate_of(turns, 0.08, 8, SLOWER, random) > 0.1
    assert rate_of(turns, 0.08, 8, 0.0, random) <= 0.05
