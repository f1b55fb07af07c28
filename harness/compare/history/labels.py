"""Names for series that have one label: what tells each from the others is put behind it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from harness.compare.history.gather import Joined
from harness.plan.only import value_in
from harness.spec.knobs import KNOBS

_LONG = 24


def labels(series: Sequence[Joined]) -> list[str]:
    """A label for each, in their order; no two are the same.

    A label names the knobs that were swept in its own run. Two runs may sweep the same knob and differ in another, or
    be of two machines: "DDIM (guidance_scale 4)" and "DDIM (guidance_scale 2)".
    """
    found = [one.cell for one in series]
    for label in dict.fromkeys(found):
        alike = [place for place, one in enumerate(series) if one.cell == label]
        for place, words in zip(alike, _apart([series[place] for place in alike]), strict=True):
            found[place] = f"{label} ({words})" if words else label
    return found


def _apart(series: Sequence[Joined]) -> Iterator[str]:
    """For each what tells it from the rest, in as few things as that takes; "" of a single one."""
    about = [_about(one) for one in series]
    chosen: list[str] = []
    for name in dict.fromkeys(name for one in about for name in one):
        if _kinds(about, [*chosen, name]) > _kinds(about, chosen):
            chosen.append(name)
    alike = _kinds(about, chosen) < len(series)
    for place, one in enumerate(about):
        told = [f"{name} {_short(one.get(name, 'none'))}" for name in chosen]
        yield ", ".join([*told, f"series {place + 1}"] if alike else told)


def _kinds(about: Sequence[dict[str, str]], names: Sequence[str]) -> int:
    """How many can be told apart by these things, as they are shown."""
    return len({tuple(_short(one.get(name, "none")) for name in names) for one in about})


def _about(one: Joined) -> dict[str, str]:
    """Every knob of its newest cell, then what its numbers share."""
    assert one.last is not None  # a series has a point
    view, record = one.last
    cell = view.plan.cell(record.cell_id)
    return {knob: value_in(cell, knob) for knob in KNOBS} | {name: str(value) for name, value in one.shares.items()}


def _short(text: str) -> str:
    return text if len(text) <= _LONG else f"{text[: _LONG - 1]}…"
