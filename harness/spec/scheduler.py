"""The scheduler's value in a spec: a name, a name with overrides, a name with the folder to start from."""

from __future__ import annotations

import re
from typing import Any

from harness.catalog.schedulers import BOUNDS, SUFFIX, WORDS, out_of_bounds, schedulers
from harness.spec.reader import BAD, Reader, is_number, nearest, one_of, shown
from harness.spec.source import Path_
from harness.spec.types import SchedulerChoice

MODEL_DEFAULT = "model-default"
_SUBFOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
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
    return reader.bad(place, f"{shown(value)} is no scheduler", _FORMS)


def _named(reader: Reader, name: str, given: dict[str, Any], place: Path_) -> Any:
    short = name.removesuffix(SUFFIX)
    if short == MODEL_DEFAULT and not given:
        return SchedulerChoice(label="model default", class_name=None)
    if short not in schedulers():
        return _unknown(reader, name, place)
    row, here = schedulers()[short], (*place, name)
    config = {key: _override(reader, value, row.parameters, row.class_name, (*here, key))
              for key, value in given.items() if key != "subfolder"}  # fmt: skip
    subfolder, betas = _subfolder(reader, given, here), _betas(reader, config, row.parameters, here)
    if BAD in (subfolder, betas, *config.values()):
        return BAD
    return SchedulerChoice(
        label=_label(short, config, subfolder), class_name=row.class_name, config=config, subfolder=subfolder
    )


def _unknown(reader: Reader, name: str, place: Path_) -> Any:
    right = [known for known, row in schedulers().items() if row.verdict == "right"]
    expected = f"one of {', '.join(right)}, {MODEL_DEFAULT}"
    guess = nearest(name.removesuffix(SUFFIX), [*right, MODEL_DEFAULT]) or nearest(
        name.removesuffix(SUFFIX), schedulers()
    )
    return reader.bad(place, f"{shown(name)} is no scheduler", expected, guess)


def _override(reader: Reader, value: Any, parameters: dict[str, Any], class_name: str, place: Path_) -> Any:
    key = str(place[-1])
    if key not in parameters:
        names = (*parameters, "subfolder")
        return reader.bad(place, f"{class_name} takes no such keyword", one_of(names), nearest(key, names))
    if key in WORDS and (value is not None or parameters[key] is not None):
        return reader.name(value, place, WORDS[key], key)
    expected = _misfit(value, parameters[key]) or out_of_bounds(key, value)
    return value if expected is None else reader.bad(place, f"{shown(value)} will not do", expected)


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


def _label(short: str, config: dict[str, Any], subfolder: str | None) -> str:
    inside = [f"{key}={_plain(config[key])}" for key in sorted(config)]
    inside += [f"from {subfolder}"] if subfolder else []
    return f"{short}({', '.join(inside)})" if inside else short


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def scheduler_schema() -> dict[str, Any]:
    """JSON Schema: the names that run first, so that an editor offers them first; then those that are refused."""
    right = {name: row for name, row in schedulers().items() if row.verdict == "right"}
    rest = [name for name in schedulers() if name not in right]
    forms = {form: _overrides_schema(row.parameters) for name, row in right.items() for form in (name, name + SUFFIX)}
    return {
        "anyOf": [
            {"enum": [*right, MODEL_DEFAULT]},
            {"enum": [name + SUFFIX for name in right]},
            {"enum": rest, "description": "known, and refused: `harness plan` says why"},
            {"type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
             "properties": forms},
        ]
    }  # fmt: skip


def _overrides_schema(parameters: dict[str, Any]) -> dict[str, Any]:
    keywords = {key: {"enum": list(WORDS[key])} if key in WORDS else {"default": value, **_bounds_schema(key)}
                for key, value in parameters.items()}  # fmt: skip
    properties = {**keywords, "subfolder": {"type": "string"}}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}


def _bounds_schema(key: str) -> dict[str, Any]:
    bounds = BOUNDS.get(key, {})
    return {"items": bounds} if key == "trained_betas" else dict(bounds)
