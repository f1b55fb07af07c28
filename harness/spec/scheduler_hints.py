"""What a person meant whose scheduler a spec does not have: the nearest name, or the form that was missed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from harness.catalog.scheduler_aliases import NOISY, alias_names, alias_of, plain, spelled
from harness.catalog.schedulers import SUFFIX, schedulers
from harness.catalog.types import SchedulerRow
from harness.spec.reader import nearest

MODEL_DEFAULT = "model-default"
_LEAST_START = 3  # letters of a name's beginning that say something
#: A label of the tables, ``DPMSolverMultistep(use_karras_sigmas=true)``, or of ``harness schedulers``, with a blank.
_LABEL = re.compile(r"(\w+) ?\((.*)\)")
_FOLDER = re.compile(r"from ([\w.-]+)")
_WORDS = {"True": "true", "False": "false", "None": "null"}


class Hint(NamedTuple):
    """What was meant (``None``: nobody knows), and what is to be said of it."""

    nearest: str | None = None
    remark: str = ""


def right_names() -> list[str]:
    """The names that run, and the model's own."""
    return [*(name for name, row in schedulers().items() if row.verdict == "right"), MODEL_DEFAULT]


def hint_of(name: str) -> Hint:
    """For a name that is none of diffusers': one of a user interface, the beginning of one, or a misspelt one."""
    if (alias := alias_of(name)) is not None:
        return Hint(alias.spelling, alias.remark)
    right, aliases = right_names(), alias_names()
    found = _starting(name, right) or nearest(name.removesuffix(SUFFIX), right)
    if found is None and (misspelt := nearest(plain(name), aliases)) is not None:
        return Hint(aliases[misspelt].spelling, aliases[misspelt].remark)
    return Hint(found or _starting(name, schedulers()) or nearest(name.removesuffix(SUFFIX), schedulers()))


def _starting(name: str, names: Iterable[str]) -> str | None:
    """The shortest of those that begin with what was typed."""
    begun = plain(name)
    found = [known for known in names if plain(known).startswith(begun)] if len(begun) >= _LEAST_START else []
    return min(found, key=len, default=None)


def label_hint(text: str) -> str | None:
    """How a label of the tables is written in a spec; ``None`` if it is none."""
    found = _LABEL.fullmatch(text.strip())
    if found is None or found[1].removesuffix(SUFFIX) not in schedulers():
        return None
    inside = dict(_pair(part.strip()) for part in found[2].split(",") if part.strip())
    return spelled(found[1], inside)


def _pair(part: str) -> tuple[str, str]:
    if folder := _FOLDER.fullmatch(part):
        return "subfolder", folder[1]
    if part == "forced":
        return "force", "true"
    key, _, value = part.replace("=", " ", 1).partition(" ")
    value = value.strip().strip("\"'") or "true"
    return key, _WORDS.get(value, value)


def several_hint(value: Mapping[str, Any]) -> str | None:
    """What is wrong with a mapping of several keys: a list was meant, or a deeper indent; ``None``: nobody knows."""
    names = [key for key in value if key.removesuffix(SUFFIX) in schedulers()]
    if len(names) == len(value):
        return f"a list, of several schedulers: [{', '.join(_item(name, value[name]) for name in names)}]"
    if len(names) == 1 and value[names[0]] is None:
        inside = ", ".join(key for key in value if key != names[0])
        return f"{inside} under {names[0]}, whose own it is: indent it deeper, by two more blanks"
    return None


def _item(name: str, overrides: Any) -> str:
    return f"{{{name}: …}}" if overrides else name


def eta_hint(row: SchedulerRow) -> tuple[str, str]:
    """Of a class that takes no eta: why, with what draws noise in its place; and what takes it."""
    taking = sorted(name for name, other in schedulers().items()
                    if "eta" in other.step_parameters and other.verdict == "right")  # fmt: skip
    instead = NOISY.get(row.name)
    noisy = f"; for noise take {instead.spelling}" if instead else ""
    why = "it always draws its noise" if row.stochastic else f"it is deterministic{noisy}"
    return why, f"eta with one of {', '.join(taking)}"


def keyword_hint(key: str, value: Any, beside: Any) -> str | None:
    """How a scheduler's keyword that stands at the top of a spec is written; ``None`` if no scheduler takes it.

    Args:
        key: the keyword.
        value: what was given for it.
        beside: the spec's ``scheduler``; one name that takes the keyword is kept.
    """
    taking = {name: row for name, row in schedulers().items()
              if row.verdict == "right" and key in (*row.parameters, *row.step_parameters, "subfolder")}  # fmt: skip
    if not taking:
        return None
    named = beside.removesuffix(SUFFIX) if isinstance(beside, str) else ""
    name = named if named in taking else "DPMSolverMultistep" if "DPMSolverMultistep" in taking else min(taking)
    given = value if isinstance(value, str | int | float) else "…"
    return f"`scheduler: {spelled(name, {key: given})}`, for {key} is a keyword of schedulers"
