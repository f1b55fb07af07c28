"""What of a plan the store holds already: for `harness plan`, without a worker and without a network."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base import Frozen
from harness.errors import HarnessError
from harness.plan.types import Plan
from harness.store.store import Store, open_store

if TYPE_CHECKING:
    from harness.run.keybook import KeyBook


class Share(Frozen):
    """So many of so many results of a stage."""

    stored: int
    of: int


class Stored(Frozen):
    """Stage → what of it is there: pictures; sets of features, one for each cell and network; timings of cells."""

    images: Share
    features: Share
    timings: Share

    @property
    def anything(self) -> bool:
        """Whether a run would take anything over."""
        return any((self.images.stored, self.features.stored, self.timings.stored))

    @property
    def lacks(self) -> bool:
        """Whether a run would make anything."""
        return any(one.stored < one.of for one in (self.images, self.features, self.timings))


def stored_already(plan: Plan, store_path: Path) -> Stored | None:
    """What a run in today's environment would take over; ``None`` where no run has looked at this environment yet.

    For a plan whose weights are all on this machine: what names them by content may otherwise ask the hub.
    """
    if not (store_path / "store.json").is_file():
        return None
    from harness.run.progress import Silent
    from harness.run.survey import keybook, survey  # its numpy and scipy wait until there is a store

    with suppress(HarnessError, OSError):  # whatever is in the way of a run says so there
        store = open_store(store_path, create=False)
        return _counted(store, plan, keybook(plan, survey(store, plan, None, Silent(), remembered=True)))
    return None


def stored_json(found: Stored | None) -> dict[str, object] | None:
    """For machines."""
    return None if found is None else found.model_dump(mode="json")


def render_stored(found: Stored | None) -> str:
    """For people; "" where nothing is known, or nothing is there."""
    if found is None or not found.anything:
        return ""
    kinds = {"pictures": found.images, "sets of features": found.features, "cells' timings": found.timings}
    parts = [f"{share.stored:,} of {share.of:,} {what}" for what, share in kinds.items() if share.of]
    left = "a run makes the rest, and the cost above is of all" if found.lacks else "nothing is left to make"
    return f"stored already: {', '.join(parts)}; {left}"


def _counted(store: Store, plan: Plan, book: KeyBook) -> Stored:
    from harness.run.scoring import needed_weights

    batches = [(cell, rows) for cell in plan.cells for rows in plan.batches(cell)]
    images = [(len(rows), store.has("images", book.images(cell, rows))) for cell, rows in batches]
    features = [store.has("features", book.features(c, name)) for c in plan.cells for name in needed_weights(plan, c)]
    timed = [cell for cell in plan.cells if plan.timing.enabled and not cell.is_converged]
    timings = [store.has("timing", book.timing(cell)) for cell in timed]
    return Stored(
        images=Share(stored=sum(count for count, there in images if there), of=sum(count for count, _ in images)),
        features=Share(stored=sum(features), of=len(features)),
        timings=Share(stored=sum(timings), of=len(timings)),
    )
