"""Files of votes, as they come back from people: checked as a whole, refused with the line of each fault."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any, get_args

from harness.compare.judge.keyring import PAGE_ID
from harness.compare.judge.types import VERSION, VOTES_FORMAT, Ballot, Choice, Key, Vote, Voter
from harness.errors import MissingError, UsageError
from harness.store.atomic import disk_error

LARGEST_BYTES = 5_000_000
MOST_FAULTS = 10  # told of one file
_LONGEST_NAME, _LONGEST_S, _LATEST_MS = 60, 86_400.0, 1e14
_VOTER_ID = re.compile(r"[0-9a-f]{16}")
_CHOICES = get_args(Choice)
_AGAIN = "save the votes on the page again, and leave the file as it is"


class _FaultError(Exception):
    """What is wrong with a file's head."""


def read_ballot(file: Path) -> Ballot:
    """Read a file that a page saved; whether its pairs are of the page is asked of the key, by :func:`check_pairs`.

    Raises:
        MissingError: there is no such file.
        UsageError: it is no file of votes; every fault is told with its line.
    """
    text = _text(file)
    content = _content(file, text)
    try:
        page, voter, saved_ms, votes = _head(content)
    except _FaultError as error:
        raise _bad(file, [str(error)]) from error
    lines = _lines_of_votes(text, len(votes))
    found = [(line, *_vote(vote)) for line, vote in zip(lines, votes, strict=True)]
    if faults := [f"line {line}: {fault}" for line, _, fault in found if fault]:
        raise _bad(file, faults)
    kept = tuple(vote for _, vote, _ in found if vote is not None)
    return Ballot(file=str(file), page=page, voter=voter, saved_ms=saved_ms, votes=kept)


def check_pairs(ballot: Ballot, key: Key) -> None:
    """Refuse votes on pairs that the page does not have, and more votes than it has pairs.

    Raises:
        UsageError: there are such, each told with its line.
    """
    if len(ballot.votes) > len(key.pairs):
        told = f"it holds {len(ballot.votes)} votes, and the page {key.page} has {len(key.pairs)} pairs"
        raise _bad(Path(ballot.file), [told])
    known = {pair.id for pair in key.pairs}
    if all(vote.pair in known for vote in ballot.votes):
        return
    lines = _lines_of_votes(_text(Path(ballot.file)), len(ballot.votes))
    faults = [
        f"line {line}: the page {key.page} has no pair {vote.pair!r}"
        for line, vote in zip(lines, ballot.votes, strict=True)
        if vote.pair not in known
    ]
    raise _bad(Path(ballot.file), faults)


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST_BYTES + 1)
    except (FileNotFoundError, IsADirectoryError) as error:
        raise MissingError(f"There is no file {file}.", do="the page's button *Save votes* writes one") from error
    except OSError as error:
        raise disk_error(file, error, "read") from error
    if len(data) > LARGEST_BYTES:
        raise _bad(file, [f"it is larger than {LARGEST_BYTES / 1e6:.0f} MB"])
    if not data.strip():
        raise _bad(file, ["it is empty"])
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _bad(file, [f"it is no text in UTF-8: {error.reason} at byte {error.start}"]) from error


def _content(file: Path, text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise _bad(file, [f"line {error.lineno}: it is no JSON: {error.msg}"]) from error
    except (ValueError, RecursionError) as error:
        raise _bad(file, [f"it is no JSON of ours: {str(error)[:200]}"]) from error


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _head(content: Any) -> tuple[str, Voter, int, list[Any]]:
    _exactly(content, ("format", "version", "page", "voter", "saved_ms", "votes"), "the file")
    if content["format"] != VOTES_FORMAT:
        raise _FaultError(f"its format is {_shown(content['format'])}, not {VOTES_FORMAT!r}")
    if content["version"] != VERSION:
        raise _FaultError(f"it is of version {_shown(content['version'])}, and this harness reads {VERSION}")
    if not (isinstance(content["page"], str) and PAGE_ID.fullmatch(content["page"])):
        raise _FaultError(f"{_shown(content['page'])} is no page's id")
    if not _is_number(content["saved_ms"], _LATEST_MS):
        raise _FaultError(f"saved_ms is {_shown(content['saved_ms'])}, no time")
    if not isinstance(content["votes"], list):
        raise _FaultError("its votes are no list")
    return content["page"], _voter(content["voter"]), int(content["saved_ms"]), content["votes"]


def _voter(found: Any) -> Voter:
    _exactly(found, ("id", "name"), "the voter")
    if not (isinstance(found["id"], str) and _VOTER_ID.fullmatch(found["id"])):
        raise _FaultError(f"{_shown(found['id'])} is no voter's id")
    name = found["name"]
    if not isinstance(name, str) or len(name) > _LONGEST_NAME:
        raise _FaultError(f"{_shown(name)} is no name of at most {_LONGEST_NAME} characters")
    return Voter(id=found["id"], name=_printable(name).strip())


def _printable(name: str) -> str:
    """A name without what could act on a terminal: such letters are replaced, for the votes are good all the same."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in name)


def _exactly(found: Any, names: Collection[str], what: str) -> None:
    if not isinstance(found, dict):
        raise _FaultError(f"{what} is no object")
    for name in names:
        if name not in found:
            raise _FaultError(f"{what} has no {name!r}")
    for name in found:
        if name not in names:
            raise _FaultError(f"{what} has {_shown(name)}, which is nothing that a page writes")


def _vote(found: Any) -> tuple[Vote | None, str]:
    """A vote, or what is wrong with it."""
    try:
        _exactly(found, ("pair", "choice", "seconds"), "the vote")
    except _FaultError as error:
        return None, str(error)
    if not isinstance(found["pair"], str):
        return None, f"{_shown(found['pair'])} is no pair's id"
    if found["choice"] not in _CHOICES:
        return None, f"the choice is {_shown(found['choice'])}, none of {', '.join(_CHOICES)}"
    if not _is_number(found["seconds"], _LONGEST_S):
        return None, f"seconds is {_shown(found['seconds'])}, no time of a day at most"
    return Vote(pair=found["pair"], choice=found["choice"], seconds=float(found["seconds"])), ""


def _is_number(value: Any, most: float) -> bool:
    is_one = isinstance(value, int | float) and not isinstance(value, bool)
    return is_one and abs(value) <= most and math.isfinite(value) and value >= 0


def _lines_of_votes(text: str, count: int) -> list[int]:
    """On which line each vote begins; the text was read as JSON already, and holds so many votes."""
    decoder, lines, line, counted = json.JSONDecoder(), [], 1, 0
    at = _begin_of_votes(text, decoder)
    for _ in range(count):
        at = _past(text, at)
        line, counted = line + text.count("\n", counted, at), at
        lines.append(line)
        _, at = decoder.raw_decode(text, at)
    return lines


def _begin_of_votes(text: str, decoder: json.JSONDecoder) -> int:
    """Where the list of votes begins: behind the key that *reads* "votes", however its letters are written."""
    at = _past(text, 0) + 1  # behind the file's brace
    while True:
        name, at = decoder.raw_decode(text, _past(text, at))
        at = _past(text, at)
        if name == "votes":
            return at + 1
        _, at = decoder.raw_decode(text, at)


def _past(text: str, at: int) -> int:
    """Behind blanks, and the marks between two values."""
    while text[at] in " \t\r\n,:":
        at += 1
    return at


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"


def _bad(file: Path, faults: list[str]) -> UsageError:
    told = faults[:MOST_FAULTS] + ([f"and {len(faults) - MOST_FAULTS} more"] if len(faults) > MOST_FAULTS else [])
    return UsageError(
        f"{file} is no good file of votes; none of it counts:\n" + "\n".join(f"  {fault}" for fault in told),
        expected="a file that a page of `harness judge` saved",
        do=_AGAIN,
    )
