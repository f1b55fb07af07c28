"""The questions have the answers that an independent integration gives."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from harness.proof.levels import alpha_of_sigma, levels_of, sigma_of_alpha
from harness.proof.problems import PROBLEMS, TWO_MODES, UNIT, even_noise, flow, ideal_noise, posterior

_SIGMAS = torch.logspace(1.3, math.log10(0.03), 1501, dtype=torch.float64).tolist()


def _integrated(noise: torch.Tensor) -> torch.Tensor:
    """Heun's method on the probability flow, in sigma-space: it knows nothing of quantiles."""
    scaled = noise * math.sqrt(_SIGMAS[0] ** 2 + 1)
    for here, there in itertools.pairwise(_SIGMAS):
        slope = _slope(scaled, here)
        ahead = _slope(scaled + (there - here) * slope, there)
        scaled = scaled + (there - here) * (slope + ahead) / 2
    return scaled / math.sqrt(_SIGMAS[-1] ** 2 + 1)


def _slope(scaled: torch.Tensor, sigma: float) -> torch.Tensor:
    return ideal_noise(PROBLEMS, scaled / math.sqrt(sigma**2 + 1), alpha_of_sigma(sigma))


def test_the_flow_is_what_integrating_the_ideal_denoiser_gives() -> None:
    start = even_noise(16).reshape(1, 1, 4, 4).repeat(1, 4, 1, 1)
    end = _integrated(start)
    for i, problem in enumerate(PROBLEMS):
        answer = flow(problem, start[:, i], alpha_of_sigma(_SIGMAS[0]), alpha_of_sigma(_SIGMAS[-1]))
        torch.testing.assert_close(end[:, i], answer, atol=2e-5, rtol=0)


def test_the_closed_form_of_one_normal_distribution() -> None:
    alpha = levels_of("2.2").alpha(999)
    points = even_noise(9)
    expected = 0.3 + 0.5 * (points - alpha**0.5 * 0.3) / (alpha * 0.25 + 1 - alpha) ** 0.5
    torch.testing.assert_close(flow(UNIT, points, alpha, 1.0), expected)


def test_a_flow_there_and_back_ends_where_it_began() -> None:
    points = even_noise(4001)
    there = flow(TWO_MODES, points, 0.002, 1.0)
    torch.testing.assert_close(flow(TWO_MODES, there, 1.0, 0.002), points, atol=1e-8, rtol=0)


def test_the_doubt_is_the_slope_of_the_ideal_picture() -> None:
    """Tweedie's second formula, by finite differences."""
    x, alpha, step = even_noise(16).reshape(1, 1, 4, 4).repeat(1, 4, 1, 1), 0.4, 1e-5
    above, below = (posterior(PROBLEMS, x + each, alpha)[0] for each in (step, -step))
    slope = (above - below) / (2 * step)
    torch.testing.assert_close(posterior(PROBLEMS, x, alpha)[1], slope * (1 - alpha) / alpha**0.5, atol=1e-7, rtol=0)


@pytest.mark.parametrize(("timestep", "low", "high"), [(500.5, 500, 501), (0.25, 0, 1)])
def test_a_level_between_two_timesteps_is_between_theirs(timestep: float, low: int, high: int) -> None:
    levels = levels_of("2.2")
    assert levels.alpha(high) < levels.alpha(timestep) < levels.alpha(low)
    assert levels.alpha(low) == pytest.approx(float(levels.alphas_cumprod[low]), rel=1e-6)
    assert alpha_of_sigma(sigma_of_alpha(0.2)) == pytest.approx(0.2)
