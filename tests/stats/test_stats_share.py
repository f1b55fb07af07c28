"""Shares of yes and no: wrong claims stay rare, and equality of a few proves nothing."""

import numpy as np
import pytest

from harness.stats.share import share_difference
from harness.stats.verdict import PairedSample, paired_comparisons


def drawn(n: int, harm: float, both_ways: float, seeds: int, trials: int = 2_000) -> np.ndarray:
    """(trials, n) differences of a cell that loses ``harm`` on average and differs ``both_ways`` besides."""
    dice = np.random.default_rng(n).random((trials, n, seeds))
    lost, won = dice < harm + both_ways, dice > 1 - both_ways
    return (lost.astype(float) - won).mean(axis=2)


@pytest.mark.parametrize("n", [16, 32, 64, 128])
@pytest.mark.parametrize(("both_ways", "seeds"), [(0.0, 1), (0.05, 1), (0.15, 1), (0.0, 2), (0.05, 2)])
@pytest.mark.parametrize("margin", [0.05, 0.1])
def test_a_loss_of_just_the_margin_is_called_smaller_one_time_in_twenty(
    n: int, both_ways: float, seeds: int, margin: float
) -> None:
    trials = drawn(n, margin, both_ways, seeds)
    wrong = np.mean([share_difference(values).p_below(margin) <= 0.05 for values in trials])
    assert wrong <= 0.05 + 4 * np.sqrt(0.05 * 0.95 / len(trials))


@pytest.mark.parametrize(("n", "low"), [(64, 0.8), (128, 0.99)])
def test_no_loss_is_found_out_with_enough_prompts(n: int, low: float) -> None:
    trials = drawn(n, 0.0, 0.02, 1, trials=400)
    assert np.mean([share_difference(values).p_below(0.1) <= 0.05 for values in trials]) >= low


@pytest.mark.parametrize(("n", "settled"), [(6, False), (28, False), (29, True)])
def test_none_of_n_is_the_rule_of_three(n: int, settled: bool) -> None:
    """0.9^28 is 5.2 %, 0.9^29 is 4.7 %."""
    mean = share_difference(np.zeros(n))
    assert mean.p_below(0.1) == pytest.approx(0.9**n) or not settled
    assert (mean.p_below(0.1) <= 0.05) == settled
    assert mean.p_above(-0.1) == mean.p_below(0.1)


def test_both_sides_are_mirror_images() -> None:
    values = np.array([1.0, 0.5, 0.0, -0.5, 0.0, 1.0, 0.0, 0.0])
    mean, turned = share_difference(values), share_difference(-values)
    assert mean.mean == pytest.approx(0.25) and turned.mean == -mean.mean
    for threshold in (-0.3, 0.0, 0.2, 0.6):
        assert mean.p_above(threshold) == pytest.approx(turned.p_below(-threshold))
    low, high = mean.interval(0.9)
    assert low < 0.25 < high and turned.interval(0.9) == pytest.approx((-high, -low))


def test_a_clear_loss_is_called() -> None:
    harm = np.array([1.0] * 20 + [0.0] * 20)
    (judged,) = paired_comparisons([PairedSample("x", harm, 0.1, share=True)])
    assert judged.verdict == "regressed" and judged.method == "adjusted Wald interval of a paired share over prompts"


@pytest.mark.parametrize("values", [[0.5], [0.0, 1.5], [[0.0], [1.0]]])
def test_what_is_no_share_is_refused(values: list) -> None:
    with pytest.raises(ValueError, match="from -1 to 1"):
        share_difference(np.array(values))
