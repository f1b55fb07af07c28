"""Right, slow or wrong: the rules, and why they are what they are."""

from __future__ import annotations

import math
from collections.abc import Sequence

from harness.proof.types import Chain, Convergence, Sample, Verdict

#: a deterministic one, at the last count of steps, of the first problem: at the three decimals that it is stated with
BAR = 0.010
#: First order: with eight times as many steps an eighth of the error, and two fifths more than that, which the first,
#: large step and the last one cost. From 16 steps to 128 it is a slope of 0.84.
SLACK = 1.4
#: Wrong ones stand still: below this order eight times as many steps leave more than a half.
STANDS_STILL = 1 / 3
#: What rounded timesteps and the last step's single stroke leave, however many steps (0.001 of a width of 0.5, measured
#: on solvers of second order): no fall can be seen below it.
FLOOR = 0.002
OTHERS_FLOOR = 0.006  # of the other problems, whose widths are as small as the last level's noise
#: what guidance may change: rounding, which the first step from noise sigma times as wide as the data multiplies
GUIDANCE, GUIDANCE_OF_SIGMA = 1e-5, 1e-6
OUTSIDE = 1e-6
#: a stochastic one: the first problem's width, without chance, at the last count of steps
WIDTH_BAR, MEAN_BAR = 0.05, 0.005
#: from half the steps to all of them its bias must fall, unless there is hardly any
FALLS, HARDLY = 0.8, 0.02
NOISE_SHARE = 0.001  # where the whole ladder is walked: SASolver draws none near the end, by its design
ERRORS_ALLOWED = 4.0  # standard errors
BATCH = 1e-6


def judge_convergence(found: Convergence, *, begins_exactly: bool) -> Verdict:
    """Of a deterministic scheduler.

    Args:
        found: what was measured.
        begins_exactly: the first latents must be what the noise schedule says.
    """
    if not all(math.isfinite(error) for errors in found.errors for error in errors):
        return Verdict(word="wrong", reason="not a number")
    faults = _path_faults(found, begins_exactly) + _still_faults(found)
    if faults:
        return Verdict(word="wrong", reason="; ".join(faults))
    slow = _slow_words(found)
    return Verdict(word="slow", reason=slow) if slow else Verdict(word="right")


def _slow_words(found: Convergence) -> str:
    first, last, steps = found.errors[0][0], found.errors[-1][0], found.steps
    above = f"above {BAR:.3f}" if round(last, 3) > BAR else ""
    falls = last <= max(SLACK * _left(found, 1) * first, FLOOR)
    order = "" if falls else f"{first:.3f} at {steps[0]}, which is order {_order(found):.2f}"
    told = ", and ".join(filter(None, (above, order)))
    return f"its error at {steps[-1]} steps is {last:.3f}: {told}" if told else ""


def _still_faults(found: Convergence) -> list[str]:
    faults = []
    for i, (first, last) in enumerate(zip(found.errors[0], found.errors[-1], strict=True)):
        if last > max(_left(found, STANDS_STILL) * first, OTHERS_FLOOR if i else FLOOR):
            where = f"{first:.3f} at {found.steps[0]} steps, {last:.3f} at {found.steps[-1]}"
            faults.append(f"its error of problem {i + 1} stays: {where}")
    return faults


def _left(found: Convergence, order: float) -> float:
    """How much of the first error a fall of this order leaves at the last count."""
    return float((found.steps[0] / found.steps[-1]) ** order)


def _order(found: Convergence) -> float:
    return math.log(found.errors[0][0] / found.errors[-1][0]) / math.log(found.steps[-1] / found.steps[0])


def _path_faults(found: Convergence, begins_exactly: bool) -> list[str]:
    faults = []
    rounding = GUIDANCE + GUIDANCE_OF_SIGMA * found.first_sigma
    if found.guidance_difference > rounding:
        faults.append(f"guidance changes what it must not, by {found.guidance_difference:.1e}")
    if begins_exactly and found.start_error is not None and found.start_error > found.start_allowed:
        faults.append(f"it begins {found.start_error:.3f} away from the picture at its noise level")
    if found.outside_error is not None and found.outside_error > OUTSIDE:
        faults.append(f"what inpainting must keep is {found.outside_error:.1e} away from the source")
    return faults


def judge_chain(chains: Sequence[Chain], sample: Sample | None, true_share: float, batch: float) -> Verdict:
    """Of a stochastic scheduler: its exact chain at half and at all of the steps, and real draws against it."""
    half, whole = chains[0], chains[-1]
    faults = []
    if not all(math.isfinite(width) for width in whole.width_errors):
        return Verdict(word="wrong", reason="not a number")
    if len(chains) > 1 and (whole.draws == 0 or min(whole.noise_shares) < NOISE_SHARE):
        faults.append("it draws no noise")
    if max(abs(error) for error in whole.mean_errors) > MEAN_BAR:
        faults.append(f"its mean is off by {max(whole.mean_errors, key=abs):+.3f}")
    if abs(whole.width_errors[0]) > WIDTH_BAR:
        faults.append(f"its width is off by {100 * whole.width_errors[0]:+.1f} %")
    for before, after in zip(half.width_errors, whole.width_errors, strict=True):
        if len(chains) > 1 and abs(after) > HARDLY and abs(after) > FALLS * abs(before):
            faults.append(f"its width's error stays: {100 * before:+.1f} %, {100 * after:+.1f} %")
    if sample is not None:
        faults += _sample_faults(whole, sample, true_share)
    if not batch <= BATCH:
        faults.append(f"a picture depends on its company in the batch, by {batch:.1e}")
    return Verdict(word="wrong", reason="; ".join(faults)) if faults else Verdict(word="right")


def standard_errors(chain: Chain, sample: Sample, true_share: float) -> list[float]:
    """How many standard errors real draws are from the chain: means, widths, and the share of the upper mode."""
    means = [
        (drawn - known) / (width / sample.n**0.5)
        for drawn, known, width in zip(sample.means, chain.means, chain.widths, strict=False)
    ]
    widths = [
        (drawn / known - 1) * (2 * sample.n) ** 0.5 for drawn, known in zip(sample.widths, chain.widths, strict=False)
    ]
    if sample.upper_share is None:
        return means + widths
    error = (true_share * (1 - true_share) / sample.n) ** 0.5
    return [*means, *widths, (sample.upper_share - true_share) / error]


def _sample_faults(chain: Chain, sample: Sample, true_share: float) -> list[str]:
    worst = max(standard_errors(chain, sample, true_share), key=abs)
    if abs(worst) <= ERRORS_ALLOWED:
        return []
    return [f"real draws are {abs(worst):.1f} standard errors away (n = {sample.n})"]
