"""Intervals of means, medians and whole-set statistics."""

import numpy as np
import pytest

from harness.stats.intervals import jackknife_interval, mean_interval, median_interval


def test_the_unit_is_the_prompt() -> None:
    """Four images of one prompt that say the same are one witness, not four."""
    values = np.random.default_rng(0).normal(size=12)
    once = mean_interval(values, [f"p{i}" for i in range(12)])
    repeated = mean_interval(np.repeat(values, 4), [f"p{i}" for i in range(12) for _ in range(4)])
    assert (repeated.low, repeated.high) == pytest.approx((once.low, once.high))
    assert (once.n, once.n_clusters, repeated.n, repeated.n_clusters) == (12, 12, 48, 12)


def test_coverage_with_four_seeds_a_prompt() -> None:
    """Prompts and seeds vary equally (ICC 0.5): 95 % holds over prompts (over images it would be about 77 %)."""
    rng, hits = np.random.default_rng(5), 0
    clusters = [i // 4 for i in range(64)]
    for trial in range(250):
        values = np.repeat(rng.normal(size=16), 4) + rng.normal(size=64)
        interval = mean_interval(values, clusters, seed=trial)
        hits += interval.low <= 0 <= interval.high
    assert hits / 250 > 0.91


@pytest.mark.parametrize(
    ("values", "value", "reason"),
    [
        ([], None, "0 prompts"),
        ([2.0], 2.0, "1 prompt:"),
        ([3.0] * 6, 3.0, "same value"),
        ([1.0, 2.0, 4.0, 4.0, 4.0], 3.0, "5 prompts: an interval of a mean needs 6"),
    ],
)
def test_without_an_interval_there_is_a_reason(values: list[float], value: float | None, reason: str) -> None:
    estimate = mean_interval(values, list(range(len(values))))
    assert (estimate.value, estimate.low, estimate.high) == (value, None, None)
    assert reason in estimate.reason


def test_a_share_has_wilsons_interval() -> None:
    # 9 of 10, 95 %: 0.596 .. 0.982 (any table); 10 of 10: 0.722 .. 1
    nine = mean_interval([1.0] * 9 + [0.0], list(range(10)), share=True)
    ten = mean_interval([1.0] * 10, list(range(10)), share=True)
    assert (nine.low, nine.high) == pytest.approx((0.596, 0.982), abs=1e-3)
    assert (ten.value, ten.low, ten.high) == pytest.approx((1.0, 0.722, 1.0), abs=1e-3)


def test_the_interval_of_none_and_of_all_holds_the_share_itself() -> None:
    """Rounding once put the lower end of 0 of 12 just above zero."""
    for n in range(2, 200):
        none, every = (mean_interval([share] * n, list(range(n)), share=True) for share in (0.0, 1.0))
        assert (none.low, every.high) == (0.0, 1.0)


def test_the_median_lies_between_order_statistics() -> None:
    # Tables: n = 10 at 95 % takes the 2nd and 9th, n = 6 the 1st and 6th.
    ten = median_interval([float(i) for i in range(1, 11)])
    assert (ten.value, ten.low, ten.high) == (5.5, 2.0, 9.0)
    six = median_interval([6.0, 1.0, 5.0, 2.0, 4.0, 3.0])
    assert (six.value, six.low, six.high) == (3.5, 1.0, 6.0)


def test_too_few_repeats_bound_no_median() -> None:
    five = median_interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert (five.value, five.low) == (3.0, None)
    assert five.reason == "5 values cannot bound a median at 95%"
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0], level=0.9).low == 1.0
    assert median_interval([]).value is None


def test_the_medians_interval_covers() -> None:
    rng = np.random.default_rng(3)
    samples = rng.exponential(1.0, (500, 10))
    intervals = [median_interval(sample) for sample in samples]
    assert np.mean([i.low <= np.log(2) <= i.high for i in intervals]) > 0.95


def test_the_jackknife_of_a_mean_is_the_classical_interval() -> None:
    values = np.random.default_rng(0).normal(size=10)
    estimate = jackknife_interval(lambda kept: float(values[kept].mean()), list(range(10)), blocks=10)
    half = 2.262157 * values.std(ddof=1) / np.sqrt(10)
    assert estimate.value == pytest.approx(values.mean())
    assert (estimate.low, estimate.high) == pytest.approx((values.mean() - half, values.mean() + half), abs=1e-5)


def test_the_jackknife_deletes_whole_prompts() -> None:
    seen: list[set[int]] = []

    def statistic(kept: np.ndarray) -> float:
        seen.append({int(i) // 2 for i in kept})
        assert all({i - i % 2, i - i % 2 + 1} <= set(kept.tolist()) for i in kept.tolist())
        return float(len(kept))

    estimate = jackknife_interval(statistic, [i // 2 for i in range(24)], blocks=4)
    assert [len(kept) for kept in seen] == [12, 9, 9, 9, 9]
    assert (estimate.n, estimate.n_clusters) == (24, 12)


@pytest.mark.parametrize(("n", "value"), [(0, None), (2, 2.0)])
def test_a_jackknife_needs_three_prompts(n: int, value: float | None) -> None:
    estimate = jackknife_interval(lambda kept: float(len(kept)), list(range(n)))
    assert (estimate.value, estimate.low) == (value, None)
    assert "needs three" in estimate.reason


def frechet(first: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> float:
    own = np.cov(first, rowvar=False)
    roots = np.linalg.eigvals(own @ covariance).real
    gap = first.mean(axis=0) - mean
    return float(gap @ gap + np.trace(own + covariance) - 2 * np.sqrt(np.maximum(roots, 0)).sum())


def test_the_jackknife_covers_a_frechet_distance_at_its_own_n() -> None:
    """What the interval promises: the statistic's expected value at this n (its bias is not removed)."""
    rng, d, n = np.random.default_rng(9), 4, 64
    draw = lambda: rng.normal(0.5, 1.2, (n, d))  # noqa: E731
    expected = np.mean([frechet(draw(), np.zeros(d), np.eye(d)) for _ in range(2000)])
    hits = 0
    for _ in range(300):
        features = draw()
        estimate = jackknife_interval(
            lambda kept, f=features: frechet(f[kept], np.zeros(d), np.eye(d)), list(range(n)), blocks=16
        )
        hits += estimate.low <= expected <= estimate.high
    assert 0.92 <= hits / 300 <= 0.98
