"""A stochastic scheduler's own chain, exactly: what noise does to the end, told apart draw by draw.

For normally distributed data the ideal denoiser is a straight line, so that the end of a walk is one too, in its start
and in each noise that was drawn: ``end = a·start + b + sum_k c_k·noise_k``. Noise that is 1 in one latent at one draw,
and 0 everywhere else, reads ``c_k`` off the real pipeline with the real scheduler; latents that get none give ``a`` and
``b``. So the mean and the width of what the scheduler makes are known without chance: its discretisation error alone.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch

_BROWNIAN = "BrownianTreeNoiseSampler"


class Impulses:
    """Stands in for ``randn_tensor``: the k-th draw is 1 in latent k and 0 elsewhere."""

    def __init__(self) -> None:
        self.draws = 0

    def __call__(self, shape: Sequence[int], *_: Any, dtype: torch.dtype | None = None, **__: Any) -> torch.Tensor:
        """(n, channels, height, width)."""
        self.draws += 1
        return _single(shape, self.draws - 1, 1.0, dtype)


class BrownianImpulses:
    """Stands in for the sampler of a Brownian path: increment k of a partition of time is 1 in latent k.

    A path's increments over intervals that overlap share noise, which single draws would not.

    Args:
        edges: of the partition, sorted; with none of them it draws nought, and keeps in ``asked`` what they should be.
    """

    def __init__(self, edges: Sequence[float] = ()) -> None:
        self.edges = list(edges)
        self.asked: set[float] = set()

    @property
    def draws(self) -> int:
        """How many latents are hit."""
        return max(len(self.edges) - 1, 0)

    def __call__(
        self, x: torch.Tensor, *_: Any, transform: Callable[[Any], Any] = lambda sigma: sigma, **__: Any
    ) -> Callable[[Any, Any], torch.Tensor]:
        """In the place of the sampler's class: a sampler for ``x``'s shape."""

        def sample(sigma: Any, sigma_next: Any) -> torch.Tensor:
            low, high = sorted(float(transform(torch.as_tensor(each))) for each in (sigma, sigma_next))
            self.asked.update((low, high))
            noise = torch.zeros(x.shape, dtype=x.dtype)
            for k, (left, right) in enumerate(zip(self.edges, self.edges[1:], strict=False)):
                if low <= left and right <= high:
                    noise += _single(x.shape, k, ((right - left) / (high - low)) ** 0.5, x.dtype)
            return noise

        return sample


def _single(shape: Sequence[int], where: int, value: float, dtype: torch.dtype | None) -> torch.Tensor:
    noise = torch.zeros(tuple(shape), dtype=dtype)
    noise.flatten(2)[:, :, where] = value
    return noise


@contextlib.contextmanager
def drawing(scheduler: Any, impulses: Impulses | BrownianImpulses) -> Iterator[None]:
    """While it lasts, a bare scheduler draws impulses instead of noise."""
    module = sys.modules[type(scheduler).__module__]
    name = _BROWNIAN if hasattr(module, _BROWNIAN) else "randn_tensor"
    before = getattr(module, name)
    setattr(module, name, impulses)
    try:
        yield
    finally:
        setattr(module, name, before)


def impulses_for(scheduler: Any, edges: Sequence[float] = ()) -> Impulses | BrownianImpulses:
    """Those that suit how a bare scheduler draws."""
    brownian = hasattr(sys.modules[type(scheduler).__module__], _BROWNIAN)
    return BrownianImpulses(edges) if brownian else Impulses()
