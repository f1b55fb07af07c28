"""A field of cells and a seed → the key of a page, and the pictures that the page shows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.base import digest
from harness.compare.judge.design import Drawn, arranged, meetings, pairs_within, repeats_of, rows_in_turn
from harness.compare.judge.field import Field, is_linked
from harness.compare.judge.types import QUESTION, Key, Pair
from harness.compare.matching import RowPair
from harness.compare.pictures import Pixels, opened
from harness.errors import MissingError, UsageError
from harness.report.inputs import things_of
from harness.report.text import plural

_NOT_SHOWN = "cannot be shown: it is damaged, too large, or no longer stored"
VOTES_OF_MANY = 200  # asked for where more than two cells meet and nobody says how many


@dataclass(frozen=True)
class Shown:
    """A pair with what the page shows: PNG bytes of both sides, and what both pictures start from."""

    pair: Pair
    left: bytes
    right: bytes
    negative: str
    starts: tuple[tuple[str, bytes | str], ...]


@dataclass(frozen=True)
class Chosen:
    """The pairs of a page before they have sides: (bout, row), bouts met with identical pictures, and damaged ones."""

    pairs: tuple[tuple[int, int], ...]
    identical: tuple[int, ...]
    unread: int


def make(
    field: Field, run_id: str, *, votes: int | None, seed: int, question: str = QUESTION
) -> tuple[Key, list[Shown]]:
    """Choose the pairs and put them on their sides.

    Args:
        field: who may meet whom.
        run_id: the run that was asked about.
        votes: how many are asked of a person, repeats among them; ``None``: every pair of two cells, or 200.
        seed: of rows, sides and order.
        question: what a person is asked.

    Raises:
        UsageError: too few votes to connect the cells, or nothing to see.
    """
    rng = np.random.default_rng(seed)
    names = _names_in_turn(field, rng)
    chosen = _chosen(field, names, _most_pairs(field, len(names), votes))
    drawn = arranged(chosen.pairs, rng)
    pairs = [_pair(field, names, one) for one in drawn]
    page = digest([run_id, seed, question, [pair.model_dump() for pair in pairs], [s.label for s in field.stands]])[:16]
    pairs = _identified(page, pairs, drawn)
    key = Key(
        page=page,
        run_id=run_id,
        question=question,
        seed=seed,
        contestants=tuple(stand.named for stand in field.stands),
        pairs=tuple(pairs),
        identical=tuple(field.bouts[bout] for bout in chosen.identical),
        notes=_notes(field, chosen),
    )
    return key, [_shown(field, names, one, pair) for one, pair in zip(drawn, pairs, strict=True)]


def _names_in_turn(field: Field, rng: np.random.Generator) -> list[str]:
    names = list(field.rows[0])
    return [names[place] for place in rows_in_turn([field.rows[0][name][0].prompt_id for name in names], rng)]


def _most_pairs(field: Field, rows: int, votes: int | None) -> int:
    every = len(field.bouts) * rows
    if votes is None:
        votes = every + repeats_of(every) if len(field.bouts) == 1 else VOTES_OF_MANY
    return min(pairs_within(votes), every)


def _chosen(field: Field, names: list[str], most: int) -> Chosen:
    """Pairs in the balanced order until there are enough; those with the same pixels are set aside."""
    pairs: list[tuple[int, int]] = []
    identical: list[int] = []
    unread = 0
    for bout, row in meetings(len(field.bouts), len(names)):
        if len(pairs) == most:
            break
        seen = _seen(field, bout, names[row])
        if seen is None:
            unread += 1
        elif np.array_equal(*seen):
            identical.append(bout)
        else:
            pairs.append((bout, row))
    if not pairs and not identical:
        raise MissingError("Not one pair of pictures can be read.", do="`harness store check` looks for damage")
    if not pairs:
        raise UsageError("All pictures of these cells are identical: there is nothing to judge.")
    met = [field.bouts[bout] for bout, _ in pairs]
    if field.linked and not is_linked(len(field.stands), met) and most < len(field.bouts) * len(names):
        raise UsageError(
            f"{plural(most, 'pair')} cannot connect {len(field.stands)} cells: some would meet nobody.",
            expected=f"--pairs of {2 * len(field.stands)} or more, better ten for each cell",
            do="ask for more votes, or choose fewer cells with --cell",
        )
    return Chosen(tuple(pairs), tuple(identical), unread)


def _seen(field: Field, bout: int, name: str) -> tuple[Pixels, Pixels] | None:
    """What both pictures show; ``None``: one is damaged, or larger than its cell makes them."""
    pngs = _pngs(field, bout, name)
    if pngs is None:
        return None
    stands = [field.stands[place] for place in field.bouts[bout]]
    one, other = (opened(png, stand.cell.settings) for png, stand in zip(pngs, stands, strict=True))
    return None if one is None or other is None else (one, other)


def _pngs(field: Field, bout: int, name: str) -> tuple[bytes, bytes] | None:
    """Both pictures' bytes; ``None``: one is damaged."""
    sides = zip((field.stands[place] for place in field.bouts[bout]), field.rows[bout][name], strict=True)
    one, other = (stand.view.picture(stand.cell, row) for stand, row in sides)
    return (one, other) if one is not None and other is not None else None


def _pair(field: Field, names: list[str], drawn: Drawn) -> Pair:
    left, right = _turned(field.bouts[drawn.bout], drawn)
    row = field.rows[drawn.bout][names[drawn.row]][0]
    return Pair(id="", left=left, right=right, prompt_id=row.prompt_id, prompt=row.prompt, seed=row.seed)


def _turned(two: tuple[int, int], drawn: Drawn) -> tuple[int, int]:
    return (two[1], two[0]) if drawn.turned else two


def _identified(page: str, pairs: list[Pair], drawn: list[Drawn]) -> list[Pair]:
    """With ids that tell nothing but the page and the place."""
    ids = [digest([page, place])[:12] for place in range(len(pairs))]
    again = [None if one.repeats is None else ids[one.repeats] for one in drawn]
    return [
        pair.model_copy(update={"id": name, "repeats": of}) for pair, name, of in zip(pairs, ids, again, strict=True)
    ]


def _notes(field: Field, chosen: Chosen) -> tuple[str, ...]:
    same = len(chosen.identical)
    told = [f"{plural(same, 'pair')} with identical pictures: not shown, and in no rate"] if same else []
    told += (
        [f"{plural(chosen.unread, 'pair')} left out: a picture is damaged, or larger than its cell makes them"]
        if chosen.unread
        else []
    )
    return (*field.notes, *told)


def _shown(field: Field, names: list[str], drawn: Drawn, pair: Pair) -> Shown:
    pngs = _pngs(field, drawn.bout, names[drawn.row])
    assert pngs is not None  # it was chosen
    left, right = (pngs[1], pngs[0]) if drawn.turned else pngs
    rows = field.rows[drawn.bout][names[drawn.row]]
    return Shown(pair, left, right, rows[0].negative_prompt or "", _starts(field, drawn.bout, rows))


def _starts(field: Field, bout: int, rows: RowPair) -> tuple[tuple[str, bytes | str], ...]:
    """What both pictures start from; what only one of them does would tell which it is."""
    one, other = (field.stands[place] for place in field.bouts[bout])
    things, theirs = things_of(one.cell, rows[0]), things_of(other.cell, rows[1])
    found: list[tuple[str, bytes | str]] = []
    for label, thing in things.items():
        if theirs.get(label) == thing:
            shown = (thing.png(one.view) or _NOT_SHOWN) if thing.is_picture else thing.text
            found += [(label, shown)] if shown else []
    return tuple(found)
