"""The scheduler's value in a spec: a name, a name with overrides, a name with the folder to start from."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from harness.catalog.own_schedulers import NOISE_KEYS
from harness.catalog.scheduler_words import BOUNDS, out_of_bounds, words_of
from harness.catalog.schedulers import SUFFIX, schedulers
from harness.catalog.types import SchedulerRow
from harness.spec.reader import BAD, Reader, is_number, nearest, one_of, shown
from harness.spec.scheduler_hints import MODEL_DEFAULT, eta_hint, hint_of, label_hint, right_names, several_hint
from harness.spec.source import Path_
from harness.spec.types import SchedulerChoice

_SUBFOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_OURS = ("subfolder", "force")  # beside a scheduler's own keywords
_LISTS = ("trained_betas", "disable_corrector")  # keywords whose one value is a list
_FORMS = "a name, or {Name: {keyword: value}}; {Name: {subfolder: ddpm_scheduler}} starts from that folder of the model"


def scheduler(reader: Reader, value: Any, place: Path_) -> Any:
    """A :class:`SchedulerChoice`, or ``BAD``."""
    if isinstance(value, str):
        return _named(reader, value, {}, place)
    if isinstance(value, dict) and len(value) == 1:
        ((name, overrides),) = value.items()
        if overrides is None:
            return _named(reader, name, {}, place)
        if isinstance(overrides, dict):
            return _named(reader, name, overrides, place)
    meant = several_hint(value) if isinstance(value, dict) and len(value) > 1 else None
    return reader.bad(place, f"{shown(value)} is no scheduler", meant or _FORMS)


def spread(value: Any) -> Iterator[Any]:
    """A scheduler whose keywords have lists, as the sweep over their product that it is; one after the other."""
    name, overrides = next(iter(value.items())) if isinstance(value, dict) and len(value) == 1 else ("", None)
    if not isinstance(overrides, dict):
        yield value
        return
    swept = {key: given for key, given in overrides.items() if isinstance(given, list) and key not in _LISTS and given}
    for one in itertools.product(*swept.values()):
        yield {name: {**overrides, **dict(zip(swept, one, strict=True))}}


def _named(reader: Reader, name: str, given: dict[str, Any], place: Path_) -> Any:
    short = name.removesuffix(SUFFIX)
    if short == MODEL_DEFAULT and not given:
        return SchedulerChoice(label="model default", class_name=None)
    if short not in schedulers():
        return _unknown(reader, name, place)
    row, here = schedulers()[short], (*place, name)
    values = {key: _override(reader, value, row, (*here, key)) for key, value in given.items() if key not in _OURS}
    config = {key: value for key, value in values.items() if key not in row.step_parameters}
    step = {key: value if value is BAD else float(value)
            for key, value in values.items() if key in row.step_parameters}  # fmt: skip
    subfolder, betas = _subfolder(reader, given, here), _betas(reader, config, row.parameters, here)
    force = _force(reader, given, row, here)
    if BAD in (subfolder, betas, force, *values.values()):
        return BAD
    label = _label(short, {**config, **step}, subfolder, force)
    return SchedulerChoice(
        label=label, class_name=row.class_name, config=config, step=step, subfolder=subfolder, force=force
    )


def _unknown(reader: Reader, name: str, place: Path_) -> Any:
    if (written := label_hint(name)) is not None:
        return reader.bad(place, f"{shown(name)} is how tables name it, not how a spec does", _FORMS, written)
    hint = hint_of(name)
    told = f"{shown(name)} is no scheduler" + (f": {hint.remark}" if hint.remark else "")
    return reader.bad(place, told, f"one of {', '.join(right_names())}", hint.nearest)


def _override(reader: Reader, value: Any, row: SchedulerRow, place: Path_) -> Any:
    key = str(place[-1])
    if key not in row.parameters and key not in row.step_parameters:
        return _no_such(reader, row, place)
    default, words = row.parameters.get(key, 0.0), words_of(row.class_name, key)
    if words is not None and (value is not None or default is not None):
        return reader.name(value, place, words, key)
    expected = _misfit(value, default) or out_of_bounds(key, value)
    return value if expected is None else reader.bad(place, f"{shown(value)} will not do", expected)


def _no_such(reader: Reader, row: SchedulerRow, place: Path_) -> Any:
    key, names = str(place[-1]), (*row.parameters, *row.step_parameters, *_OURS)
    if key == "eta":
        why, expected = eta_hint(row)
        return reader.bad(place, f"{row.class_name} takes no eta: {why}", expected)
    return reader.bad(place, f"{row.class_name} takes no such keyword", one_of(names, key), nearest(key, names))


def _force(reader: Reader, given: dict[str, Any], row: SchedulerRow, here: Path_) -> Any:
    """Whether what is refused runs all the same. It must have something to force: it is no way around the others."""
    value = given.get("force", False)
    if not isinstance(value, bool):
        return reader.bad((*here, "force"), f"{shown(value)} will not do", "true or false")
    if value and not row.forcible and not any(key in given for key in NOISE_KEYS):
        told = "a scheduler for distilled models (LCM, TCD), or another noise schedule than the model's"
        return reader.bad((*here, "force"), f"there is nothing to force of {row.class_name}", told)
    return value


def _betas(reader: Reader, config: dict[str, Any], parameters: dict[str, Any], here: Path_) -> Any:
    """The noise schedule itself, one number for each of its steps; ``BAD`` if there are more or fewer."""
    betas, steps = config.get("trained_betas"), config.get("num_train_timesteps", parameters.get("num_train_timesteps"))
    if not isinstance(betas, list) or steps is BAD or len(betas) == steps:
        return betas
    place, expected = (*here, "trained_betas"), f"{steps} of them, one for each of num_train_timesteps"
    return reader.bad(place, f"{len(betas)} betas will not do", expected)


def _misfit(value: Any, default: Any) -> str | None:
    """What was expected, if ``value`` is not of the kind of the keyword's default; ``None`` if it is."""
    if isinstance(default, bool):
        return None if isinstance(value, bool) else "true or false"
    if isinstance(default, int):
        return None if is_number(value, whole=True) else "a whole number"
    if isinstance(default, float) or default in ("inf", "-inf"):
        return None if is_number(value) else "a number"
    if isinstance(default, str):
        return None if isinstance(value, str) else "a word"
    return None if _is_plain(value) else "a number, a word, or a list of numbers"


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(is_number(one) for one in value)
    return value is None or isinstance(value, str | bool) or is_number(value)


def _subfolder(reader: Reader, given: dict[str, Any], here: Path_) -> Any:
    value = given.get("subfolder")
    if "subfolder" not in given or (isinstance(value, str) and _SUBFOLDER.fullmatch(value)):
        return value
    return reader.bad((*here, "subfolder"), f"{shown(value)} is no folder of a model", "a name such as ddpm_scheduler")


def _label(short: str, config: dict[str, Any], subfolder: str | None, force: bool) -> str:
    inside = [f"{key}={_plain(config[key])}" for key in sorted(config)]
    inside += [f"from {subfolder}"] if subfolder else []
    inside += ["forced"] if force else []
    return f"{short}({', '.join(inside)})" if inside else short


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def scheduler_schema() -> dict[str, Any]:
    """JSON Schema: the names that run first, so that an editor offers them first; then those that are refused."""
    right = {name: row for name, row in schedulers().items() if row.verdict == "right"}
    rest = [name for name in schedulers() if name not in right]
    runs = {**right, **{name: row for name, row in schedulers().items() if row.forcible}}
    forms = {form: {"$ref": f"#/$defs/scheduler/$defs/{name}"} for name in runs for form in (name, name + SUFFIX)}
    return {
        "anyOf": [
            {"enum": [*right, MODEL_DEFAULT]},
            {"enum": [name + SUFFIX for name in right]},
            {"enum": rest, "description": "known, and refused: `harness plan` says why"},
            {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
             "properties": forms},
        ],
        "$defs": {name: _overrides_schema(row) for name, row in runs.items()},
    }  # fmt: skip


def _overrides_schema(row: SchedulerRow) -> dict[str, Any]:
    keywords = {key: _or_swept(key, _keyword_schema(row, key, value)) for key, value in row.parameters.items()}
    steps = {key: _or_swept(key, {"type": "number", **_bounds_schema(key)}) for key in row.step_parameters}
    properties = {**keywords, **steps, "subfolder": {"type": "string"}, "force": {"type": "boolean"}}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}


def _or_swept(key: str, one: dict[str, Any]) -> dict[str, Any]:
    lets_lists_pass = not {"enum", "type"} & set(one)
    return one if key in _LISTS or lets_lists_pass else {"anyOf": [one, {"type": "array", "items": one}]}


def _keyword_schema(row: SchedulerRow, key: str, default: Any) -> dict[str, Any]:
    words = words_of(row.class_name, key)
    return {"enum": list(words)} if words else {"default": default, **_bounds_schema(key)}


def _bounds_schema(key: str) -> dict[str, Any]:
    bounds = BOUNDS.get(key, {})
    return {"items": bounds} if key == "trained_betas" else dict(bounds)
