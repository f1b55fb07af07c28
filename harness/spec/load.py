"""A YAML file, or a shipped spec's name, to a :class:`Spec`: every key checked, every fault reported together."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import harness
from harness.errors import MissingError, Problem, SpecError
from harness.spec.inputs import KEYS as INPUT_KEYS
from harness.spec.inputs import inputs
from harness.spec.knobs import KNOBS
from harness.spec.ladders import without_rungs
from harness.spec.measuring import converged_of, margins_of, metrics_of, timing_of
from harness.spec.optimizations import LadderStep
from harness.spec.reader import BAD, Reader, is_number, nearest, shown
from harness.spec.reference_sets import reference_set_of
from harness.spec.scheduler_hints import keyword_hint
from harness.spec.scorers import scorers_of, with_scorers
from harness.spec.source import Path_, dotted, read
from harness.spec.types import Spec

_DEFAULT_MODEL = "mini-2.2"
_MOST_VALUES = 1000  # of a sweep
#: Keys whose faults leave the combinations of the knobs as they are.
_BESIDE = (
    "name", "question", *INPUT_KEYS, "margins", "converged", "reference_set", "scorers", "timing", "batch_size",
    "device", "threads", "cell_timeout", "strict",
)  # fmt: skip
KEYS = (*KNOBS, *_BESIDE, "compare_to", "metrics", "cases", "exclude")
_PROMPTS = "`prompts: […]`, `prompts: {file: …}`, or rows under `inputs`: a table's file, or [{prompt: …, image: …}]"
_QUOTE = ' in quotes, such as "off": without them YAML reads on, off, yes and no as a truth, and digits as a number'
DEVICES = ("auto", "cuda", "cpu", "mps")
FIRST_THAT_FITS = "first-that-fits"  # as a reference


def load_spec(reference: str, *, fetch: bool = True) -> Spec:
    """Read a spec.

    Args:
        reference: a path, or the name of a shipped spec such as ``quickstart``.
        fetch: bring pictures that stand in the web; else those that are not here yet stay pending.

    Raises:
        MissingError: there is no such file.
        SpecError: the file has faults; all of them that can be seen without planning.
    """
    spec, problems = read_spec(reference, fetch=fetch)
    if problems:
        raise SpecError(problems)
    return spec


def read_spec(reference: str, *, fetch: bool = True) -> tuple[Spec, list[Problem]]:
    """A spec without the values that are faulty, and its faults; for who adds faults of their own to them."""
    source = read(find(reference))
    reader, data = Reader(source, fetch=fetch), source.data
    for key in data:
        if key not in KEYS:
            _unknown_key(reader, key)
    if "prompts" not in data and "inputs" not in data:
        source.fault((), "there are no prompts", expected=_PROMPTS)
    sweeps = {knob: _sweep(reader, data[knob], knob, (knob,)) for knob in KNOBS if knob in data}
    if "model" not in data:
        sweeps = {"model": (KNOBS["model"].parse(reader, _DEFAULT_MODEL, ()),), **sweeps}
    parts = _assemble(reader, data, sweeps)
    parts["models"] = with_scorers(parts["models"], parts["scorers"])
    parts |= without_rungs(parts["sweeps"], parts["cases"])._asdict()
    return Spec.model_construct(**parts), source.sorted_problems()


def _unknown_key(reader: Reader, key: str) -> None:
    data = reader.source.data
    meant = keyword_hint(key, data[key], data.get("scheduler"))
    guess = None if meant else nearest(key, KEYS)
    expected = meant or ("" if guess else f"one of {', '.join(KEYS)}")
    reader.bad((key,), "unknown key", expected, guess)


def leaves_knobs_alone(problem: Problem) -> bool:
    """Whether the knobs' combinations can still be judged beside this fault."""
    return any(problem.path == key or problem.path.startswith((f"{key}.", f"{key}[")) for key in ("", *_BESIDE))


def find(reference: str) -> Path:
    """The file of a path or of a shipped spec's name."""
    given = Path(reference)
    if given.suffix in (".yaml", ".yml") or given.is_file():
        return given
    package = Path(harness.__file__).parent
    homes = (Path("experiments"), package.parent / "experiments", package / "experiments")
    for home in homes:
        if (home / f"{reference}.yaml").is_file():
            return home / f"{reference}.yaml"
    known = sorted({path.stem for home in homes for path in home.glob("*.yaml")})
    guess = nearest(reference, known)
    raise MissingError(
        f"There is no spec {reference!r}.",
        expected="a YAML file, or a shipped spec: " + ", ".join(known),
        do=f"did you mean {guess}?" if guess else "check the path",
    )


def _assemble(reader: Reader, data: dict[str, Any], sweeps: dict[str, tuple[Any, ...]]) -> dict[str, Any]:
    path = reader.source.path
    metrics = metrics_of(reader, data.get("metrics"))
    given, first_fits = inputs(reader, data), data.get("compare_to") == FIRST_THAT_FITS
    return {
        "path": str(path),
        "text": reader.source.text,
        "name": _text(reader, data, "name", path.stem),
        "question": _text(reader, data, "question", ""),
        "sweeps": sweeps,
        "cases": _partials(reader, data.get("cases", []), "cases"),
        "exclude": _partials(reader, data.get("exclude", []), "exclude"),
        "compare_to": None if first_fits else _compare_to(reader, data.get("compare_to")),
        "first_that_fits": first_fits,
        "models": reader.models,
        "rows": given.rows,
        "assets": given.assets,
        "notes": given.notes,
        "margins": margins_of(reader, data, metrics),
        "metrics": metrics,
        "converged": converged_of(reader, data, metrics),
        "scorers": scorers_of(reader, data.get("scorers")),
        "reference_set": reference_set_of(reader, data, metrics),
        "timing": timing_of(reader, data.get("timing", {})),
        "batch_size": _whole(reader, data, "batch_size", 1, 4096),
        "device": _one_of(reader, data, "device", DEVICES, "auto"),
        "threads": _whole(reader, data, "threads", 1, 1024),
        "cell_timeout_s": _seconds(reader, data),
        "strict": _flag(reader, data, "strict"),
        "lines": {dotted(place): line for place, line in reader.source.lines.items()},
    }


def _sweep(reader: Reader, value: Any, knob: str, place: Path_) -> tuple[Any, ...]:
    """A scalar is fixed, a list is swept; faulty values are noted and left out."""
    values = value if isinstance(value, list) else [value]
    if not values:
        reader.bad(place, "the sweep is empty", f"{KNOBS[knob].expected}, or a list of them")
    each = ((i, one) for i, given in enumerate(values) for one in KNOBS[knob].spread(given))
    pairs = list(itertools.islice(each, _MOST_VALUES + 1))
    if len(pairs) > _MOST_VALUES:
        reader.bad(place, f"the sweep has more than {_MOST_VALUES:,} values", f"at most {_MOST_VALUES:,}")
        return ()
    good: list[Any] = []
    for i, given in pairs:
        where = (*place, i) if isinstance(value, list) else place
        one = KNOBS[knob].parse(reader, given, where)
        if one in good and isinstance(given, LadderStep):  # it begins with nothing, which may be asked for beside it
            continue
        if one is not BAD and one in good:
            reader.bad(where, f"{shown(values[i])} stands in the sweep twice", "each value once")
        elif one is not BAD:
            good.append(one)
    return tuple(good)


def _partials(reader: Reader, value: Any, key: str) -> tuple[dict[str, tuple[Any, ...]], ...]:
    if not isinstance(value, list):
        reader.bad((key,), f"{shown(value)} is no list", f"a list of partial specs, such as [{{{_EXAMPLE}}}]")
        return ()
    found = []
    for i, part in enumerate(value):
        if not isinstance(part, dict) or not part:
            reader.bad((key, i), f"{shown(part)} is no partial spec", f"a mapping such as {{{_EXAMPLE}}}")
            continue
        found.append(_partial(reader, part, (key, i)))
    return tuple(found)


_EXAMPLE = "scheduler: DDIM, num_inference_steps: 10"


def _partial(reader: Reader, part: dict[str, Any], place: Path_) -> dict[str, tuple[Any, ...]]:
    found = {}
    for knob, value in part.items():
        if knob in KNOBS:
            found[knob] = _sweep(reader, value, knob, (*place, knob))
        else:
            meant = keyword_hint(knob, value, part.get("scheduler"))
            expected, guess = meant or "one of " + ", ".join(KNOBS), None if meant else nearest(knob, KNOBS)
            reader.bad((*place, knob), "this is no knob", expected, guess)
    return found


_REFERENCES = f"a mapping such as {{{_EXAMPLE}}}, or {FIRST_THAT_FITS}"


def _compare_to(reader: Reader, value: Any) -> dict[str, Any] | None:
    if value is None:
        return None
    if not isinstance(value, dict) or not value:
        reader.bad(
            ("compare_to",),
            f"{shown(value)} is no reference",
            _REFERENCES,
        )
        return None
    for knob in [knob for knob, one in value.items() if isinstance(one, list)]:
        reader.bad(("compare_to", knob), "a reference has one value for each knob", "a scalar")
    found = _partial(reader, {k: one for k, one in value.items() if not isinstance(one, list)}, ("compare_to",))
    return {knob: values[0] for knob, values in found.items() if values}


def _text(reader: Reader, data: dict[str, Any], key: str, default: str) -> str:
    value = data.get(key, default)
    if isinstance(value, str) and len(value) <= 500 and (key != "name" or value.strip()):
        return value
    quote = isinstance(value, bool | int | float)
    reader.bad((key,), f"{shown(value)} will not do", f"a short text{_QUOTE if quote else ''}")
    return default


def _whole(reader: Reader, data: dict[str, Any], key: str, low: int, high: int) -> int | None:
    if key not in data:
        return None
    value = data[key]
    if is_number(value, whole=True) and low <= value <= high:
        return int(value)
    reader.bad((key,), f"{shown(value)} will not do", f"a whole number from {low} to {high}")
    return None


def _one_of(reader: Reader, data: dict[str, Any], key: str, names: tuple[str, ...], default: str) -> str:
    if key not in data:
        return default
    found = reader.name(data[key], (key,), names, key)
    return default if found is BAD else str(found)


def _seconds(reader: Reader, data: dict[str, Any]) -> float | None:
    value = data.get("cell_timeout")
    if value is None or (is_number(value) and value > 0):
        return None if value is None else float(value)
    reader.bad(("cell_timeout",), f"{shown(value)} will not do", "seconds, more than 0")
    return None


def _flag(reader: Reader, data: dict[str, Any], key: str) -> bool:
    value = data.get(key, False)
    if not isinstance(value, bool):
        reader.bad((key,), f"{shown(value)} will not do", "true or false")
    return bool(value)
