"""Why a solver's order falls short of its claim: experiments, each of which takes one cause away."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from harness.proof.order import WITHIN, Measured
from harness.proof.types import Order

_TABLES = ("sigmas", "alphas_cumprod", "alpha_t", "sigma_t", "lambda_t")


def double_precision(scheduler: Any) -> None:
    """The solver's coefficients are computed from these tables, in their precision."""
    for name in _TABLES:
        if torch.is_tensor(getattr(scheduler, name, None)):
            setattr(scheduler, name, getattr(scheduler, name).double())


def whole_third_order(scheduler: Any) -> None:
    """DPM-Solver's multistep update of third order gives the second difference half of its weight: the rest is added.

    Its singlestep one has the factor of two (C. Lu et al., 2022, algorithm 2): here it is brought in.
    """
    if not hasattr(scheduler, "multistep_dpm_solver_third_order_update"):
        return
    own = scheduler.multistep_dpm_solver_third_order_update

    def update(outputs: list[torch.Tensor], *arguments: Any, sample: torch.Tensor, **others: Any) -> torch.Tensor:
        moved: torch.Tensor = own(outputs, *arguments, sample=sample, **others)
        at = scheduler.step_index
        pairs = [scheduler._sigma_to_alpha_sigma_t(scheduler.sigmas[i]) for i in range(at + 1, at - 3, -1)]
        levels = [torch.log(alpha) - torch.log(sigma) for alpha, sigma in pairs]
        h, h0, h1 = (levels[i] - levels[i + 1] for i in range(3))
        m0, m1, m2 = outputs[-1], outputs[-2], outputs[-3]
        second = ((m0 - m1) / (h0 / h) - (m1 - m2) / (h1 / h)) / (h0 / h + h1 / h)
        rest: torch.Tensor = pairs[0][0] * ((torch.exp(-h) - 1.0 + h) / h**2 - 0.5) * second
        return moved - rest

    scheduler.multistep_dpm_solver_third_order_update = update


_EXPERIMENTS: tuple[tuple[str, Callable[[Any], None]], ...] = (
    ("its coefficients are computed in single precision: in double precision", double_precision),
    ("its third-order update halves the second difference: with its whole weight", whole_third_order),
)


def cause(order: Order, again: Callable[[Callable[[Any], None]], Measured]) -> str | None:
    """What an experiment shows, with the order that it brings back; ``None`` where none does.

    Args:
        order: as measured.
        again: measures once more, with an exact history, after a change to the bare scheduler.
    """
    least = order.claimed - WITHIN
    if order.exact >= least:
        return f"its first steps are of a lower order: with an exact history {order.exact:.2f}"
    for words, change in _EXPERIMENTS:
        found = again(change)
        if found.slope >= least:
            return f"{words} and an exact history {found.slope:.2f}"
    return None
