"""What is not the same beside the pictures: packages, flags, devices, schedulers' configurations, weights."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.compare.ab import in_turns
from harness.compare.cases import CellPair
from harness.compare.types import Change
from harness.store.records import RunRecord

_ALWAYS_OTHERWISE = ("state",)  # load and free memory: how busy the machine was
_ABSENT = "absent"


def environment_changes(baseline: RunRecord, run: RunRecord) -> tuple[Change, ...]:
    """Packages, Python, torch's flags, device, driver, hardware and the harness's own revision."""
    theirs, mine = _lasting(baseline), _lasting(run)
    return tuple(Change(name=name, baseline=old, run=new) for name, old, new in _differing(theirs, mine))


def scheduler_changes(pairs: Sequence[CellPair]) -> tuple[Change, ...]:
    """Of the schedulers as loaded: a default that a library changed shows here though no spec did."""
    return _gathered((pair, _of_schedulers(pair)) for pair in pairs)


def weight_changes(pairs: Sequence[CellPair]) -> tuple[Change, ...]:
    """Of the digests of every part's weights."""
    return _gathered((pair, _of_weights(pair)) for pair in pairs)


def unknown_changes(baseline: RunRecord, run: RunRecord) -> tuple[str, ...]:
    """What may differ though no record says so: a harness without a revision, or with files that differ from it.

    Two halves of one `harness ab` were made by one harness.
    """
    if baseline.run_id == run.run_id or in_turns(baseline, run):
        return ()
    sides = {"baseline": _source(baseline), "run": _source(run)}
    without = [side for side, source in sides.items() if not source.get("revision")]
    dirty = [side for side, source in sides.items() if source.get("dirty")]
    which = f"of the {without[0]}" if len(without) == 1 else "of either run"
    whose = " and the ".join(dirty)
    told = (
        (without, f"The harness's own revision {which} is not known: whether its code changed is not known."),
        (dirty, f"The harness of the {whose} had files that differ from its revision: what changed is not known."),
    )
    return tuple(sentence for of, sentence in told if of)


def scoring_notes(pairs: Sequence[CellPair]) -> tuple[str, ...]:
    """That the harness's own code made the two runs' scores otherwise, as far as both say what it was."""
    both = [(pair.old.scoring_code, pair.new.scoring_code) for pair in pairs]
    if all(old == new for old, new in both if old and new):
        return ()
    return (
        "The harness's code that makes scores of what was seen, and verdicts of scores, is not the same in the two "
        "runs: a score may have moved with it and not with its picture.",
    )


def _source(run: RunRecord) -> dict[str, Any]:
    found = run.environment.get("source")
    return found if isinstance(found, dict) else {}


def _lasting(run: RunRecord) -> dict[str, Any]:
    return flat({name: value for name, value in run.environment.items() if name not in _ALWAYS_OTHERWISE})


Difference = tuple[str, Any, Any]  # name, in the baseline, in the run


def _of_schedulers(pair: CellPair) -> list[Difference]:
    old, new = pair.old.scheduler, pair.new.scheduler
    if not old or not new:
        return []
    name = str(old.get("class_name", "scheduler"))
    return [(f"{name} {key}", one, other) for key, one, other in _differing(flat(old), flat(new))]


def _of_weights(pair: CellPair) -> list[Difference]:
    old, new = pair.old.weights, pair.new.weights
    if not old or not new:  # of a cell that failed, or was not made, none are known
        return []
    parts = dict.fromkeys([*old, *new])
    sums = [(part, _digest(old.get(part)), _digest(new.get(part))) for part in parts]
    return [(part, one, other) for part, one, other in sums if one != other]


def _digest(part: Any) -> str:
    return str(part.get("digest", _ABSENT)) if isinstance(part, dict) else _ABSENT


def _gathered(found: Iterable[tuple[CellPair, list[Difference]]]) -> tuple[Change, ...]:
    """The same difference of several cells told once, with all their names."""
    cells: dict[tuple[str, str, str], list[str]] = {}
    values: dict[tuple[str, str, str], tuple[Any, Any]] = {}
    for pair, differences in found:
        for name, old, new in differences:
            key = (name, json.dumps(old, sort_keys=True), json.dumps(new, sort_keys=True))
            cells.setdefault(key, []).append(pair.old.label)
            values[key] = (old, new)
    return tuple(
        Change(name=key[0], baseline=old, run=new, cells=tuple(cells[key])) for key, (old, new) in values.items()
    )


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """Names whose values differ, in the order of the first that has them."""
    names = dict.fromkeys([*old, *new])
    both = [(name, old.get(name, _ABSENT), new.get(name, _ABSENT)) for name in names]
    return [(name, one, other) for name, one, other in both if one != other]


def flat(mapping: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A nested mapping's values by their names, joined by dots."""
    found: dict[str, Any] = {}
    for key, value in mapping.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return found
