"""The numbers of an A/A self-test, from visits whose noise is known."""

from typing import Any

import numpy as np
import pytest

from harness.plan.margins import relative_margin
from harness.run.noise_numbers import Visit, noise_from
from harness.run.noise_words import render_noise
from harness.store.disturbed import Disturbed
from harness.store.noise import Noise

CALLS = 5


def visits(
    count: int, *, within: float = 0.0, between: float = 0.0, faster: float = 0.0, trend: float = 0.0, seed: int = 0
) -> list[Visit]:
    """Logarithms of 100 ms with those deviations; ``faster``: by how much the second is, ``trend`` a minute."""
    rng, found = np.random.default_rng(seed), []
    for number in range(count):
        level = np.log(0.1) + between * rng.normal() + trend * number
        first, second = (np.exp(level - shift + within * rng.normal(size=CALLS)).tolist() for shift in (0.0, faster))
        found.append(Visit(minute=float(number), first=first, second=second, bracket_s=float(np.median(first)),
                           peak_bytes=round(2**20 * np.exp(0.01 * rng.normal())), apart=[0] * CALLS))  # fmt: skip
    return found


def noise(found: list[Visit], **changes: Any) -> Noise:
    known = {"fingerprint": "a" * 64, "model": "m", "weights": "w", "cell": "c", "device": "d", "seconds": 1.0}
    return noise_from(found, **{**known, **changes})


def test_it_tells_calls_from_visits() -> None:
    found = noise(visits(400, within=0.05, between=0.02))
    assert found.latency_s == pytest.approx(0.1, rel=0.01)
    assert found.between_calls == pytest.approx(0.05, rel=0.1)
    assert found.between_visits == pytest.approx(0.02, rel=0.2)
    assert found.memory_between_visits == pytest.approx(0.01, rel=0.2)
    quiet = noise(visits(400, within=0.05))
    assert quiet.between_visits < 0.005


def test_one_process_hides_less_than_two_runs() -> None:
    found = noise(visits(200, within=0.01, between=0.05))
    five = found.smallest_latency(5)
    assert five is not None and five.beside is not None and five.apart is not None
    # the difference of two means of five calls: 0.01 · √(2/5); over five visits, Student's t and the power on top
    assert five.beside == pytest.approx(0.01 * np.sqrt(2 / 5) * 3.05 / np.sqrt(5), rel=0.2)
    assert five.apart > 4 * five.beside


def test_the_same_twice_covers_nought_and_a_faster_second_does_not() -> None:
    same = noise(visits(12, within=0.01))
    assert same.beside_low is not None and same.beside_high is not None
    assert same.beside_low < 0 < same.beside_high
    faster = noise(visits(12, within=0.01, faster=0.1))
    assert faster.beside == pytest.approx(np.expm1(0.1), abs=0.01)
    assert faster.beside_low is not None and faster.beside_low > 0.08


def test_a_trend_is_seen() -> None:
    found = noise(visits(10, within=0.002, trend=0.03))
    assert found.trend_per_minute == pytest.approx(0.03, abs=0.003)
    assert found.trend_low is not None and found.trend_low > 0.02
    assert found.drift > 0.1
    assert any("moved" in line for line in found.advice)
    assert not any("moved" in line for line in noise(visits(10, within=0.002)).advice)


def test_what_is_suggested_is_what_the_noise_allows() -> None:
    quiet = noise(visits(12, within=0.002, between=0.002))
    assert quiet.margins["latency"] == "3%"
    assert quiet.timing == {"rounds": 3, "repeats": 3, "warmups": 1}
    loud = noise(visits(12, within=0.05, between=0.05))
    assert relative_margin(loud.margins["latency"], "latency") > 0.05
    assert loud.timing["rounds"] == 12
    jumpy = noise(visits(200, within=0.05, between=0.03))
    assert 3 < jumpy.timing["repeats"] <= 10  # calls that differ much are worth more of them


def test_pictures_that_differ_and_peaks_that_lack_are_told() -> None:
    found = visits(3, within=0.01)
    found[1].apart.append(7)
    found[2].peak_bytes = None
    told = noise(found)
    assert (told.identical_pictures, told.largest_pixel_difference) == (False, 7)
    assert (told.peak_memory_bytes, told.memory_between_visits, told.smallest_memory) == (None, None, ())
    assert "not identical: up to 7 of 255 levels apart" in render_noise(told)
    assert "not measured in every visit" in render_noise(told)


def test_what_disturbed_it_is_told_and_spoils_the_advice() -> None:
    found = visits(3, within=0.01)
    found[0].disturbed.append(Disturbed(seconds=1.0, foreign_cpu_s=1.0, cpu_s=2.0))
    told = noise(found)
    assert told.disturbances == ("other processes had 50% of the processors' time",)
    assert "measure again on a quiet machine" in told.advice[-1]
    assert not any("quiet" in line for line in noise(visits(3, within=0.01)).advice)


def test_no_spread_at_all_is_no_fault() -> None:
    still = noise(visits(3))
    assert (still.between_calls, still.between_visits) == (0.0, 0.0)
    three = still.smallest_latency(3)
    assert three is not None and three.beside == three.apart == 0.0
    assert still.margins["latency"] == "3%"


def test_the_text_has_every_part() -> None:
    text = render_noise(noise(visits(5, within=0.01, between=0.01)))
    for part in ("A/A noise", "between visits", "bit-identical", "two runs", "margins: {latency:", "timing: {rounds:"):
        assert part in text
