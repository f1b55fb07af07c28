"""The whole proof, in as many processes as there are cores, and whether it holds."""

from __future__ import annotations

import importlib.metadata
import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from pathlib import Path
from typing import get_args

from harness.base import digest
from harness.catalog.scheduler_rows import SLOW
from harness.catalog.types import Task, Version
from harness.proof import check
from harness.proof.naming import named
from harness.proof.refusals import HARDLY, STANDS_STILL, STAYS, attempts, without_adapter, worth_trying_bare
from harness.proof.scan import scan
from harness.proof.types import Attempt, Proof, Subject, Word
from harness.store.digests import digest_file, digest_source

_CATALOG = ("least_steps", "scheduler_faults", "scheduler_rows", "schedulers", "unstable_steps")
_PACKAGE = Path(__file__).parents[1]


def prove(
    names: Sequence[str],
    versions: Sequence[Version],
    tasks: Sequence[Task],
    *,
    scanned: bool = False,
    processes: int | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Proof:
    """Every variant and every refused class of these names (all without any), in these versions and tasks.

    ``scanned``: then the counts of steps one by one, too.
    """
    many = processes or os.cpu_count() or 1
    sources, begun, used = digest_of_sources(), time.perf_counter(), processor_seconds()
    variants, refused = check.chosen(names)
    asked = [check.cells(one, versions, tasks) for one in variants]
    with _pool(many) as pool:  # one queue of small jobs, so that the cores end together
        answers = pool.map(check.answer, [cell for cells in asked for cell in cells])
        orders = pool.map(check.order_of, [one for one in variants if not check.draws_noise(one)])
        tries = pool.map(attempts, refused)
        plain = pool.map(without_adapter, worth_trying_bare(variants))
        subjects = []
        for variant, cells in zip(variants, asked, strict=True):
            subjects.append(Subject(variant=variant, answers=tuple(islice(answers, len(cells)))))
            say(line(subjects[-1]))
        known = {named(one.variant): one for one in orders}
        tried, without = [one for each in tries for one in each], tuple(plain)
    proof = Proof(
        made_with=made_with(),
        digest=sources,
        processes=many,
        seconds=time.perf_counter() - begun,
        processor_seconds=processor_seconds() - used,
        subjects=tuple(one.model_copy(update={"order": known.get(named(one.variant))}) for one in subjects),
        attempts=tuple(tried),
        without=without,
        mismatch=check.mismatch() if "2.1" in versions and "image-to-image" in tasks else {},
    )
    return _scanned(proof, many) if scanned else proof


def _scanned(proof: Proof, processes: int) -> Proof:
    used = processor_seconds()
    with _pool(processes) as pool:
        found = list(pool.map(scan, [one.variant for one in proof.subjects]))
    subjects = tuple(one.model_copy(update={"unsteady": tuple(each)})
                     for one, each in zip(proof.subjects, found, strict=True))  # fmt: skip
    return proof.model_copy(update={"subjects": subjects, "scan_processor_seconds": processor_seconds() - used})


def _pool(processes: int) -> ProcessPoolExecutor:
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, context, initializer=check.one_thread)


def processor_seconds() -> float:
    """Of this process and of those that it has waited for."""
    used = os.times()
    return used.user + used.system + used.children_user + used.children_system


def failures(proof: Proof) -> list[str]:
    """What the catalog says and the proof does not: a sentence each."""
    wrong = [
        f"{named(one.variant)}, {one.task} of {one.version}: {one.verdict.reason}"
        for subject in proof.subjects
        for one in subject.answers
        if one.verdict.word == "wrong" or (one.verdict.word == "slow" and one.variant not in SLOW)
    ]
    orders = [
        f"{named(one.variant)}: no cause was found why its order is {one.order.order.own:.2f}"
        for one in proof.subjects
        if one.order is not None and not one.order.kept and one.order.cause is None
    ]
    unknown = [
        f"{named(each.variant)}, {each.task} of {each.version} at {each.steps} steps: {each.happened}, "
        "and the catalog does not tell"
        for one in proof.subjects
        for each in one.unsteady
        if not each.told
    ]
    fine = [f"{each.name} is refused, but right ({each.how})" for each in proof.attempts if not holds(each)]
    return [*wrong, *orders, *unknown, *fine]


def holds(attempt: Attempt) -> bool:
    """Whether a refusal is for cause: it raises, or its error stays."""
    if attempt.raised is not None:
        return True
    before, last = attempt.errors[-2:]
    return not last <= STAYS or (last > HARDLY and last > STANDS_STILL * before)


def line(subject: Subject) -> str:
    """A variant's result in one line."""
    words = [one.verdict.word for one in subject.answers]
    counts = [f"{words.count(word)} {word}" for word in get_args(Word) if word in words]
    return f"{named(subject.variant)}: {', '.join(counts)}"


def made_with() -> dict[str, str]:
    """Library → version."""
    return {name: importlib.metadata.version(name) for name in ("diffusers", "torch")}


def digest_of_sources() -> str:
    """Of what the proof's results follow from, beside the libraries: a page made of other sources is stale."""
    catalog = [[name, digest_file(_PACKAGE / "catalog" / f"{name}.py")] for name in _CATALOG]
    return digest([digest_source([_PACKAGE / "schedulers", _PACKAGE / "proof"]), catalog])
