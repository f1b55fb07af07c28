"""The proof in a few lines on a terminal, and as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from harness.catalog.types import Task
from harness.proof.naming import named
from harness.proof.types import Answer, Proof, Subject
from harness.proof.whole import failures, holds

#: the bar: in text-to-image and image-to-image, on every version
BAR_TASKS: tuple[Task, ...] = ("text-to-image", "image-to-image")


class Counts(NamedTuple):
    """What is right in every cell of the bar's tasks."""

    classes: int
    variants: int


def counts(subjects: Iterable[Subject]) -> Counts:
    """Classes and variants that are right in text-to-image and image-to-image of every version that was checked."""
    right = [one.variant for one in subjects if is_right(one)]
    return Counts(len({variant.name for variant in right}), len(right))


def is_right(subject: Subject) -> bool:
    """In every cell of the bar's tasks: neither slow, nor wrong, nor refused."""
    cells = [one for one in subject.answers if one.task in BAR_TASKS]
    return bool(cells) and all(one.verdict.word == "right" for one in cells)


def render_proof(proof: Proof) -> str:
    """The counts, what is slow, and every failure."""
    counted = counts(proof.subjects)
    lines = [_counted(counted, proof)] if proof.subjects else []
    if proof.attempts:
        lines.append(f"Refused for cause: {sum(map(holds, proof.attempts))} of {len(proof.attempts)} tries.")
    slow = [f"  {named(one.variant)}: {_slow_words(one)}" for one in proof.subjects if _slow(one)]
    lines += (
        ["Slow (it converges, but below the first order or to above the bar; not counted as right):", *slow]
        if slow
        else []
    )
    wrong = failures(proof)
    lines += ["What does not hold:", *(f"  {each}" for each in wrong)] if wrong else ["All holds."]
    used = proof.processor_seconds + (proof.scan_processor_seconds or 0)
    return "\n".join([*lines, f"{used:.0f} s of processor time in {proof.processes} processes."])


def _counted(counted: Counts, proof: Proof) -> str:
    """What is right of what was asked for, and where."""
    asked = {(one.version, one.task) for subject in proof.subjects for one in subject.answers}
    tasks = [task for task in BAR_TASKS if any(task == each for _, each in asked)]
    versions = sorted({version for version, task in asked if task in BAR_TASKS})
    if not tasks:
        return f"Neither {' nor '.join(BAR_TASKS)} was checked, by which a variant is counted as right."
    many = f"{counted.variants} variant{'s' * (counted.variants != 1)} of {counted.classes}"
    return f"Right in {' and '.join(tasks)} of {', '.join(versions)}: {many} class{'es' * (counted.classes != 1)}."


def _slow(subject: Subject) -> list[Answer]:
    return [one for one in subject.answers if one.verdict.word == "slow"]


def _slow_words(subject: Subject) -> str:
    worst = max(_slow(subject), key=lambda one: one.convergence.errors[-1][0] if one.convergence else 0.0)
    where = f"{worst.task} of {worst.version}: {worst.verdict.reason}"
    return f"{len(_slow(subject))} of {len(subject.answers)} cells, at the worst {where}"


def proof_json(proof: Proof) -> dict[str, Any]:
    """Everything, in plain types."""
    return {**proof.model_dump(mode="json"), "counts": counts(proof.subjects)._asdict(), "failures": failures(proof)}
