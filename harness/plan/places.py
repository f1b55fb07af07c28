"""Where in the file the value stands that a combination is refused for."""

from __future__ import annotations

import re

from harness.catalog.schedulers import SUFFIX
from harness.catalog.tasks import TASKS
from harness.plan.schedulers import lacks_folder
from harness.plan.select import Choice, Selection, value_of, why_not
from harness.spec.knobs import label_of
from harness.spec.types import SchedulerChoice, Spec


def place_of_refused(spec: Spec, choice: Choice) -> str:
    """The dotted place of the value that a refused choice is refused for; the whole file where none stands there."""
    found = why_not(spec.models[choice["model"]], choice, spec.rows)
    return _place(spec, found[0] if found else "optimizations", choice)  # what a machine lacks is an optimization


def misspelt_folders(spec: Spec, found: Selection) -> list[tuple[str, str]]:
    """Folders to start a scheduler from that no model of the spec has: a slip, and no combination to leave out."""
    having = {choice["scheduler"].label for choice, _ in _from_folders(found) if not _lacks_folder(spec, choice)}
    lacking = {
        choice["scheduler"].label: (_place(spec, "scheduler", choice), reason)
        for choice, reason in reversed(_from_folders(found))
        if choice["scheduler"].label not in having
    }
    return list(reversed(lacking.values()))


def _from_folders(found: Selection) -> list[tuple[Choice, str]]:
    both = [*((choice, "") for choice in found.choices), *found.refused]
    return [(choice, reason) for choice, reason in both if getattr(choice.get("scheduler"), "subfolder", None)]


def _lacks_folder(spec: Spec, choice: Choice) -> bool:
    part = TASKS[value_of(spec, choice, "task")].part
    return lacks_folder(spec.models[choice["model"]], part, choice["scheduler"])


def _place(spec: Spec, knob: str, choice: Choice) -> str:
    """The first place of the knob whose line holds the value's word, else the knob's first."""
    places = [place for place in spec.lines if re.search(rf"(^|\.){knob}(\[|\.|$)", place)]
    text, word = spec.text.splitlines(), _word(knob, choice.get(knob))
    holding = (place for place in places if word and word in text[spec.lines[place] - 1])
    return next(holding, places[0] if places else "")


def _word(knob: str, value: object) -> str:
    if isinstance(value, SchedulerChoice):
        return value.subfolder or (value.class_name or "").removesuffix(SUFFIX)
    return str(label_of(knob, value)) if value is not None else ""
