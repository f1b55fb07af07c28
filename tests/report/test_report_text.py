"""Numbers as people read them."""

import pytest

from harness.report.text import (
    decimals_for,
    listing,
    mebibytes,
    moment,
    number,
    percent,
    plural,
    seconds,
    seconds_span,
    span,
)


@pytest.mark.parametrize(
    ("value", "low", "high", "decimals"),
    [
        (84.5, 84.0, 85.0, 2),
        (400.0, 340.0, 460.0, 0),
        (0.93, 0.929, 0.931, 4),
        (1234.5, None, None, 0),
        (0.0, None, None, 3),
    ],
)
def test_decimals_follow_the_interval(value: float, low: float | None, high: float | None, decimals: int) -> None:
    assert decimals_for(value, low, high) == decimals


def test_minus_is_a_minus_and_zero_has_no_sign() -> None:
    assert number(-0.5, 1) == "−0.5"
    assert number(0.5, 1, sign=True) == "+0.5"
    assert number(-0.0004, 2, sign=True) == "0.00"
    assert span(-0.25, 0.05, 2, sign=True) == "−0.25 to +0.05"
    assert percent(-0.031, sign=True) == "−3.1 %"


def test_times_have_their_best_unit() -> None:
    assert [seconds(x) for x in (0.00005, 0.0854, 0.1, 1.1, 12.34, 119, 200)] == [
        "50.0 µs", "85.4 ms", "100 ms", "1.10 s", "12.3 s", "119 s", "3 min 20 s",
    ]  # fmt: skip
    assert [seconds(x) for x in (0.999, 0.9999999, 0.00099996)] == ["999 ms", "1.00 s", "1.00 ms"]
    assert seconds_span(0.95, 1.05) == "0.950 to 1.05 s"
    assert mebibytes(120 * 2**20) == "120 MiB"


def test_words() -> None:
    assert (plural(1, "prompt"), plural(2, "prompt")) == ("1 prompt", "2 prompts")
    assert [listing([]), listing(["a"]), listing(["a", "b", "c"])] == ["", "a", "a, b and c"]
    assert listing(["a", "b", "c"], limit=2) == "a, b and 1 more"
    assert (moment(None), moment(1795515300000)) == ("", "2026-11-24 10:15 UTC")
