"""A run's keys change exactly when they must, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from support.plans import EXTRACTOR, SCORER, make_plan

from harness.base import digest
from harness.catalog.types import Place
from harness.plan.keys import Identity
from harness.plan.types import Plan
from harness.run.keybook import KeyBook
from harness.run.weights import Part, Weights

PLACE = Place(kind="folder", where="/somewhere")
MAKING = Identity(device="a CPU", versions={"torch": "2.14"}, flags={"tf32": False}, threads=1, source="a")
SCORING = MAKING.model_copy(update={"source": "b"})
ESTIMATING = MAKING.model_copy(update={"source": "c"})
PLAN = make_plan(cells=2, rows=8)


def _weights(**digests: str) -> Weights:
    return Weights({name: Part(PLACE, digest(value)) for name, value in digests.items()})


BOOK = KeyBook(
    plan=PLAN, identity=MAKING, score_identity=SCORING, hint_identity=ESTIMATING, fingerprint="here",
    models={"mini-2.2": _weights(prior="p", decoder="d")},
    scorers={SCORER: _weights(weights="s"), EXTRACTOR: _weights(weights="e")},
)  # fmt: skip


def _keys(book: KeyBook, place: int = 0) -> dict[str, str]:
    """A cell's keys: of its first batch, its features under two networks, its timing."""
    cell, rows = book.plan.cells[place], book.plan.batches(book.plan.cells[place])[0]
    return {"prior": book.prior(cell, rows), "images": book.images(cell, rows), SCORER: book.features(cell, SCORER),
            EXTRACTOR: book.features(cell, EXTRACTOR), "timing": book.timing(cell)}  # fmt: skip


def _changed(**changes: Any) -> set[str]:
    """Which keys change with a part of the book (anew: pictures' keys are remembered)."""
    other = _keys(replace(BOOK, _images={}, **changes))
    return {name for name, key in _keys(BOOK).items() if other[name] != key}


def _timing(**changes: Any) -> Plan:
    return PLAN.model_copy(update={"timing": PLAN.timing.model_copy(update=changes)})


ALL = {"prior", "images", SCORER, EXTRACTOR, "timing"}
MADE = ALL - {"timing"}


@pytest.mark.parametrize(
    ("changes", "changed"),
    [
        ({}, set()),
        ({"identity": MAKING.model_copy(update={"threads": 2})}, MADE),
        ({"score_identity": SCORING.model_copy(update={"source": "c"})}, {SCORER, EXTRACTOR}),
        ({"fingerprint": "there"}, {"timing"}),
        ({"models": {"mini-2.2": _weights(prior="other", decoder="d")}}, ALL),
        ({"models": {"mini-2.2": _weights(prior="p", decoder="other")}}, ALL - {"prior"}),
        ({"scorers": {**BOOK.scorers, SCORER: _weights(weights="other")}}, {SCORER}),
        ({"plan": _timing(repeats=9)}, {"timing"}),
        ({"plan": _timing(rounds=9)}, {"timing"}),
        ({"plan": _timing(batch=2)}, {"timing"}),
        ({"plan": PLAN.model_copy(update={"name": "x", "margins": {}, "spec_text": "", "cell_timeout_s": 9.0})}, set()),
    ],
)
def test_a_key_follows_what_makes_its_result(changes: dict[str, Any], changed: set[str]) -> None:
    assert _changed(**changes) == changed


def test_cells_that_differ_in_the_decoder_share_a_prior_and_nothing_else() -> None:
    one, two = _keys(BOOK, 0), _keys(BOOK, 1)
    assert {name for name in one if one[name] == two[name]} == {"prior"}
    assert len(set(one.values())) == len(one)


def test_batches_have_keys_of_their_own() -> None:
    cell = PLAN.cells[0]
    assert len({BOOK.images(cell, rows) for rows in PLAN.batches(cell)}) == len(PLAN.batches(cell)) == 2


def test_a_record_tells_where_the_parts_came_from() -> None:
    hub = Weights(
        {"prior": Part(Place(kind="hub", where="a/b", revision="c0ffee"), "c0ffee"), "decoder": Part(PLACE, "d")}
    )
    book = replace(BOOK, models={"mini-2.2": hub})
    assert book.weights(PLAN.cells[0]) == {
        "prior": {"place": "a/b", "kind": "hub", "revision": "c0ffee", "digest": "c0ffee"},
        "decoder": {"place": "/somewhere", "kind": "folder", "revision": None, "digest": "d"},
    }
