"""What a plan knows of a cell's scheduler: why it would be wrong, and what it makes of the model's configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from harness.catalog.least_steps import COSINE
from harness.catalog.own_schedulers import own_config, starts_from
from harness.catalog.scheduler_faults import wrong_for_kandinsky
from harness.catalog.scheduler_folders import scheduler_folders
from harness.catalog.scheduler_words import words_of
from harness.catalog.schedulers import SPACINGS, SUFFIX, scheduler_row, schedulers
from harness.catalog.tasks import TASKS
from harness.catalog.types import ModelRow, PartName, SchedulerRow
from harness.catalog.unstable_steps import unstable
from harness.plan.types import Cell, Settings
from harness.spec.reader import nearest
from harness.spec.types import SchedulerChoice

_TRAIN_STEPS = 1000  # of every Kandinsky's noise schedule
_PIXELS = ("thresholding", "clip_sample")


class Steps(NamedTuple):
    """``num_inference_steps``, and how many of them a start in the middle leaves (``None``: there is no such start)."""

    asked: int
    taken: int | None


def scheduler_refusal(model: ModelRow, part: PartName, chosen: SchedulerChoice | None, steps: Steps) -> str | None:
    """Why a model's part cannot be run with a scheduler for so many steps, or ``None``."""
    choice = chosen or SchedulerChoice(label="", class_name=None)
    class_name = choice.class_name or model.default_schedulers.get(part)
    if class_name is None:
        return None  # the model's own, known when it is loaded
    row = schedulers().get(class_name.removesuffix(SUFFIX))
    if row is None:
        return f"{class_name}, the model's own scheduler, is not known to this diffusers"
    if row.verdict == "refused" and not (row.forcible and choice.force):
        forced = f" (`{{{row.name}: {{force: true}}}}` runs it all the same)" if row.forcible else ""
        return f"{row.class_name}: {row.reason}{forced}"
    return _refused_with(model, part, row, choice, steps)


def _refused_with(
    model: ModelRow, part: PartName, row: SchedulerRow, choice: SchedulerChoice, steps: Steps
) -> str | None:
    """Why a class that is right in itself is not with this choice's configuration, or at so many steps."""
    place = model.parts.get(part)
    own = None if place is None else own_config(place, choice.subfolder or "scheduler")
    if own is None and choice.subfolder is not None and place is not None and place.kind != "hub":
        return _no_folder(f"{model.name}'s {part}", choice.subfolder, scheduler_folders(place) or ())
    base = own or {}
    wrong = wrong_for_kandinsky(row.class_name, choice.config, model.version, own=own, force=choice.force)
    if wrong is not None:
        return f"{row.class_name}: {wrong}"
    config = {**base, **choice.config}
    trained = int(config.get("num_train_timesteps", _TRAIN_STEPS))
    if steps.asked > trained:
        return f"{steps.asked} steps are more than the {trained} of the noise schedule"
    reason = unstable(row.name, config, steps.asked, steps.taken)
    noun = "step" if steps.asked == 1 else "steps"
    return None if reason is None else f"{row.class_name} at {steps.asked} {noun}: {reason}"


def lacks_folder(model: ModelRow, part: PartName, choice: SchedulerChoice | None) -> bool:
    """Whether a scheduler is to start from a folder that the model's part does not have, as far as that is known."""
    there = scheduler_folders(model.parts[part]) if choice and choice.subfolder and part in model.parts else None
    return choice is not None and there is not None and choice.subfolder not in there


def _no_folder(whose: str, subfolder: str, there: Sequence[str]) -> str:
    told = f"{whose} has no {subfolder}/scheduler_config.json to start from"
    if not there:
        return told
    near, verb = nearest(subfolder, there), "is" if len(there) == 1 else "are"
    return f"{told}; there {verb} {', '.join(there)}" + (f": did you mean {near}?" if near else "")


def scheduler_notes(cells: Sequence[Cell], models: Mapping[str, ModelRow]) -> list[str]:
    """What diffusers drops or reads anew, in silence, of the configuration that each scheduler starts from."""
    notes: dict[_Note, dict[str, None]] = {}
    for cell in cells:
        for note in _notes(cell.settings, models[cell.settings.model]):
            notes.setdefault(note, {})[cell.settings.scheduler.label] = None
    return [f"{', '.join(labels)}{note.text}" if note.of_schedulers else note.text for note, labels in notes.items()]


class _Note(NamedTuple):
    """What is true of several schedulers is told once, after all their labels."""

    text: str
    of_schedulers: bool = True


def _notes(settings: Settings, model: ModelRow) -> Iterator[_Note]:
    part, choice = TASKS[settings.task].part, settings.scheduler
    if choice.class_name is None or choice.class_name.removesuffix(SUFFIX) not in schedulers():
        return
    base = _base(model, part, choice)
    if base is None:
        yield _Note(
            f"{model.name}'s own scheduler configuration is not here: what another class drops of it stands in the "
            "records of the cells",
            of_schedulers=False,
        )
        return
    for told in filter(None, (_dropped(base, choice), _changed(base, choice))):
        yield _Note(f", built from the {base.get('_class_name')} of {model.name}'s {part}: {told}")
    if base.get("beta_schedule") == COSINE and any(choice.config.get(key) for key in SPACINGS):
        yield _Note(
            f": steps spread over sigmas up to 20,000, which {model.name}'s noise schedule has, and most of them spent "
            "where there is nothing but noise: take many steps, or a sigma_max"
        )
    for key in _PIXELS:
        if {**base, **choice.config}.get(key) and key in scheduler_row(choice.class_name).parameters:
            yield _Note(f": {key} is made for pixels; Kandinsky's latents reach beyond ±1, and it squeezes them")


def _base(model: ModelRow, part: PartName, choice: SchedulerChoice) -> dict[str, Any] | None:
    """The configuration that the choice starts from, as the worker takes it."""
    place = model.parts[part]
    own = own_config(place, choice.subfolder or "scheduler")
    if choice.subfolder is not None or own is None:
        return own
    folder = starts_from(str(choice.class_name), choice.config, own, learned=model.version != "3")
    return own_config(place, folder) or own


def _dropped(base: Mapping[str, Any], choice: SchedulerChoice) -> str:
    """Keys of the base that the class does not take, where they said more than that class's silence does."""
    assert choice.class_name is not None
    takes = scheduler_row(choice.class_name).parameters
    was = scheduler_row(str(base["_class_name"])).parameters if _known(base) else {}
    said = {key: value for key, value in base.items() if not key.startswith("_") and value is not None}
    gone = [key for key, value in said.items() if key not in takes and value != was.get(key)]
    return "dropped " + ", ".join(f"{key}={_plain(base[key])}" for key in sorted(gone)) if gone else ""


def _changed(base: Mapping[str, Any], choice: SchedulerChoice) -> str:
    """Keys that the base leaves to its class's default, where the new class has another."""
    assert choice.class_name is not None
    if not _known(base):
        return ""
    takes, was = scheduler_row(choice.class_name).parameters, scheduler_row(str(base["_class_name"])).parameters
    silent = {key: (was[key], takes[key]) for key in takes if key in was and key not in {**base, **choice.config}}
    foreign = {key: (base[key], takes[key]) for key in base if _is_foreign(choice, key, base[key])}
    changed = {key: pair for key, pair in {**silent, **foreign}.items() if pair[0] != pair[1]}
    return ", ".join(f"{key} changes from {_plain(old)} to {_plain(new)}" for key, (old, new) in changed.items())


def _is_foreign(choice: SchedulerChoice, key: str, value: Any) -> bool:
    """Whether a word of the base is none of the class's: diffusers takes the class's own instead."""
    words = words_of(str(choice.class_name), key)
    taken = key in scheduler_row(str(choice.class_name)).parameters and key not in choice.config
    return taken and words is not None and value is not None and value not in words


def _known(base: Mapping[str, Any]) -> bool:
    return str(base.get("_class_name", "")).removesuffix(SUFFIX) in schedulers()


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
