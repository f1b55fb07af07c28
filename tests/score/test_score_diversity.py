"""Diversity within a prompt: by hand, and a prompt with one seed."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.score.diversity import to_the_others

UP, SIDE, DOWN = (0.0, 2.0), (1.0, 0.0), (0.0, -1.0)


def test_by_hand() -> None:
    """Cosine distances: up and side 1, up and down 2, side and down 1."""
    found = to_the_others(np.array([UP, SIDE, DOWN, UP, UP, SIDE]), ["a", "a", "a", "b", "b", "c"])
    assert found[:5].tolist() == pytest.approx([1.5, 1.0, 1.5, 0.0, 0.0]) and math.isnan(found[5])
    assert found[:3].mean() == pytest.approx((1 + 2 + 1) / 3), "the mean over a prompt's pairs"


def test_prompts_may_lie_apart_in_the_order() -> None:
    found = to_the_others(np.array([UP, UP, SIDE, DOWN]), ["a", "b", "a", "b"])
    assert found.tolist() == pytest.approx([1.0, 2.0, 1.0, 2.0])
