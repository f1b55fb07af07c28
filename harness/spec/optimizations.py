"""Stacks of optimizations in a spec: names joined by "+", lists with options, and ladders."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from harness.base import Frozen
from harness.catalog.names import DTYPES
from harness.catalog.optimizations import NONE, OPTIMIZATIONS
from harness.catalog.types import DType, OptimizationChoice, OptimizationRow
from harness.spec.reader import BAD, Reader, nearest, one_of, shown
from harness.spec.source import Path_

LADDER = "ladder"
_FORMS = (
    'names joined by "+", none, a list such as [channels-last, {compile: {mode: max-autotune}}], or {ladder: [...]}'
)
_STEPS = "a list of optimizations, each added to those before it; {dtype: float16} steps the dtype"


class Rung(Frozen):
    """A stack of a ladder that has stepped the dtype too. No value of the knob: the loader makes cases of it."""

    stack: tuple[OptimizationChoice, ...]
    dtype: DType


def optimizations(reader: Reader, value: Any, place: Path_) -> Any:
    """A stack, a ``Rung``, or ``BAD``."""
    if isinstance(value, LadderStep):
        return _rung(reader, value, place)
    if isinstance(value, dict) and set(value) == {LADDER}:
        return reader.bad((*place, LADDER), f"{shown(value[LADDER])} is no ladder", _STEPS)
    return _stack(reader, value, place)


def _stack(reader: Reader, value: Any, place: Path_) -> Any:
    parts = value.split("+") if isinstance(value, str) else value if isinstance(value, list) else [value]
    if not parts or not all(isinstance(part, str | dict) for part in parts):
        return reader.bad(place, f"{shown(value)} is no stack of optimizations", _FORMS)
    found = [_choice(reader, part.strip() if isinstance(part, str) else part, place) for part in parts]
    if BAD in found:
        return BAD
    return tuple(choice for choice in found if choice is not None)


def _choice(reader: Reader, value: Any, place: Path_) -> Any:
    """An :class:`OptimizationChoice`; ``None`` for the word none."""
    if value == NONE:
        return None
    if isinstance(value, str):
        return _named(reader, value, {}, place)
    if len(value) == 1:
        ((name, options),) = value.items()
        if options is None or isinstance(options, dict):
            return _named(reader, name, options or {}, place)
    return reader.bad(place, f"{shown(value)} is no optimization", "a name, or {name: {option: value}}")


def _named(reader: Reader, name: Any, options: dict[str, Any], place: Path_) -> Any:
    if not isinstance(name, str) or name not in OPTIMIZATIONS:
        return _unknown(reader, name, place)
    row = OPTIMIZATIONS[name]
    values = {key: _option(reader, row, key, value, (*place, name, key)) for key, value in sorted(options.items())}
    if BAD in values.values():
        return BAD
    own = {**{key: allowed[0] for key, allowed in row.options.items()}, "parts": "+".join(row.parts)}
    return OptimizationChoice(name=name, options={key: value for key, value in values.items() if value != own[key]})


def _unknown(reader: Reader, name: Any, place: Path_) -> Any:
    """A name that the catalog does not have; ``none`` stands alone, for it is the empty stack."""
    if name == NONE:
        return reader.bad(place, "none takes no options", "none alone, or a stack of optimizations")
    known = [NONE, *OPTIMIZATIONS]
    return reader.bad(place, f"{shown(name)} is no optimization", one_of(known, name), nearest(name, known))


def _option(reader: Reader, row: OptimizationRow, key: str, value: Any, place: Path_) -> Any:
    if key == "parts" and row.may:
        return _parts(reader, row, value, place)
    if key not in row.options:
        known = [*row.options, *(["parts"] if row.may else [])]
        expected = _options_of(row) if known else "no option at all"
        return reader.bad(place, f"{row.name} takes no such option", expected, nearest(key, known))
    allowed = row.options[key]
    if any(value == one and isinstance(value, bool) == isinstance(one, bool) for one in allowed):
        return value
    return reader.bad(place, f"{shown(value)} will not do", one_of(str(one).lower() for one in allowed))


def _options_of(row: OptimizationRow) -> str:
    """ "one of mode (default, reduce-overhead, …), fullgraph (false, true), parts (unet, prior)"."""
    values = {**row.options, **({"parts": row.may} if row.may else {})}
    each = [f"{key} ({', '.join(str(one).lower() for one in allowed)})" for key, allowed in values.items()]
    return f"one of {', '.join(each)}"


def _parts(reader: Reader, row: OptimizationRow, value: Any, place: Path_) -> Any:
    names = value.split("+") if isinstance(value, str) else []
    if names and set(names) <= set(row.may) and len(set(names)) == len(names):
        return "+".join(name for name in row.may if name in names)
    return reader.bad(place, f"{shown(value)} will not do", f'{" or ".join(row.may)}, or several joined by "+"')


class LadderStep(Frozen):
    """What a ladder has come to after one more step; not yet read."""

    stack: tuple[Any, ...]
    dtype: Any = None


def spread(value: Any) -> Iterator[Any]:
    """A ladder as its rungs, from nothing upwards; an option with a list of values as the sweep that it is."""
    if isinstance(value, dict) and set(value) == {LADDER} and isinstance(value[LADDER], list) and value[LADDER]:
        yield from _rungs(value[LADDER])
    elif isinstance(value, dict) and len(value) == 1 and LADDER not in value:
        yield from _options_spread(value)
    elif isinstance(value, list):
        each = [list(_options_spread(part)) if isinstance(part, dict) else [part] for part in value]
        yield from (list(one) for one in itertools.product(*each))
    else:
        yield value


def _rungs(steps: list[Any]) -> Iterator[LadderStep]:
    stack, dtype = (), None
    yield LadderStep(stack=stack)
    for step in steps:
        if isinstance(step, dict) and set(step) == {"dtype"}:
            dtype = step["dtype"]
        else:
            stack = (*stack, *(step.split("+") if isinstance(step, str) else [step]))
        yield LadderStep(stack=stack, dtype=dtype)


def _options_spread(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    name, options = next(iter(value.items()))
    if not isinstance(options, dict):
        yield value
        return
    swept = {key: given for key, given in options.items() if isinstance(given, list) and given}
    for one in itertools.product(*swept.values()):
        yield {name: {**options, **dict(zip(swept, one, strict=True))}}


def _rung(reader: Reader, step: LadderStep, place: Path_) -> Any:
    here = (*place, LADDER)
    stack = _stack(reader, list(step.stack), here) if step.stack else ()
    dtype = None if step.dtype is None else reader.name(step.dtype, here, DTYPES, "dtype")
    if BAD in (stack, dtype):
        return BAD
    return stack if dtype is None else Rung(stack=stack, dtype=dtype)


def schema() -> dict[str, Any]:
    """JSON Schema of one value."""
    one = {"anyOf": [{"enum": list(OPTIMIZATIONS)}, {"$ref": "#/$defs/optimizations/$defs/with_options"}]}
    return {
        "anyOf": [
            {"enum": [NONE, *OPTIMIZATIONS]},
            {"type": "string", "pattern": r"\+", "description": 'a stack: names joined by "+"'},
            {"$ref": "#/$defs/optimizations/$defs/with_options"},
            {"type": "array", "items": one, "minItems": 1},
            {"type": "object", "required": [LADDER], "additionalProperties": False,
             "properties": {LADDER: {"type": "array", "minItems": 1, "description": _STEPS}}},
        ],
        "$defs": {"with_options": {
            "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
            "properties": {name: _options_schema(row) for name, row in OPTIMIZATIONS.items()},
        }},
    }  # fmt: skip


def _options_schema(row: OptimizationRow) -> dict[str, Any]:
    values = {key: {"enum": list(allowed)} for key, allowed in row.options.items()}
    properties: dict[str, Any] = {
        key: {"anyOf": [one, {"type": "array", "items": one, "minItems": 1}]} for key, one in values.items()
    }
    if row.may:
        properties["parts"] = {"type": "string", "description": f"{', '.join(row.may)}, joined by +"}
    return {"type": ["object", "null"], "additionalProperties": False, "properties": properties}
