"""What is asked of a variant: every task of every version that it is made for, and its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from harness.catalog.scheduler_faults import wrong_for_kandinsky
from harness.catalog.scheduler_rows import REFUSED, VARIANTS
from harness.catalog.schedulers import SUFFIX, is_stochastic
from harness.catalog.tasks import TASKS
from harness.catalog.types import SchedulerVariant, Task, Version
from harness.proof.causes import cause
from harness.proof.deterministic import converge, ladder, pictures
from harness.proof.judge import judge_chain, judge_convergence
from harness.proof.order import WITHIN, measured, order
from harness.proof.problems import TWO_MODES
from harness.proof.stochastic import STEPS, batch_difference, chain, sample
from harness.proof.subjects import made
from harness.proof.types import Answer, Chain, Order, OrderAnswer, Verdict
from harness.proof.walk import Course, walk

STRENGTHS = (0.1, 0.3, 0.6, 1.0)
#: where the whole ladder is walked; elsewhere its first count and its last
_LADDER_AT = (None, 0.6)
_LADDER_ON: tuple[tuple[Version, Task], ...] = (
    ("2.2", "text-to-image"), ("2.2", "image-to-image"), ("3", "text-to-image"), ("3", "image-to-image"),
)  # fmt: skip
#: where real draws are made beside the exact chain
_SAMPLED: tuple[Version, ...] = ("2.2",)


class Cell(NamedTuple):
    """What is asked of a variant. ``strength``: of a task that starts from a picture."""

    variant: SchedulerVariant
    version: Version
    task: Task
    strength: float | None

    @property
    def whole(self) -> bool:
        """Whether the whole ladder is walked."""
        return (self.version, self.task) in _LADDER_ON and self.strength in _LADDER_AT


def cells(variant: SchedulerVariant, versions: Sequence[Version], tasks: Sequence[Task]) -> list[Cell]:
    """All that is to be found out of one variant."""
    return [
        Cell(variant, version, task, strength)
        for version in versions
        for task in tasks_of(version, tasks)
        for strength in strengths_of(task)
    ]


def tasks_of(version: Version, tasks: Sequence[Task]) -> list[Task]:
    """Those with a decoder's loop of their own; interpolation walks text-to-image's."""
    return [task for task in tasks if version in TASKS[task].pipelines and task != "interpolation"]


def strengths_of(task: Task) -> tuple[float | None, ...]:
    """Where a task starts."""
    if task == "image-to-image":
        return STRENGTHS
    return (0.6,) if "image-to-image" in task else (None,)


def answer(cell: Cell) -> Answer:
    """A variant in one cell. Whatever it raises is an answer too."""
    variant = cell.variant
    refusal = wrong_for_kandinsky(variant.name + SUFFIX, variant.config, cell.version)
    if refusal is not None:
        return Answer(**cell._asdict(), verdict=Verdict(word="refused", reason=refusal))
    try:
        return _stochastic(cell) if draws_noise(variant) else _deterministic(cell)
    except Exception as error:  # a scheduler that raises is wrong, and the others go on
        reason = f"{type(error).__name__}: {error}"[:200]
        return Answer(**cell._asdict(), verdict=Verdict(word="wrong", reason=reason))


def draws_noise(variant: SchedulerVariant) -> bool:
    """Whether it is stochastic."""
    return is_stochastic(variant.name, variant.config, variant.step)


def _deterministic(cell: Cell) -> Answer:
    steps = ladder(cell.variant, cell.version, cell.strength)
    found = converge(*cell, steps if cell.whole else (steps[0], steps[-1]))
    verdict = judge_convergence(found, begins_exactly=cell.version != "2.1")
    return Answer(**cell._asdict(), verdict=verdict, convergence=found)


def _stochastic(cell: Cell) -> Answer:
    chains = tuple(_chain(cell, n) for n in (STEPS if cell.whole else STEPS[-1:]))
    drawn = None
    if cell.version in _SAMPLED and cell.task in ("text-to-image", "image-to-image") and cell.whole:
        drawn = sample(cell.variant, Course(cell.version, cell.task, STEPS[-1], cell.strength))
    verdict = judge_chain(chains, drawn, TWO_MODES.modes[1].weight, batch_difference(*cell))
    return Answer(**cell._asdict(), verdict=verdict, chains=chains, sample=drawn)


def _chain(cell: Cell, steps: int) -> Chain:
    return chain(cell.variant, Course(cell.version, cell.task, steps, cell.strength))


def order_of(variant: SchedulerVariant) -> OrderAnswer:
    """A deterministic one's order, and the cause where it falls short."""
    found: Order = order(variant)
    kept = found.own >= found.claimed - WITHIN
    why = None if kept else cause(
        found, lambda change: measured(variant, "2.2", exact_history=True, change=change)
    )  # fmt: skip
    return OrderAnswer(variant=variant, order=found, kept=kept, cause=why)


def mismatch() -> dict[str, float]:
    """2.1's image-to-image noises with a schedule of its own: how far its first latents are from their level.

    Strength → the mean absolute difference from ``sqrt(a)·x0 + sqrt(1 - a)·noise``, at the level that it denoises at
    first. It is the pipeline's, the same for every scheduler, and no fault of a solver.
    """
    found = {}
    for strength in STRENGTHS:
        source = pictures()
        scheduler = made(SchedulerVariant(name="DDIM"), "2.1", strength)
        done = walk(Course("2.1", "image-to-image", 50, strength), scheduler, source)
        drawn = torch.randn(source.shape, generator=torch.Generator().manual_seed(0))
        right = done.start_alpha**0.5 * source + (1 - done.start_alpha) ** 0.5 * drawn
        found[f"{strength:g}"] = float((done.start - right).abs().mean())
    return found


def chosen(names: Sequence[str]) -> tuple[list[SchedulerVariant], list[str]]:
    """The variants and the refused classes of these names; all where there are none."""
    wanted = set(names)
    return (
        [one for one in VARIANTS if not wanted or one.name in wanted],
        [name for name in REFUSED if not wanted or name in wanted],
    )


def one_thread() -> None:
    """Of each process of a pool: they are as many as the cores."""
    torch.set_num_threads(1)
