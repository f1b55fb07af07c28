"""The shortest `harness fetch` that brings what a row lacks: a shipped spec, narrowed, whose plan needs just that."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.catalog.models import MODELS
from harness.catalog.sizes import download_bytes
from harness.catalog.tasks import TASKS
from harness.errors import HarnessError
from harness.plan.build import plan_file
from harness.run.doctor.types import Hub, Lack, Part
from harness.run.wanted import needed

_DATA = ("*.safetensors", "*.json", "*.txt")
#: Shipped specs that name models on the hub: one without pictures from elsewhere, then one with every part of all.
SPECS = ("kandinsky-2.2-schedulers", "guide")


@dataclass(frozen=True)
class Way:
    """A command, and the repositories that it brings."""

    line: str
    brings: frozenset[str]
    bytes: int


def ways() -> list[Way]:
    """What narrows a shipped spec to a model, a task or both, and the whole of it, the smallest download first."""
    found = (_way(spec, only) for spec in SPECS for only in _selections())
    return sorted((way for way in found if way is not None), key=lambda way: way.bytes)


def _selections() -> Iterator[dict[str, list[str]]]:
    remote = [name for name, row in MODELS.items() if any(place.kind == "hub" for place in row.parts.values())]
    everything: dict[str, list[str]] = {}
    yield everything
    for model in remote:
        yield {"model": [model]}
        yield from ({"model": [model], "task": [str(task)]} for task in TASKS)


def _way(spec: str, only: dict[str, list[str]]) -> Way | None:
    """``None`` where the spec has no such cell."""
    with suppress(HarnessError, OSError):
        places = {need.place for need in needed(plan_file(spec, only=only)) if need.place.kind == "hub"}
        flags = [part for knob, (value,) in only.items() for part in ("--only", f"{knob}={value}")]
        total = sum(download_bytes(place) or 0 for place in places)
        return Way(shlex.join(["harness", "fetch", spec, *flags]), frozenset(place.where for place in places), total)
    return None


def lack_of(absent: Sequence[Part], all_remote: Sequence[Part], hub: Hub, known: Sequence[Way]) -> Lack:
    """What brings the absent parts of a row.

    Args:
        absent: those that are not whole here; at least one.
        all_remote: every part of the row that is the hub's, absent or not: another cache must hold all of them.
        hub: what is known of it.
        known: as from :func:`ways`.
    """
    reason = "; ".join(_told(reason, absent) for reason in dict.fromkeys(part.reason for part in absent))
    if any(part.kind != "hub" for part in absent):
        return Lack(reason=reason, do="install the harness again: its weights come with it")
    elsewhere = {part.elsewhere for part in all_remote}
    if len(elsewhere) == 1 and (cache := elsewhere.pop()) is not None:
        return Lack(reason=reason, line=_export(cache), do="another cache on this machine holds it")
    wanted = {part.where for part in absent}
    of_models = any(part.owner in MODELS for part in absent)
    line = next((way.line for way in known if of_models and wanted <= way.brings), None)
    line = line or " && ".join(map(_download, sorted(wanted)))
    if hub.offline_by is not None:
        return Lack(reason=reason, line=f"unset {hub.offline_by} && {line}")
    if hub.reached is False:
        do = "run it where the hub can be reached, then bring that machine's HF_HOME here and export HF_HOME=…"
        return Lack(reason=reason, line=line, do=do)
    return Lack(reason=reason, line=line)


def _download(repository: str) -> str:
    """A scorer's data without its pickles: no shipped spec brings it without a model."""
    patterns = [word for pattern in _DATA for word in ("--include", pattern)]
    return shlex.join(["hf", "download", repository, *patterns])


def _told(reason: str | None, absent: Sequence[Part]) -> str:
    """What is wrong with which parts, and how much a download brings."""
    mine = [part for part in absent if part.reason == reason]
    owners = {owner: ", ".join(part.what for part in mine if part.owner == owner) for owner in _owners(mine)}
    sizes = [part.missing_bytes for part in mine]
    total = sum(size for size in sizes if size is not None)
    brings = f" (about {total / 1e9:.1f} GB to bring)" if total and None not in sizes else ""
    return f"{'; '.join(f'{what} of {owner}' for owner, what in owners.items())}: {reason}{brings}"


def _owners(parts: Sequence[Part]) -> list[str]:
    return list(dict.fromkeys(part.owner for part in parts))


def _export(cache: str) -> str:
    """The variable that wins: one that names the cache itself beats ``HF_HOME``."""
    name = next((one for one in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE") if os.environ.get(one)), None)
    return f"export {name}={shlex.quote(cache)}" if name else f"export HF_HOME={shlex.quote(str(Path(cache).parent))}"
