"""The knobs: what may be swept, what each accepts, and the canonical form of a value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.catalog.models import MODELS, PARTS, local_model
from harness.catalog.names import DTYPES
from harness.catalog.stacks import label_of_stack
from harness.catalog.tasks import APIS, TASKS
from harness.spec import optimizations as stacks
from harness.spec.reader import BAD, Reader, is_number, nearest, one_of, shown
from harness.spec.scheduler import scheduler, scheduler_schema, spread
from harness.spec.source import Path_
from harness.spec.types import SchedulerChoice

Parser = Callable[[Reader, Any, Path_], Any]
_SIZE = re.compile(r"(\d{1,5})x(\d{1,5})")


@dataclass(frozen=True)
class Knob:
    """A knob: its parser, what it expects in words, its JSON Schema, and what one value of a sweep spreads into."""

    parse: Parser
    expected: str
    schema: dict[str, Any]
    spread: Callable[[Any], Iterable[Any]] = lambda value: (value,)


def _number(low: float, high: float, *, whole: bool = False, why: str = "") -> Parser:
    def parse(reader: Reader, value: Any, place: Path_) -> Any:
        if not is_number(value, whole=whole) or not low <= value <= high:
            return reader.bad(place, f"{shown(value)} will not do", _range(low, high, whole=whole) + why)
        return value if whole else float(value)

    return parse


def _range(low: float, high: float, *, whole: bool) -> str:
    return f"{'a whole number' if whole else 'a number'} from {low:g} to {high:g}"


def _model(reader: Reader, value: Any, place: Path_) -> Any:
    try:
        row = MODELS[value] if isinstance(value, str) and value in MODELS else _local(reader, value, place)
    except FileNotFoundError as error:
        reader.source.fault(
            place, f"there is no model folder {error}", expected=one_of([*MODELS, _FOLDER]),
            nearest=nearest(Path(str(error)).name, MODELS), missing=True,
        )  # fmt: skip
        return BAD
    except ValueError as error:
        return reader.bad(place, str(error), "decoder/, prior/ and the like of one Kandinsky, as diffusers saves them")
    if row is BAD:
        return BAD
    reader.models[row.name] = row
    return row.name


def _local(reader: Reader, value: Any, place: Path_) -> Any:
    if isinstance(value, str) and ("/" in value or value.startswith((".", "~"))):
        return local_model(value, reader.base)
    if isinstance(value, dict) and set(value) & _DECODERS and _is_of_parts(value):
        return local_model(value, reader.base)
    if isinstance(value, dict):
        return reader.bad(
            place, f"{shown(value)} is no model", f"a decoder and what goes with it, such as {{decoder: …, prior: …}}: "
            f"each of {', '.join(PARTS)} is a folder or a name",
        )  # fmt: skip
    return reader.name(value, place, MODELS, "model (a folder is written with a slash: ./folder)")


def _is_of_parts(value: dict[str, Any]) -> bool:
    return set(value) <= set(PARTS) and all(isinstance(part, str) for part in value.values())


def _api(reader: Reader, value: Any, place: Path_) -> Any:
    return reader.name(value, place, APIS, "form of the API")


def _weights(reader: Reader, value: Any, place: Path_) -> Any:
    """``0.3`` stands for ``[0.7, 0.3]``: a sweep of numbers walks from the first of two things to the second."""
    numbers = value if isinstance(value, list) else [value]
    if not numbers or not all(is_number(one) and -10 <= one <= 10 for one in numbers):
        return reader.bad(place, f"{shown(value)} is no weight", _WEIGHTS)
    if not isinstance(value, list):
        return (round(1 - value, 12), float(value))
    if len(numbers) < 2:
        return reader.bad(place, f"{shown(value)} is one weight alone", _WEIGHTS)
    total = sum(numbers) if reader.normalise_weights and abs(sum(numbers)) > _TINY else 1
    return tuple(number / total for number in numbers)


def _task(reader: Reader, value: Any, place: Path_) -> Any:
    return reader.name(value, place, TASKS, "task")


def _dtype(reader: Reader, value: Any, place: Path_) -> Any:
    return reader.name(value, place, DTYPES, "dtype")


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


def _names(names: Iterable[str]) -> dict[str, Any]:
    return {"enum": sorted(names)}


def _bounds(kind: str, low: int, high: int) -> dict[str, Any]:
    return {"type": kind, "minimum": low, "maximum": high}


_FOLDER = "a folder with decoder/, prior/ and the like"
_DECODERS = set(PARTS) - {"prior"}
_WEIGHTS = "the second of two things' share, such as 0.3, or a list with one number for each thing"
_MODEL_SCHEMA: dict[str, Any] = {
    "anyOf": [
        _names(MODELS),
        {"type": "string", "pattern": "^[.~]|/", "description": _FOLDER},
        {
            "type": "object",
            "minProperties": 1,
            "additionalProperties": False,
            "properties": {part: {"type": "string"} for part in PARTS},
        },
    ]
}
_SIZE_SCHEMA = {"anyOf": [_bounds("integer", 8, 8192), {"type": "string", "pattern": "^[0-9]+x[0-9]+$"}]}
_WEIGHTS_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number"}, {"type": "array", "items": {"type": "number"}, "minItems": 2}],
    "description": _WEIGHTS,
}
_TRAINED = ": every Kandinsky was trained on 1000 timesteps, and there are no steps between them"
_FINITE, _TINY = 1e6, 1e-6
NONE = "—"  # a knob that a cell's task or model does not have

#: In the order in which labels and tables show them.
KNOBS: dict[str, Knob] = {
    "model": Knob(_model, "a model", _MODEL_SCHEMA),
    "task": Knob(_task, "a task", _names(TASKS)),
    "api": Knob(_api, "a form of the API", _names(APIS)),
    "dtype": Knob(_dtype, "a dtype", _names(DTYPES)),
    "optimizations": Knob(stacks.optimizations, "a stack of optimizations", stacks.schema(), stacks.spread),
    "size": Knob(_size, "a size", _SIZE_SCHEMA),
    "scheduler": Knob(scheduler, "a scheduler", scheduler_schema(), spread),
    "num_inference_steps": Knob(_number(1, 1000, whole=True, why=_TRAINED), "steps", _bounds("integer", 1, 1000)),
    "guidance_scale": Knob(_number(0, 100), "a number", _bounds("number", 0, 100)),
    # the prior's UnCLIPScheduler spreads its steps from the first to the last: it divides by one less than their number
    "prior_num_inference_steps": Knob(_number(2, 1000, whole=True, why=_TRAINED), "steps", _bounds("integer", 2, 1000)),
    "prior_guidance_scale": Knob(_number(0, 100), "a number", _bounds("number", 0, 100)),
    "strength": Knob(_number(0, 1), "a number", _bounds("number", 0, 1)),
    "prior_strength": Knob(_number(0, 1), "a number", _bounds("number", 0, 1)),
    "weights": Knob(_weights, "weights", _WEIGHTS_SCHEMA),
}


def _weights_label(weights: tuple[float, ...]) -> str:
    if len(weights) == 2 and math.isclose(sum(weights), 1):
        return f"{weights[1]:g}"
    return ", ".join(f"{weight:g}" for weight in weights)


_TUPLES: dict[str, Callable[[Any], str | int]] = {
    "size": lambda value: f"{value[1]}x{value[0]}" if value[0] != value[1] else int(value[0]),
    "optimizations": label_of_stack,
    "weights": _weights_label,
}


def label_of(knob: str, value: Any) -> str | int | float:
    """A canonical value as tables show it."""
    if isinstance(value, SchedulerChoice):
        return value.label
    if value is None:
        return "each row's own" if knob == "weights" else NONE
    if knob in _TUPLES:
        return _TUPLES[knob](value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _FINITE:
        return int(value)
    plain: str | int | float = value
    return plain
