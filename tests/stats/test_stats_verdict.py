"""The verdict: its operating characteristics, its rule, and what it says when it cannot decide."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.stats.verdict import Judged, PairedSample, UnpairedSample, paired_comparisons


def judge(harm: np.ndarray, margin: float, **kwargs: int) -> Judged:
    return paired_comparisons([PairedSample("x", np.asarray(harm, dtype=float), margin)], **kwargs)[0]


def spread(n: int, mean: float, sd: float) -> np.ndarray:
    """n values of exactly that mean and standard deviation."""
    values = np.random.default_rng(n).normal(size=n)
    return (values - values.mean()) / values.std(ddof=1) * sd + mean


def rate(effect: float, n: int, verdict: str, trials: int = 500) -> float:
    rng = np.random.default_rng(n)
    found = [judge(rng.normal(effect, 1.0, n), 0.5, seed=i, resamples=999).verdict for i in range(trials)]
    return found.count(verdict) / trials


def by_chance(share: float, trials: int = 500, stated_by: int = 1000) -> float:
    """How far a rate of so many trials may be from a stated one of so many: once in a thousand it is further."""
    return 3.29 * (share * (1 - share) * (1 / trials + 1 / stated_by)) ** 0.5


# The stated rates are of simulations of their own: 3,000 each, of 64 prompts 1,000. The limits are 0.01 to 0.08.
@pytest.mark.parametrize(("n", "stated", "of"), [(8, 0.024, 3000), (16, 0.206, 3000), (32, 0.708, 3000),
                                                 (64, 0.981, 1000)])  # fmt: skip
def test_how_often_no_effect_is_called_equivalent(n: int, stated: float, of: int) -> None:
    assert rate(0.0, n, "equivalent") == pytest.approx(stated, abs=by_chance(stated, stated_by=of))


@pytest.mark.parametrize(("n", "stated", "of"), [(8, 0.337, 3000), (16, 0.576, 3000), (32, 0.855, 3000),
                                                 (64, 0.992, 1000)])  # fmt: skip
def test_how_often_twice_the_margin_is_called_regressed(n: int, stated: float, of: int) -> None:
    assert rate(1.0, n, "regressed") == pytest.approx(stated, abs=by_chance(stated, stated_by=of))


@pytest.mark.parametrize("wrong", ["regressed", "equivalent"])
def test_an_effect_of_just_the_margin_is_misjudged_one_time_in_twenty(wrong: str) -> None:
    assert rate(0.5, 24, wrong, trials=400) == pytest.approx(0.05, abs=0.033)


@pytest.mark.parametrize(
    ("mean", "expected"), [(0.0, "equivalent"), (2.0, "regressed"), (-2.0, "improved"), (0.9, "inconclusive")]
)
def test_clear_cases(mean: float, expected: str) -> None:
    judged = judge(spread(32, mean, 0.5), 1.0)
    assert judged.verdict == expected
    assert judged.mean == pytest.approx(mean)
    assert judged.low < mean < judged.high
    assert (judged.reason is None) == (expected != "inconclusive")
    assert (judged.n_to_settle is None) == (expected != "inconclusive")


@settings(max_examples=60, deadline=None)
@given(st.floats(-2, 2), st.floats(0.3, 3), st.integers(6, 30))
def test_alone_the_verdict_follows_the_interval(mean: float, sd: float, n: int) -> None:
    judged = judge(spread(n, mean, sd), 1.0, resamples=1999)
    low, high, near = judged.low, judged.high, 0.02 * sd
    if judged.verdict == "regressed":
        assert low > 1 - near
    elif judged.verdict == "improved":
        assert high < -1 + near
    elif judged.verdict == "equivalent":
        assert low > -1 - near and high < 1 + near
    else:
        assert low <= 1 + near and high >= -1 - near and not (low > -1 + near and high < 1 - near)
        assert judged.leaning_worse == (low > 0)


@settings(max_examples=40, deadline=None)
@given(st.floats(-2, 2), st.floats(0.3, 3))
def test_mirrored_harm_mirrors_the_verdict(mean: float, sd: float) -> None:
    mirror = {"improved": "regressed", "regressed": "improved"}
    there, back = judge(spread(12, mean, sd), 1.0), judge(-spread(12, mean, sd), 1.0)
    assert back.verdict == mirror.get(there.verdict, there.verdict)
    assert (back.low, back.high) == pytest.approx((-there.high, -there.low))


def test_company_makes_verdicts_harder() -> None:
    """Equivalent alone; not among twenty others that are far from decided."""
    alone = spread(32, 0.0, 2.5)
    others = [PairedSample(f"o{i}", spread(32, 1.0, 1.0), 1.0) for i in range(20)]
    assert judge(alone, 1.0).verdict == "equivalent"
    together = paired_comparisons([PairedSample("x", alone, 1.0), *others])[0]
    assert together.verdict == "inconclusive"
    assert "Holm" in together.reason
    assert (together.low, together.high) == (judge(alone, 1.0).low, judge(alone, 1.0).high)
    assert together.p_adjusted == pytest.approx(21 * together.p)


def test_below_six_prompts_nothing_is_claimed() -> None:
    five = judge(np.full(5, 9.0), 1.0)
    assert five.verdict == "inconclusive"
    assert five.reason == "5 prompts: no verdict is given below 6"
    assert (five.mean, five.low, five.p, five.p_adjusted) == (9.0, None, None, None)
    assert five.n_to_settle == 6
    assert judge(np.full(6, 9.0), 1.0).verdict == "regressed"


def test_too_few_prompts_take_no_part_in_holm() -> None:
    good = PairedSample("good", spread(20, 0.0, 1.5), 1.0)
    few = [PairedSample(f"f{i}", np.zeros(3), 1.0) for i in range(50)]
    assert paired_comparisons([*few, good])[-1].p_adjusted == paired_comparisons([good])[0].p_adjusted


def test_what_too_few_need_counts_all_that_are_open_with_them() -> None:
    """Each of a hundred alone would need 6; together they stand in Holm's procedure, and so do what is open now."""
    few = [PairedSample(f"f{i}", spread(4, 0.0, 0.3), 1.0) for i in range(100)]
    alone, together = paired_comparisons(few[:1])[0].n_to_settle, paired_comparisons(few)[0].n_to_settle
    assert alone == 6 and together == 13
    enough = [PairedSample(f"e{i}", spread(together, 0.0, 0.3), 1.0) for i in range(100)]
    assert {one.verdict for one in paired_comparisons(enough)} == {"equivalent"}
    open_ = [PairedSample(f"o{i}", spread(32, 1.0, 1.0), 1.0) for i in range(99)]
    assert paired_comparisons([*open_, few[0]])[-1].n_to_settle == together


def test_nothing_at_all() -> None:
    assert paired_comparisons([]) == []
    nothing = judge(np.array([]), 1.0)
    assert (nothing.verdict, nothing.mean, nothing.n_to_settle) == ("inconclusive", None, 6)
    assert nothing.reason == "0 prompts: no verdict is given below 6"


def test_the_same_pictures_are_equivalent() -> None:
    same = judge(np.zeros(8), 0.3)
    assert same.verdict == "equivalent"
    assert (same.low, same.high) == (0.0, 0.0)
    assert same.p_sign_flip == 1.0


def test_how_many_prompts_would_settle_it() -> None:
    # no effect: 8.6 · (2/1)² = 34.4, and more because the spread of twelve prompts is not well known
    assert judge(spread(12, 0.0, 2.0), 1.0).n_to_settle == 45
    # an effect near the margin, where that many prompts are there already: 6.2 · (0.5/0.1)² = 155, and more
    assert judge(spread(12, 0.9, 0.5), 1.0).n_to_settle == 181
    # beyond the margin, the need at the effect seen where it is the smaller one: 6.2 · (2/1)² = 25, and more
    beyond = judge(spread(12, 2.0, 2.0), 1.0)
    assert (beyond.verdict, beyond.n_to_settle, beyond.settles_unchanged) == ("inconclusive", 31, False)
    assert judge(spread(12, 0.0, 2.0), 1.0).settles_unchanged and not judge(spread(12, 0.9, 0.5), 1.0).settles_unchanged
    # on the margin no number would
    assert judge(spread(12, 1.0, 0.5), 1.0).n_to_settle is None


def test_a_margin_of_zero_can_still_tell_better_from_worse() -> None:
    assert judge(spread(20, 1.0, 1.0), 0.0).verdict == "regressed"
    assert judge(spread(20, 0.0, 1.0), 0.0).verdict == "inconclusive"


def test_a_margin_of_zero_is_a_test_on_both_sides() -> None:
    """No spread of margin between the two sides: each has half of the 5 %. One side alone would call this one."""
    t = spread(30, 1.0, 1.0)
    near = t - t.mean() + 1.8 / np.sqrt(30)  # Student's t of 1.8: p = 4.1 % on one side, 8.2 % on both
    found = judge(near, 0.0)
    assert found.verdict == "inconclusive" and found.p == pytest.approx(0.082, abs=0.02)
    assert found.low > 0 and found.reason == (
        "the interval is beyond the margin, which is too narrow for one end of it to be tested alone"
    )
    assert judge(near + 1.0, 1.0).verdict == "regressed"  # the other end is far away, and costs nothing


def test_the_smallest_effect_is_beyond_the_margin_and_grows_with_company() -> None:
    alone = judge(spread(32, 0.0, 2.5), 1.0)
    crowd = [PairedSample(f"o{i}", spread(32, 1.0, 1.0), 1.0) for i in range(20)]
    among = paired_comparisons([PairedSample("x", spread(32, 0.0, 2.5), 1.0), *crowd])[0]
    assert alone.smallest_effect == pytest.approx(1.0 + 2.53 * 2.5 / np.sqrt(32), abs=0.05)
    assert among.smallest_effect is not None and alone.smallest_effect is not None
    assert among.smallest_effect > alone.smallest_effect + 0.3
    assert among.n_to_settle > judge(spread(32, 0.9, 2.5), 1.0).n_to_settle
    assert judge(spread(5, 0.0, 1.0), 1.0).smallest_effect is None


def test_a_report_of_very_many_comparisons_can_still_call_one() -> None:
    """With 99 resamples no p is under 0.01, which Holm times 21 is above 5 %; 9,999 are as few among 600."""
    clear = PairedSample("clear", spread(16, 9.0, 1.0), 1.0)
    open_ = [PairedSample(f"o{i}", spread(6, 1.0, 1.0), 1.0) for i in range(20)]
    assert paired_comparisons([clear, *open_], resamples=99)[0].verdict == "regressed"


@pytest.mark.parametrize("apart", [False, True])
def test_five_hundred_and_one_comparisons_without_spread_all_settle(apart: bool) -> None:
    """The least p of a bootstrap, 1 of 10,000, is above 5 % after Holm's adjustment for 501: none is made here."""

    def sample(place: int) -> PairedSample | UnpairedSample:
        harm = (0.0, 2.0, -2.0)[place % 3]
        if apart:
            return UnpairedSample(f"x{place}", np.full(3, harm), np.zeros(3), 1.0)
        return PairedSample(f"x{place}", np.full(8, harm), 1.0)

    found = paired_comparisons([sample(place) for place in range(501)])
    assert [one.verdict for one in found] == ["equivalent", "regressed", "improved"] * 167


@pytest.mark.parametrize(
    ("harm", "margin"), [([1.0] * 8, -1.0), ([1.0] * 8, float("nan")), ([float("nan")] * 8, 1.0), ([[1.0]], 1.0)]
)
def test_senseless_input_is_refused(harm: list[float], margin: float) -> None:
    with pytest.raises(ValueError, match="x: "):
        judge(np.array(harm), margin)


def test_visits_are_judged_by_students_t_however_many() -> None:
    harm = np.array([0.08, 0.02, 0.05, 0.01, 0.04])
    by_visit, by_prompt = (
        paired_comparisons([PairedSample("x", np.tile(harm, times), 0.1, unit=unit)])[0]
        for unit, times in (("visit", 1), ("prompt", 2))
    )
    assert by_visit.method.startswith("Student t") and by_prompt.method.startswith("studentized bootstrap")
    half = 2.1318467863 * float(harm.std(ddof=1)) / 5**0.5  # t at 95 % with four degrees of freedom
    assert (by_visit.low, by_visit.high) == pytest.approx((harm.mean() - half, harm.mean() + half))
