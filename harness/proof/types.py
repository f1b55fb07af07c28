"""What the proof finds out: plain data, which a page and a table are made of. Imports no torch."""

from __future__ import annotations

from typing import Literal

from harness.base import Frozen
from harness.catalog.types import SchedulerVariant, Task, Version


class Convergence(Frozen):
    """Of a deterministic scheduler in one task.

    ``errors``: for each number of ``steps``, the mean absolute error of each problem, the first that of the bar.
    ``guidance_difference``: what a guidance scale above 1 changes, in the mean; the answer is the same.
    ``start_error``: of image-to-image's first latents; ``start_allowed``: what a timestep's rounding makes of it at
    the most. ``outside_error``: of what inpainting must keep (2.2).
    """

    steps: tuple[int, ...]
    errors: tuple[tuple[float, ...], ...]
    calls: tuple[int, ...]
    first_sigma: float
    guidance_difference: float
    start_error: float | None = None
    start_allowed: float = 0.0
    outside_error: float | None = None


class Chain(Frozen):
    """What a stochastic scheduler makes of each normally distributed problem, without chance.

    ``mean_errors``: made less true. ``width_errors``: of the standard deviation, relative. ``noise_shares``: how much
    of the variance comes from noise that the scheduler drew, rather than from the start.
    """

    steps: int
    draws: int
    means: tuple[float, ...]
    widths: tuple[float, ...]
    mean_errors: tuple[float, ...]
    width_errors: tuple[float, ...]
    noise_shares: tuple[float, ...]


class Sample(Frozen):
    """Statistics of ``n`` real draws of each problem. ``upper_share``: of the two-mode problem's second mode."""

    steps: int
    n: int
    means: tuple[float, ...]
    widths: tuple[float, ...]
    upper_share: float | None


class Order(Frozen):
    """A deterministic solver's order, ``own``: as it runs, ``exact``: with an exact history before the interval."""

    claimed: int
    steps: tuple[int, ...]
    own_errors: tuple[float, ...]
    exact_errors: tuple[float, ...]
    own: float
    exact: float


Word = Literal["right", "slow", "wrong", "refused"]


class Verdict(Frozen):
    """``slow``: it converges as it should, but its error at the last count of steps is above the bar."""

    word: Word
    reason: str = ""


class Answer(Frozen):
    """A variant in one task of one version. ``strength``: of a task that starts from a picture."""

    variant: SchedulerVariant
    version: Version
    task: Task
    strength: float | None
    verdict: Verdict
    convergence: Convergence | None = None
    chains: tuple[Chain, ...] = ()
    sample: Sample | None = None


class OrderAnswer(Frozen):
    """``cause``: what an experiment showed where the order falls short of the claim; ``None`` where it does not."""

    variant: SchedulerVariant
    order: Order
    kept: bool
    cause: str | None = None


class Attempt(Frozen):
    """A class that was tried, bare or in the adapter, though that is not how it is run.

    ``errors``: at each count of steps; a reason in the place of one that raised.
    """

    name: str
    how: Literal["bare", "adapter"]
    raised: str | None
    steps: tuple[int, ...] = ()
    errors: tuple[float, ...] = ()


class Unsteady(Frozen):
    """A count of steps at which a variant that is right otherwise is not. ``told``: the catalog knows."""

    variant: SchedulerVariant
    version: Version
    task: Task
    steps: int
    happened: str
    told: bool


class Subject(Frozen):
    """All that was found out of one variant."""

    variant: SchedulerVariant
    answers: tuple[Answer, ...]
    order: OrderAnswer | None = None
    unsteady: tuple[Unsteady, ...] = ()


class Proof(Frozen):
    """The whole.

    ``seconds``: by the clock; ``processor_seconds``: of all processes, those of the scan of the counts of steps apart
    (``None``: it was not made). ``attempts``: of the refused ones. ``without``: of right ones, without the adapter that
    they take. ``mismatch``: of 2.1's image-to-image, strength → how far its first latents are from
    their level.
    """

    made_with: dict[str, str]
    digest: str
    processes: int
    seconds: float
    processor_seconds: float
    subjects: tuple[Subject, ...]
    attempts: tuple[Attempt, ...]
    without: tuple[Attempt, ...]
    mismatch: dict[str, float]
    scan_processor_seconds: float | None = None
