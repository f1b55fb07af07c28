"""Reads the values of one spec and notes what is wrong with them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from harness.catalog.types import ModelRow
from harness.spec.source import Path_, Source

_MOST_LISTED, _LIKE = 20, 5  # names that are all told; else how many
BAD = object()  # what a parser returns after it has noted a fault


class Reader:
    """Parses values of one file and notes their faults; remembers the models it met."""

    def __init__(self, source: Source, *, fetch: bool = True) -> None:
        self.source, self.fetch = source, fetch  # ``fetch``: pictures in the web are brought here
        self.base = Path(source.path).parent
        self.normalise_weights = source.data.get("normalise_weights") is True
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
        return self.bad(place, f"{shown(value)} is no {what}", one_of(names, value), nearest(value, names))

    @staticmethod
    def path(text: str) -> Path:
        """A path as a person writes it; ``~`` is their home.

        Raises:
            FileNotFoundError: the home of somebody who does not exist.
        """
        try:
            return Path(text).expanduser()
        except RuntimeError as error:
            raise FileNotFoundError(text) from error


def shown(value: Any) -> str:
    """A value as a fault shows it."""
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def nearest(value: Any, names: Iterable[str]) -> str | None:
    """The known name that is most like a wrong one, upper and lower case aside."""
    lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(str(value)[:100].lower(), lower, n=1, cutoff=0.68)
    return lower[found[0]] if found else None


def one_of(names: Iterable[str], wrong: Any = None) -> str:
    """The names; where they are many, their number and the few that are most like the wrong one."""
    known = list(names)
    if len(known) <= _MOST_LISTED:
        return "one of " + ", ".join(known)
    lower = {name.lower(): name for name in known}
    close = difflib.get_close_matches(str(wrong)[:100].lower(), lower, n=_LIKE, cutoff=0) if wrong is not None else []
    some = ", ".join(lower[name] for name in close)
    return f"one of {len(known)} names" + (f", of which {some} are most like it" if some else "")


def is_number(value: Any, *, whole: bool = False) -> bool:
    """Whether a value is a number that fits 64 bits; ``true``, infinities and not-a-number are none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and not isinstance(value, int)):
        return False
    return abs(value) < 2**63
