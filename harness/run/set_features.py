"""A reference set under one network: its features by a worker, once, then read from the store. Without torch here."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from safetensors.numpy import load

from harness.catalog.metrics import METRICS
from harness.plan.types import Cell, Plan
from harness.run.desk import Desk
from harness.run.feature_requests import failure_of, have_features
from harness.run.keybook import KeyBook
from harness.run.pictures import metadata_of
from harness.run.protocol import ExtractSet
from harness.run.station import Station
from harness.run.survey import weights_for
from harness.run.weights import shipped_statistics
from harness.score.reference_set import Reference
from harness.score.statistics_file import load_reference
from harness.store.records import Failure
from harness.store.store import Store

_KEPT = 4  # references that stay in memory, with what follows from them


def weights_against_set(plan: Plan, cell: Cell) -> list[str]:
    """Names of the weights under which a cell's metrics look at a reference set."""
    return sorted({name for metric, name in weights_for(plan, cell).items() if METRICS[metric].against_set})


def keys_of(plan: Plan, book: KeyBook, cell: Cell) -> dict[str, str]:
    """Weights name → key of the reference set's features, for a cell; empty where a file has its own."""
    keys = {name: book.reference(name) for name in weights_against_set(plan, cell)}
    return {name: key for name, key in keys.items() if key is not None}


def look_at_set(desk: Desk, station: Station, name: str) -> Failure | None:
    """Features of the reference set under one network, unless the store has them; what went wrong."""
    key, known = desk.keys.reference(name), desk.keys.reference_set
    if key is None or known is None or have_features(desk, key):
        return None
    if key in desk.lost_sets:
        return desk.lost_sets[key]
    desk.tell.say(f"reference set: looking at {known.asked.label} with {name}, once")
    request = ExtractSet(
        weights=desk.scorers[name], asked=known.asked, content=known.content, features_key=key, made_in=desk.run_id
    )
    failure = failure_of(desk, station, request)
    if failure is not None:
        desk.go_on()
        desk.tell.say(f"reference set: {failure.reason}")
        desk.lost_sets[key] = failure  # not tried again for each cell
    return failure


def reference_of(desk: Desk, name: str) -> Reference | str:
    """The reference set under one network, or why there is none.

    Raises:
        MissingError: a file that cannot be used.
        StoreError: its features are gone or damaged.
    """
    known, place, digest = desk.keys.reference_set, desk.scorers[name].place, desk.keys.scorers[name].digest
    if known is None:
        shipped = shipped_statistics(place)
        if shipped is None:
            return f"{name} brings no reference statistics: name a `reference_set` in the spec"
        found = _filed(shipped, digest)  # the package's own file lies beside the very weights that it was made with
        return replace(found, made_with=None) if place is not None and place.kind == "package" else found
    key = desk.keys.reference(name)
    if key is None:
        assert known.asked.path is not None
        return _filed(Path(known.asked.path), known.identity)
    found = _stored(desk.store, key)
    told = {"files_not_taken": str(known.not_taken)} if known.not_taken else {}
    return replace(found, about=found.about | told) if told else found


@lru_cache(_KEPT)
def _filed(path: Path, _: str) -> Reference:
    """A file's, kept for as long as its digest is the same."""
    return load_reference(path)


@lru_cache(_KEPT)
def _stored(store: Store, key: str) -> Reference:
    data = store.get("features", key)
    about = metadata_of(data)
    told = {name: value for name, value in about.items() if name in ("pictures", "of", "seed")}
    return Reference(told, about["content"], features=load(data)["features"])
