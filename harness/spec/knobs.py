"""The knobs: what may be swept, what each accepts, and the canonical form of a value."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.models import MODELS, PARTS, local_model
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.schedulers import SUFFIX, schedulers
from harness.catalog.tasks import TASKS
from harness.catalog.types import ModelRow
from harness.spec.source import Path_, Source
from harness.spec.types import SchedulerChoice

BAD = object()  # what a parser returns after it has noted a fault

Parser = Callable[["Reader", Any, Path_], Any]
_SIZE = re.compile(r"(\d+)x(\d+)")
_MODEL_DEFAULT = "model-default"


class Reader:
    """Parses values of one file and notes their faults; remembers the models it met."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.base = Path(source.path).parent
        self.models: dict[str, ModelRow] = {}

    def bad(self, place: Path_, happened: str, expected: str = "", nearest: str | None = None) -> Any:
        """Note a fault; give back ``BAD``."""
        self.source.fault(place, happened, expected=expected, nearest=nearest)
        return BAD

    def name(self, value: Any, place: Path_, known: Iterable[str], what: str) -> Any:
        """A name out of a table."""
        names = list(known)
        if isinstance(value, str) and value in names:
            return value
        return self.bad(place, f"{shown(value)} is no {what}", _list(names), nearest(value, names))


@dataclass(frozen=True)
class Knob:
    """A knob: its parser, what it expects in words, and its JSON Schema."""

    parse: Parser
    expected: str
    schema: dict[str, Any]


def shown(value: Any) -> str:
    """A value as a fault shows it."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(value: Any, names: Iterable[str]) -> str | None:
    """The known name that is most like a wrong one, upper and lower case aside."""
    lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(str(value).lower(), lower, n=1, cutoff=0.6)
    return lower[found[0]] if found else None


def _list(names: list[str]) -> str:
    return "one of " + ", ".join(names) if len(names) <= 12 else f"one of {len(names)} names"


def _number(low: float, high: float, *, whole: bool = False) -> Parser:
    def parse(reader: Reader, value: Any, place: Path_) -> Any:
        kinds: tuple[type, ...] = (int,) if whole else (int, float)
        if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
            return reader.bad(place, f"{shown(value)} will not do", _range(low, high, whole=whole))
        return value if whole else float(value)

    return parse


def _range(low: float, high: float, *, whole: bool) -> str:
    kind = "a whole number" if whole else "a number"
    return f"{kind} of at least {low:g}" if high == float("inf") else f"{kind} from {low:g} to {high:g}"


def _model(reader: Reader, value: Any, place: Path_) -> Any:
    try:
        row = MODELS[value] if isinstance(value, str) and value in MODELS else _local(reader, value, place)
    except FileNotFoundError as error:
        reader.source.fault(
            place, f"there is no model folder {error}", expected=_list([*MODELS, "a folder with prior/ and decoder/"]),
            nearest=nearest(value, MODELS), missing=True,
        )  # fmt: skip
        return BAD
    except ValueError as error:
        return reader.bad(place, f"the decoder's folder holds {error}", "a Kandinsky 2.2 decoder as diffusers saves it")
    if row is BAD:
        return BAD
    reader.models[row.name] = row
    return row.name


def _local(reader: Reader, value: Any, place: Path_) -> Any:
    if isinstance(value, str) and ("/" in value or value.startswith((".", "~"))):
        return local_model(value, reader.base)
    if isinstance(value, dict) and set(value) == set(PARTS) and all(isinstance(v, str) for v in value.values()):
        return local_model(value, reader.base)
    if isinstance(value, dict):
        return reader.bad(place, f"{shown(value)} is no model", "{decoder: …, prior: …}, each a folder or a name")
    return reader.name(value, place, MODELS, "model (a folder is written with a slash: ./folder)")


def _task(reader: Reader, value: Any, place: Path_) -> Any:
    return reader.name(value, place, TASKS, "task")


def _dtype(reader: Reader, value: Any, place: Path_) -> Any:
    return reader.name(value, place, ("float32", "float16", "bfloat16"), "dtype")


def _size(reader: Reader, value: Any, place: Path_) -> Any:
    """``768`` or ``"768x512"``, width first, as pictures' sizes are written; canonical: (height, width)."""
    if isinstance(value, int) and not isinstance(value, bool):
        width = height = value
    elif isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        width, height = int(found[1]), int(found[2])
    else:
        return reader.bad(place, f"{shown(value)} is no size", 'a side in pixels, or "WIDTHxHEIGHT" such as "768x512"')
    if not (8 <= width <= 8192 and 8 <= height <= 8192):
        return reader.bad(place, f"{shown(value)} is out of bounds", "sides from 8 to 8192 pixels")
    return (height, width)


def _scheduler(reader: Reader, value: Any, place: Path_) -> Any:
    if isinstance(value, str):
        return _named(reader, value, {}, None, place)
    if isinstance(value, dict) and set(value) == {"subfolder"} and isinstance(value["subfolder"], str):
        return SchedulerChoice(label=value["subfolder"], class_name=None, subfolder=value["subfolder"])
    if isinstance(value, dict) and len(value) == 1:
        ((name, overrides),) = value.items()
        if isinstance(overrides, dict):
            rest = {key: v for key, v in overrides.items() if key != "subfolder"}
            return _named(reader, name, rest, overrides.get("subfolder"), place)
    return reader.bad(
        place, f"{shown(value)} is no scheduler", "a name, {Name: {keyword: value}} or {subfolder: ddpm_scheduler}"
    )


def _named(reader: Reader, name: str, overrides: dict[str, Any], subfolder: Any, place: Path_) -> Any:
    short = name.removesuffix(SUFFIX)
    if short == _MODEL_DEFAULT and not overrides and subfolder is None:
        return SchedulerChoice(label="model default", class_name=None)
    if short not in schedulers():
        return reader.name(short, place, schedulers(), "scheduler")
    row, good = schedulers()[short], True
    for key in overrides:
        if key not in row.parameters:
            reader.bad((*place, name, key), f"{row.class_name} takes no {key!r}",
                       "one of its constructor's keywords", nearest(key, row.parameters))  # fmt: skip
            good = False
    if subfolder is not None and not isinstance(subfolder, str):
        reader.bad((*place, name, "subfolder"), f"{shown(subfolder)} is no folder's name")
        good = False
    inside = [f"{key}={_plain(overrides[key])}" for key in sorted(overrides)]
    inside += [f"from {subfolder}"] if subfolder else []
    label = f"{short}({', '.join(inside)})" if inside else short
    return (
        SchedulerChoice(label=label, class_name=row.class_name, config=overrides, subfolder=subfolder) if good else BAD
    )


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _optimizations(reader: Reader, value: Any, place: Path_) -> Any:
    if not isinstance(value, str):
        return reader.bad(place, f"{shown(value)} is no stack of optimizations", 'names joined by "+", or none')
    names = value.split("+")
    parsed = [reader.name(name.strip(), place, OPTIMIZATIONS, "optimization") for name in names]
    if BAD in parsed:
        return BAD
    return tuple(name for name in parsed if name != "none")


def _names(names: Iterable[str]) -> dict[str, Any]:
    return {"enum": sorted(names)}


_SCHEDULER_NAMES = [*schedulers(), _MODEL_DEFAULT]
_FINITE = 1e6

KNOBS: dict[str, Knob] = {
    "model": Knob(_model, "a model", {"anyOf": [_names(MODELS), {"type": "string", "pattern": "[/~.]"}, {
        "type": "object", "required": list(PARTS), "additionalProperties": False,
        "properties": {part: {"type": "string"} for part in PARTS}}]}),
    "task": Knob(_task, "a task", _names(TASKS)),
    "dtype": Knob(_dtype, "a dtype", _names(("float32", "float16", "bfloat16"))),
    "size": Knob(_size, "a size", {"anyOf": [{"type": "integer", "minimum": 8, "maximum": 8192},
                                             {"type": "string", "pattern": "^[0-9]+x[0-9]+$"}]}),
    "guidance_scale": Knob(_number(0.0, 100.0), "a number", {"type": "number", "minimum": 0, "maximum": 100}),
    "num_inference_steps": Knob(_number(1, 1000, whole=True), "steps",
                                {"type": "integer", "minimum": 1, "maximum": 1000}),
    "prior_guidance_scale": Knob(_number(0.0, 100.0), "a number", {"type": "number", "minimum": 0, "maximum": 100}),
    "prior_num_inference_steps": Knob(_number(1, 1000, whole=True), "steps",
                                      {"type": "integer", "minimum": 1, "maximum": 1000}),
    "scheduler": Knob(_scheduler, "a scheduler", {"anyOf": [
        _names([*_SCHEDULER_NAMES, *(name + SUFFIX for name in schedulers())]),
        {"type": "object", "minProperties": 1, "maxProperties": 1}]}),
    "optimizations": Knob(_optimizations, "a stack", {"type": "string"}),
}  # fmt: skip


def label_of(knob: str, value: Any) -> str | int | float:
    """A canonical value as tables show it."""
    if isinstance(value, SchedulerChoice):
        return value.label
    if knob == "size":
        return f"{value[1]}x{value[0]}" if value[0] != value[1] else int(value[0])
    if knob == "optimizations":
        return "+".join(value) or "none"
    if isinstance(value, float) and value.is_integer() and abs(value) < _FINITE:
        return int(value)
    plain: str | int | float = value
    return plain
