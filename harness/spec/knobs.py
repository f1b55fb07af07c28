"""The knobs: what may be swept, what each accepts, and the canonical form of a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.models import MODELS, PARTS, local_model
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.tasks import TASKS
from harness.spec.reader import BAD, Reader, is_number, nearest, one_of, shown
from harness.spec.scheduler import scheduler, scheduler_schema
from harness.spec.source import Path_
from harness.spec.types import SchedulerChoice

Parser = Callable[[Reader, Any, Path_], Any]
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass(frozen=True)
class Knob:
    """A knob: its parser, what it expects in words, and its JSON Schema."""

    parse: Parser
    expected: str
    schema: dict[str, Any]


def _number(low: float, high: float, *, whole: bool = False) -> Parser:
    def parse(reader: Reader, value: Any, place: Path_) -> Any:
        if not is_number(value, whole=whole) or not low <= value <= high:
            return reader.bad(place, f"{shown(value)} will not do", _range(low, high, whole=whole))
        return value if whole else float(value)

    return parse


def _range(low: float, high: float, *, whole: bool) -> str:
    return f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"


def _model(reader: Reader, value: Any, place: Path_) -> Any:
    try:
        row = MODELS[value] if isinstance(value, str) and value in MODELS else _local(reader, value, place)
    except FileNotFoundError as error:
        reader.source.fault(
            place, f"there is no model folder {error}", expected=one_of([*MODELS, "a folder with prior/ and decoder/"]),
            nearest=nearest(Path(str(error)).name, MODELS), missing=True,
        )  # fmt: skip
        return BAD
    except ValueError as error:
        return reader.bad(place, str(error), "prior/ and decoder/ of a Kandinsky 2.2, as diffusers saves them")
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
    return reader.name(value, place, _DTYPES, "dtype")


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


def _bounds(kind: str, low: int, high: int) -> dict[str, Any]:
    return {"type": kind, "minimum": low, "maximum": high}


_MODEL_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _names(MODELS),
        {"type": "string", "pattern": "^[.~]|/", "description": "a folder with prior/ and decoder/"},
        {
            "type": "object",
            "required": list(PARTS),
            "additionalProperties": False,
            "properties": {part: {"type": "string"} for part in PARTS},
        },
    ]
}
_SIZE_SCHEMA = {"anyOf": [_bounds("integer", 8, 8192), {"type": "string", "pattern": "^[0-9]+x[0-9]+$"}]}
_DTYPES = ("float32", "float16", "bfloat16")
_FINITE = 1e6

#: In the order in which labels and tables show them.
KNOBS: dict[str, Knob] = {
    "model": Knob(_model, "a model", _MODEL_SCHEMA),
    "task": Knob(_task, "a task", _names(TASKS)),
    "dtype": Knob(_dtype, "a dtype", _names(_DTYPES)),
    "optimizations": Knob(_optimizations, "a stack of optimizations", {"type": "string"}),
    "size": Knob(_size, "a size", _SIZE_SCHEMA),
    "scheduler": Knob(scheduler, "a scheduler", scheduler_schema()),
    "num_inference_steps": Knob(_number(1, 1000, whole=True), "steps", _bounds("integer", 1, 1000)),
    "guidance_scale": Knob(_number(0, 100), "a number", _bounds("number", 0, 100)),
    # the prior's UnCLIPScheduler spreads its steps from the first to the last: it divides by one less than their number
    "prior_num_inference_steps": Knob(_number(2, 1000, whole=True), "steps", _bounds("integer", 2, 1000)),
    "prior_guidance_scale": Knob(_number(0, 100), "a number", _bounds("number", 0, 100)),
}


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
