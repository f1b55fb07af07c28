"""The examination: gather the facts, then hold every row of the catalogs against them."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness import __version__
from harness.errors import HarnessError
from harness.run.doctor.asking import Answer, ask
from harness.run.doctor.fetching import Way, ways
from harness.run.doctor.hiding import hidden
from harness.run.doctor.hub import hub
from harness.run.doctor.machine import compiler, machine
from harness.run.doctor.packages import packages, targets
from harness.run.doctor.parts import parts
from harness.run.doctor.probe import DEVICES
from harness.run.doctor.requirements import lacks
from harness.run.doctor.room import room
from harness.run.doctor.rows import CATALOGS, Entry, miniature
from harness.run.doctor.types import Device, Examination, Facts, Lack, Row

Tell = Callable[[str], None]


def examine(store_path: Path, limit_s: float, tell: Tell) -> Examination:
    """Look at everything; nothing that is found is an error, and no secret is in the answer.

    Args:
        store_path: where the store is or would be.
        limit_s: seconds that the packages may take to import, all together.
        tell: hears what is being looked at.
    """
    found = facts(store_path, limit_s, tell)
    known = ways() if any(not part.here and part.kind == "hub" for part in found.parts) else []
    (own,) = judge("miniature", lambda: iter((miniature(),)), found, known)
    rows = [row for name, entries in CATALOGS.items() for row in judge(name, entries, found, known)]
    return hidden(Examination(harness=__version__, facts=found, miniature=own, rows=tuple(rows)))


def facts(store_path: Path, limit_s: float, tell: Tell) -> Facts:
    """The machine, its packages and devices, the hub, the cached weights and the store."""
    tell("importing the packages and computing on the devices, in a process of its own")
    answers = ask([*targets(), DEVICES], limit_s)
    tell("asking the hub, and looking for weights")
    seen = answers[DEVICES]
    return Facts(
        machine=machine(),
        packages=packages(answers),
        torch=None if seen.content is None else {**seen.content["torch"], "no_cuda": seen.content["no_cuda"]},
        torch_reason=seen.error,
        devices=_devices(answers),
        programs=(compiler(),),
        hub=hub(),
        parts=parts(),
        store=room(store_path),
    )


def _devices(answers: Mapping[str, Answer]) -> tuple[Device, ...]:
    content = answers[DEVICES].content
    return tuple(_device(one) for one in content["devices"]) if content is not None else ()


def _device(one: dict[str, Any]) -> Device:
    named = {key: one.get(key) for key in ("model", "memory_bytes", "free_bytes", "capability", "driver")}
    return Device.model_validate(
        {**named, "name": one["name"], "kind": one["name"].partition(":")[0], "reason": one.get("error")}
    )


def judge(catalog: str, entries: Callable[[], Iterator[Entry]], found: Facts, known: Sequence[Way]) -> tuple[Row, ...]:
    """A catalog's rows; a catalog that cannot be read is one row that says why."""
    try:
        return tuple(_row(catalog, entry, found, known) for entry in entries())
    except (HarnessError, OSError, subprocess.SubprocessError) as error:
        do = error.do if isinstance(error, HarnessError) else ""
        return (Row(catalog=catalog, name="all", status="unknown", lacks=(Lack(reason=str(error), do=do),)),)


def _row(catalog: str, entry: Entry, found: Facts, known: Sequence[Way]) -> Row:
    if entry.refused is not None:
        return Row(catalog=catalog, name=entry.name, status="refused", lacks=(Lack(reason=entry.refused),))
    if entry.needs is None:
        unwritten = Lack(reason="what it needs is not written down")
        return Row(catalog=catalog, name=entry.name, status="unknown", lacks=(unwritten,))
    missing = lacks(entry.needs, found, known)
    return Row(catalog=catalog, name=entry.name, status="closed" if missing else "open", lacks=missing)
