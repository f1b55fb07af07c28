"""The page of the proof: `harness schedulers check --write docs/schedulers.md` writes it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import get_args

from harness.catalog.least_steps import LEAST, NONE
from harness.catalog.scheduler_rows import REFUSED
from harness.catalog.schedulers import adapter_of, schedulers
from harness.catalog.types import SchedulerVariant, Task, Version
from harness.proof.judge import BAR, FLOOR, SLACK
from harness.proof.listing import ADAPTER
from harness.proof.naming import named
from harness.proof.page_words import FOOT, HEAD, OTHERS, REFUSALS, TABLES, UNSTEADY, WITHOUT
from harness.proof.summary import counts, is_right
from harness.proof.types import Answer, Attempt, OrderAnswer, Proof, Subject
from harness.proof.whole import failures

_VERSIONS: tuple[Version, ...] = get_args(Version)
_FEW = 25


def write_page(proof: Proof, path: Path) -> None:
    """Write the page."""
    path.write_text(page(proof), encoding="utf-8")


def page(proof: Proof) -> str:
    """The page, as Markdown."""
    counted, wrong = counts(proof.subjects), failures(proof)
    head = HEAD.format(
        versions=", ".join(f"{name} {version}" for name, version in proof.made_with.items()),
        seconds=f"{proof.seconds:.0f}",
        cpu=f"{proof.processor_seconds:.0f}",
        scan=f"{proof.scan_processor_seconds:.0f}",
        processes=proof.processes,
        slack=SLACK,
        floor=FLOOR,
        digest=proof.digest,
        classes=counted.classes,
        variants=counted.variants,
        tried=len(proof.subjects),
        bar=f"{BAR:.3f}",
        refused=len({one.name for one in proof.attempts}),
        holds="All that the catalog says holds." if not wrong else "**What does not hold:** " + "; ".join(wrong) + ".",
    )
    parts = [head, _overview(proof.subjects), WITHOUT, _without(proof), TABLES, *_classes(proof.subjects),
             REFUSALS, _refusals(proof.attempts), UNSTEADY, _least(), OTHERS, _unsteady(proof), FOOT,
             _mismatch(proof.mismatch)]  # fmt: skip
    return "\n".join(parts)


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _overview(subjects: Iterable[Subject]) -> str:
    rows = [[named(one.variant), overall(one), order_text(one.order), *(_at(one, version) for version in ("2.2", "3"))]
            for one in subjects]  # fmt: skip
    head = ("scheduler", "text-to-image and image-to-image", "order: measured / claimed", "2.2, text-to-image",
            "3, text-to-image")  # fmt: skip
    return _lines(head, rows)


def _without(proof: Proof) -> str:
    """What each takes to be right, and what it does without."""
    takes = {named(one.variant): adapter_of(one.variant.name, one.variant.config, one.variant.step)
             for one in proof.subjects}  # fmt: skip
    rows = [[one.name, ADAPTER[takes[one.name]], attempt_text(one)] for one in proof.without]
    return _lines(("scheduler", "what the adapter does", "without it, on 2.2"), rows)


def overall(subject: Subject) -> str:
    """In one word or two: right everywhere, or where it is not."""
    if is_right(subject):
        return "right"
    others = [one for one in subject.answers if one.verdict.word != "right"]
    words = sorted({f"{one.verdict.word} on {one.version}" for one in others})
    return ", ".join(words)


def _at(subject: Subject, version: str) -> str:
    found = [one for one in subject.answers if (one.version, one.task) == (version, "text-to-image")]
    return cell_text(found[0]) if found else "–"


def order_text(answer: OrderAnswer | None) -> str:
    """``1.08 / 1``; in words, why it is less."""
    if answer is None:
        return "draws noise"
    short = "" if answer.kept else f" ({answer.cause or 'no cause was found'})"
    return f"{answer.order.own:.2f} / {answer.order.claimed}{short}"


def cell_text(answer: Answer) -> str:
    """A cell: the error at a few steps and at many, or the width's error; a word where it is not right."""
    word = "" if answer.verdict.word == "right" else f"{answer.verdict.word}: "
    if answer.convergence is not None:
        steps, errors = answer.convergence.steps, answer.convergence.errors
        few = steps.index(_FEW) if _FEW in steps else 0
        return f"{word}{errors[few][0]:.4f} at {steps[few]}, {errors[-1][0]:.4f} at {steps[-1]}"
    if answer.chains:
        last = answer.chains[-1]
        return f"{word}width {100 * last.width_errors[0]:+.1f} % at {last.steps}"
    return f"{word}{answer.verdict.reason}"


def _classes(subjects: Iterable[Subject]) -> list[str]:
    parts = []
    for name, found in groupby(subjects, lambda one: one.variant.name):
        row = schedulers()[name]
        rows = [line for one in found for line in _task_rows(one)]
        parts.append(f"### {row.class_name}\n\n" + _lines(("variant", "task", *_VERSIONS), rows))
    return parts


def _task_rows(subject: Subject) -> list[list[str]]:
    places = dict.fromkeys((one.task, one.strength) for one in subject.answers)
    own = _own_words(subject.variant) or "defaults"
    return [[own, task_text(task, strength), *(_cell(subject, version, task, strength) for version in _VERSIONS)]
            for task, strength in places]  # fmt: skip


def _own_words(variant: SchedulerVariant) -> str:
    return named(variant).removeprefix(variant.name).strip(" ()")


def task_text(task: Task, strength: float | None) -> str:
    """A task, and from where it starts."""
    return task if strength is None else f"{task}, strength {strength:g}"


def _cell(subject: Subject, version: Version, task: Task, strength: float | None) -> str:
    found = [one for one in subject.answers if (one.version, one.task, one.strength) == (version, task, strength)]
    return cell_text(found[0]) if found else "–"


def _refusals(tried: Iterable[Attempt]) -> str:
    rows = []
    for name, found in groupby(tried, lambda one: one.name):
        happened = [f"{one.how}: {attempt_text(one)}" for one in found]
        rows.append([schedulers()[name].class_name if name in schedulers() else name, REFUSED[name],
                     "; ".join(happened)])  # fmt: skip
    return _lines(("scheduler", "refused because", "what happened"), rows)


def attempt_text(attempt: Attempt) -> str:
    """What a class did when it was tried."""
    if attempt.raised is not None:
        return f"`{attempt.raised.replace('|', '/').replace('`', '')}`"
    errors = ", ".join(f"{error:.2f}" for error in attempt.errors)
    return f"error {errors} at {', '.join(map(str, attempt.steps))} steps"


def _least() -> str:
    rows = [[name, _own_words(SchedulerVariant(name=name, config=dict(row.when))) or "all others",
             _count_text(row.linear), _count_text(row.cosine)]
            for name, found in LEAST.items() for row in found if max(row.linear, row.cosine) > 1]  # fmt: skip
    return _lines(("scheduler", "with", "least on linear", "least on cosine"), rows)


def _count_text(least: int) -> str:
    return "none will do" if least == NONE else str(least)


def _unsteady(proof: Proof) -> str:
    rows = []
    for subject in proof.subjects:
        found: dict[tuple[str, str, str], list[int]] = {}
        for one in subject.unsteady:
            found.setdefault((one.version, one.task, _kind(one.happened)), []).append(one.steps)
        rows += [[named(subject.variant), f"{task} of {version}", runs(counted), what]
                 for (version, task, what), counted in found.items()]  # fmt: skip
    return _lines(("scheduler", "where", "steps", "what happens"), rows) if rows else "Nothing was found.\n"


def runs(counts: Sequence[int]) -> str:
    """``1–12, 16``: rising counts in few words."""
    found: list[list[int]] = []
    for one in counts:
        if found and one == found[-1][-1] + 1:
            found[-1].append(one)
        else:
            found.append([one])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else str(run[0]) for run in found)


def _kind(happened: str) -> str:
    kinds = {"error ": "error above first order's envelope", "width ": "overshoots", "mean ": "overshoots"}
    return next((kind for start, kind in kinds.items() if happened.startswith(start)), happened.replace("|", "/"))


def _mismatch(found: dict[str, float]) -> str:
    return _lines(("strength", "mean absolute difference of the first latents"),
                  [[strength, f"{size:.3f}"] for strength, size in found.items()])  # fmt: skip
