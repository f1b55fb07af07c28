"""Features asked of a worker: whether the store has them, whose they are, and what went wrong. Without torch here."""

from __future__ import annotations

from harness.errors import HarnessError, StoreError
from harness.run.desk import Desk
from harness.run.executor import call
from harness.run.pictures import metadata_of
from harness.run.protocol import Extract, ExtractSet
from harness.run.station import Station, raise_if_disk
from harness.store.records import Failure


def have_features(desk: Desk, key: str) -> bool:
    """Whether features need not be computed (under ``fresh``: this very run did)."""
    return desk.store.has("features", key) and (not desk.fresh or features_made_in(desk, key) == desk.run_id)


def features_made_in(desk: Desk, key: str) -> str:
    """The id of the run that computed stored features."""
    return metadata_of(desk.store.get("features", key)).get("made_in", "")


def failure_of(desk: Desk, station: Station, request: Extract | ExtractSet) -> Failure | None:
    """What went wrong, be it that no worker can be had; a full disk is nobody's own fault and is raised."""
    try:
        reply = call(station.worker(), request, desk.plan.cell_timeout_s)
    except StoreError:
        raise
    except HarnessError as error:
        return Failure(kind="worker-died", reason=error.happened, do=error.do)
    raise_if_disk(reply)
    return reply.failure
