"""Data whose ideal denoiser is known in closed form: the questions that a scheduler is asked.

Each latent is a number by itself, drawn from a mixture of normal distributions; a channel of a latent carries one
problem. The ideal noise prediction is ``(x - sqrt(a)·E[x0 | x]) / sqrt(1 - a)``. The probability flow in one dimension
keeps quantiles (Y. Song et al., ICLR 2021, section 4.3), so that its end is ``F_end⁻¹(F_start(x))``: for one normal
distribution that is a straight line, for a mixture it is solved for in double precision.
"""

from __future__ import annotations

import math
from functools import cache, lru_cache
from typing import NamedTuple

import torch

_HALVINGS, _NEWTONS, _NO_DENSITY = 14, 4, 1e-30


class Mode(NamedTuple):
    """One normal distribution of a mixture."""

    weight: float
    mean: float
    width: float


class Problem(NamedTuple):
    """A distribution of single numbers."""

    name: str
    modes: tuple[Mode, ...]

    @property
    def mean(self) -> float:
        """Of the data."""
        return sum(mode.weight * mode.mean for mode in self.modes)

    @property
    def width(self) -> float:
        """Standard deviation of the data."""
        second = sum(mode.weight * (mode.width**2 + mode.mean**2) for mode in self.modes)
        return math.sqrt(second - self.mean**2)

    def at(self, alpha: float) -> Problem:
        """The distribution at a noise level."""
        noised = ((m.weight, alpha**0.5 * m.mean, (alpha * m.width**2 + 1 - alpha) ** 0.5) for m in self.modes)
        return Problem(self.name, tuple(Mode(*mode) for mode in noised))


UNIT = Problem("N(0.3, 0.5²)", (Mode(1.0, 0.3, 0.5),))
STANDARD = Problem("N(0, 1)", (Mode(1.0, 0.0, 1.0),))
NARROW = Problem("N(-1, 0.2²)", (Mode(1.0, -1.0, 0.2),))
TWO_MODES = Problem("0.7 N(-0.8, 0.2²) + 0.3 N(1, 0.3²)", (Mode(0.7, -0.8, 0.2), Mode(0.3, 1.0, 0.3)))
#: channel by channel; the first is the one that the bar is stated for
PROBLEMS: tuple[Problem, ...] = (UNIT, STANDARD, NARROW, TWO_MODES)
#: the boundary between the two modes: the share of what lies above it is that of the second
BETWEEN_MODES = 0.1
#: data whose ideal pictures stay inside -1..1: what clips there must change nothing
INSIDE = Problem("N(0, 0.3²)", (Mode(1.0, 0.0, 0.3),))


def posterior(problems: tuple[Problem, ...], x: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """``E[x0 | x]`` and ``Var(x0 | x)`` in double precision.

    Args:
        problems: one a channel.
        x: latents at ``alpha``, (n, channels, height, width).
        alpha: the level.
    """
    x = x.double()
    shares, each = _by_mode(problems, x, alpha)
    mean = (shares * each).sum(0)
    doubts = _at_level(problems, alpha).doubts
    return mean, (shares * (each**2 + doubts)).sum(0) - mean**2


class _Level(NamedTuple):
    """What a denoiser needs of the modes at a level: (modes, 1, channels, 1, 1) each."""

    log_weights: torch.Tensor  # with the density's factor
    centres: torch.Tensor
    sharpness: torch.Tensor  # of the density's exponent
    means: torch.Tensor
    gains: torch.Tensor
    doubts: torch.Tensor  # Var(x0 | x, mode)


@lru_cache(maxsize=4096)
def _at_level(problems: tuple[Problem, ...], alpha: float) -> _Level:
    weights, means, widths = _modes(problems)
    spread = alpha * widths**2 + 1 - alpha  # the variance of each mode
    return _Level(
        log_weights=weights.log() - 0.5 * spread.log(),
        centres=alpha**0.5 * means,
        sharpness=-0.5 / spread,
        means=means,
        gains=alpha**0.5 * widths**2 / spread,
        doubts=widths**2 * (1 - alpha) / spread,
    )


def _by_mode(problems: tuple[Problem, ...], x: torch.Tensor, alpha: float) -> tuple[torch.Tensor, torch.Tensor]:
    """The share of each mode at ``x``, and ``E[x0 | x, mode]``."""
    level = _at_level(problems, alpha)
    off = x - level.centres
    shares = (level.log_weights + level.sharpness * off**2).softmax(0)
    return shares, level.means + level.gains * off


def ideal_noise(problems: tuple[Problem, ...], x: torch.Tensor, alpha: float) -> torch.Tensor:
    """The ideal denoiser's prediction, in double precision. ``x``: (n, channels, height, width) at level ``alpha``."""
    x = x.double()
    shares, each = _by_mode(problems, x, alpha)
    return (x - math.sqrt(alpha) * (shares * each).sum(0)) / math.sqrt(1 - alpha)


@cache
def _modes(problems: tuple[Problem, ...]) -> tuple[torch.Tensor, ...]:
    """Weights, means, widths: (modes, 1, channels, 1, 1); where there are fewer, some of no weight."""
    most = max(len(one.modes) for one in problems)
    padded = [(*one.modes, *[Mode(0.0, 0.0, 1.0)] * (most - len(one.modes))) for one in problems]
    table = torch.tensor(padded, dtype=torch.float64)  # (channels, modes, 3)
    return tuple(table[:, :, i].T[:, None, :, None, None] for i in range(3))


def flow(problem: Problem, x: torch.Tensor, start: float, end: float) -> torch.Tensor:
    """Where the probability flow carries latents from level ``start`` to ``end``; double precision, same shape."""
    x, before, after = x.double(), problem.at(start).modes, problem.at(end).modes
    if len(before) == 1:
        return after[0].mean + after[0].width * (x - before[0].mean) / before[0].width
    return _quantile(after, _below(before, x), _below(before, x, -1.0))


def _below(modes: tuple[Mode, ...], x: torch.Tensor, sign: torch.Tensor | float = 1.0) -> torch.Tensor:
    """Probability below ``x``, above it where ``sign`` is -1: the smaller of the two keeps its digits in the tails."""
    parts = [mode.weight * torch.special.ndtr(sign * (x - mode.mean) / mode.width) for mode in modes]
    return torch.stack(parts).sum(0)


def _quantile(modes: tuple[Mode, ...], below: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
    """Halved until Newton's method can be trusted with the rest."""
    far = 9 * max(mode.width for mode in modes)
    low = torch.full_like(below, min(mode.mean for mode in modes) - far)
    high = torch.full_like(below, max(mode.mean for mode in modes) + far)
    sign = torch.where(above < below, -1.0, 1.0).to(below.dtype)  # the smaller one of the two keeps its digits
    wanted = torch.minimum(above, below)
    middle = (low + high) / 2
    for _ in range(_HALVINGS):
        left = _short(modes, middle, wanted, sign) > 0
        low, high = torch.where(left, middle, low), torch.where(left, high, middle)
        middle = (low + high) / 2
    for _ in range(_NEWTONS):
        step = _short(modes, middle, wanted, sign) / _density(modes, middle).clamp_min(_NO_DENSITY)
        middle = (middle + step).clamp(low, high)
    return middle


def _short(modes: tuple[Mode, ...], x: torch.Tensor, wanted: torch.Tensor, sign: torch.Tensor) -> torch.Tensor:
    """How much probability is lacking below ``x``."""
    return sign * (wanted - _below(modes, x, sign))


def _density(modes: tuple[Mode, ...], x: torch.Tensor) -> torch.Tensor:
    parts = [m.weight / m.width * torch.exp(-0.5 * ((x - m.mean) / m.width) ** 2) for m in modes]
    return torch.stack(parts).sum(0) / math.sqrt(2 * math.pi)


def even_noise(points: int) -> torch.Tensor:
    """(points,) of a standard normal distribution, evenly over its quantiles: a mean over them has no chance in it."""
    even: torch.Tensor = torch.special.ndtri((torch.arange(points, dtype=torch.float64) + 0.5) / points)
    return even
