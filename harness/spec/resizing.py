"""The named rules by which a picture is resized before a pipeline sees it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from harness.spec.reader import is_number, shown

Rule = str | dict[str, int]
Bad = Callable[[str, str], Any]
_SIZE = re.compile(r"([1-9][0-9]{0,4})x([1-9][0-9]{0,4})")
_SIDES = (8, 8192)
NO_RULE = "none"
_EXPECTED = "none, WIDTHxHEIGHT such as 768x512, {thumbnail: 768} or {crop: 768}"


def resize_rule(value: Any, bad: Bad) -> Rule | None:
    """The rule as a source records it; ``None`` for none of ours, and after a fault, which ``bad`` notes."""
    if value == NO_RULE:
        return None
    if isinstance(value, str) and (found := _SIZE.fullmatch(value)):
        rule: Rule = value
        sides = [int(found[1]), int(found[2])]
    elif isinstance(value, dict) and len(value) == 1 and next(iter(value)) in ("thumbnail", "crop"):
        rule, sides = dict(value), list(value.values())
    else:
        bad(f"{shown(value)} is no rule for resizing", _EXPECTED)
        return None
    if all(is_number(side, whole=True) and _SIDES[0] <= side <= _SIDES[1] for side in sides):
        return rule
    bad(f"{shown(value)} is out of bounds", f"sides from {_SIDES[0]} to {_SIDES[1]} pixels")
    return None
