"""Krippendorff's own examples."""

from __future__ import annotations

import pytest

from harness.stats.agreement import agreement

# K. Krippendorff, Computing Krippendorff's alpha-reliability (2011): A (two people, two values) and C (four, missing).
_TWO = ("0100000010", "1110010000")


def test_two_people_two_values() -> None:
    found = agreement(list(zip(*_TWO, strict=True)))
    assert found.alpha == pytest.approx(0.095, abs=5e-4)
    assert (found.things, found.n, found.same) == (10, 10, 6)


def test_four_people_with_missing_answers() -> None:
    people = ("123321412...", "1233224125.3", ".3332342251.", "12332441251.")
    found = agreement([[answer for answer in unit if answer != "."] for unit in zip(*people, strict=True)])
    assert found.alpha == pytest.approx(0.743, abs=5e-4)
    assert found.things == 11  # the last but one was judged once


def test_nothing_shared_and_nothing_differing_have_no_alpha() -> None:
    assert agreement([["left"], ["right"]]).alpha is None
    alike = agreement([["left", "left"], ["left", "left"]])
    assert alike.alpha is None and alike.same == 2 and alike.reason
