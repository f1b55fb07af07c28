"""``--only knob=value``: the cells to keep, with the references that they need."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from harness.errors import UsageError
from harness.plan.types import Cell
from harness.spec.knobs import KNOBS, label_of
from harness.spec.reader import nearest

_OUTSIDE_BRACKETS = re.compile(r",(?![^(]*\))")


def keep_only(cells: list[Cell], only: Mapping[str, Sequence[str]]) -> tuple[list[Cell], tuple[str, ...]]:
    """The cells that have one of the wanted values for each knob, and their references; with a note if any was added.

    Each text is a value as labels show it, commas included, or several of them with commas between.

    Raises:
        UsageError: a knob that does not exist, a value that no cell has, or values that no cell has together.
    """
    wanted = {knob: _wanted(cells, knob, texts) for knob, texts in only.items()}
    kept = [cell for cell in cells if all(canonical(value_in(cell, knob)) in wanted[knob] for knob in only)]
    if not kept:
        raise UsageError("--only leaves no cell.", expected="values that some cell has together: see `harness plan`")
    ids = {cell.id for cell in kept}
    added = [cell for cell in cells if cell.id in {c.reference for c in kept} and cell.id not in ids]
    notes = tuple(f"--only keeps {cell.label} too: others are compared with it" for cell in added)
    ids |= {cell.id for cell in added}
    return [cell for cell in cells if cell.id in ids], notes


def value_in(cell: Cell, knob: str) -> str:
    """A cell's value of a knob, as labels show it."""
    settings = cell.settings
    value = (settings.height, settings.width) if knob == "size" else getattr(settings, knob)
    return str(label_of(knob, value))


def _wanted(cells: list[Cell], knob: str, texts: Sequence[str]) -> set[str]:
    """The values, in their canonical form, that the texts ask for."""
    if knob not in KNOBS:
        guess = nearest(knob, KNOBS)
        raise UsageError(
            f"--only {knob}=…: {knob!r} is no knob.",
            expected="one of " + ", ".join(KNOBS),
            do=f"did you mean {guess}?" if guess else "",
        )
    there = list(dict.fromkeys(value_in(cell, knob) for cell in cells))
    known = {canonical(value) for value in there}
    values = [value for text in texts for value in _values(text, known)]
    for value in values:
        if canonical(value) not in known:
            guess = nearest(value, there)
            raise UsageError(
                f"--only {knob}={value}: no cell has it.",
                expected="one of " + ", ".join(there),
                do=f"did you mean {guess}?" if guess else "",
            )
    return {canonical(value) for value in values}


def _values(text: str, known: Collection[str]) -> list[str]:
    """One value where the whole text is one; else what stands between the commas outside brackets."""
    return [text] if canonical(text) in known else _OUTSIDE_BRACKETS.split(text)


def canonical(text: str) -> str:
    """``4`` and ``4.0``, ``DDIM`` and ``DDIMScheduler``, ``64`` and ``64x64`` are the same."""
    plain = text.strip().removesuffix("Scheduler")
    width, cross, height = plain.partition("x")
    if cross and width == height:
        plain = width
    try:
        return repr(float(plain))
    except ValueError:
        return plain
