"""The proof in a few lines: what it counts is what was asked for."""

from __future__ import annotations

from harness.catalog.types import SchedulerVariant, Task
from harness.proof.summary import render_proof
from harness.proof.types import Answer, Attempt, Proof, Subject, Verdict, Word

_EULER = SchedulerVariant(name="EulerDiscrete")


def _proof(*answers: tuple[Task, Word], tried: tuple[Attempt, ...] = ()) -> Proof:
    found = tuple(Answer(variant=_EULER, version="2.2", task=task, strength=None, verdict=Verdict(word=word))
                  for task, word in answers)  # fmt: skip
    subjects = (Subject(variant=_EULER, answers=found),) if found else ()
    return Proof(made_with={}, digest="", processes=1, seconds=0, processor_seconds=0, subjects=subjects,
                 attempts=tried, without=(), mismatch={})  # fmt: skip


def test_a_task_that_was_not_checked_is_not_called_right() -> None:
    first = render_proof(_proof(("text-to-image", "right"))).splitlines()[0]
    assert first == "Right in text-to-image of 2.2: 1 variant of 1 class."
    both = render_proof(_proof(("text-to-image", "right"), ("image-to-image", "right"))).splitlines()[0]
    assert both == "Right in text-to-image and image-to-image of 2.2: 1 variant of 1 class."


def test_one_that_is_slow_in_either_task_is_not_counted() -> None:
    first = render_proof(_proof(("text-to-image", "right"), ("image-to-image", "slow"))).splitlines()
    assert first[0].endswith(": 0 variants of 0 classes.") and any("Slow" in line for line in first)


def test_other_tasks_alone_count_nothing() -> None:
    assert render_proof(_proof(("inpainting", "right"))).startswith("Neither text-to-image nor image-to-image was")


def test_refused_classes_alone_are_not_counted_as_variants() -> None:
    told = render_proof(_proof(tried=(Attempt(name="IPNDM", how="bare", raised="TypeError: no"),)))
    assert told.startswith("Refused for cause: 1 of 1 tries.")
