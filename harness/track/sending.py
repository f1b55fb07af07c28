"""Content → MLflow, through ``MlflowClient`` alone: found again by its tags, so that sending twice doubles nothing.

The one module that imports mlflow; import it inside :func:`harness.track.quiet.quiet`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any, TypeVar

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException

from harness.track.content import Content
from harness.track.destination import Destination

_OURS = ("kandinsky.", "missing.", "verdict.")
_METRICS, _TEXTS = 800, 100  # of each kind in a request, which takes 100 parameters, 100 tags and 1,000 things in all
_Thing = TypeVar("_Thing")


class Sender:
    """One experiment at one place. Every method may be repeated: the result is the same."""

    def __init__(self, where: Destination, experiment: str) -> None:
        self._client = MlflowClient(tracking_uri=where.uri)
        self.experiment_id = self._experiment(experiment, where.artifact_location)

    def find(self, tags: dict[str, str]) -> list[Any]:
        """The experiment's MLflow runs that have all of these tags."""
        query = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
        found, token = [], None
        while True:
            page = self._client.search_runs(
                [self.experiment_id], filter_string=query, run_view_type=ViewType.ACTIVE_ONLY, page_token=token
            )
            found += list(page)
            token = page.token
            if not token:
                return found

    def send(self, known: Any | None, told: Content, write_files: Callable[[Path], None]) -> str:
        """Make the MLflow run, or complete the one that is known; gives its id.

        The tags that it is found by are part of its making, the status comes last: a run that was cut off half-way
        is found again and says RUNNING until it is whole.
        """
        if known is None:
            known = self._client.create_run(
                self.experiment_id, start_time=told.started_ms, tags=told.tags, run_name=told.name
            )
        run_id = str(known.info.run_id)
        self._forget(run_id, set(known.data.tags) - set(told.tags))
        for metrics, parameters, tags in _batches(told):
            self._client.log_batch(run_id, metrics, parameters, tags)
        with tempfile.TemporaryDirectory() as folder:
            write_files(Path(folder))
            self._client.log_artifacts(run_id, folder)
        return run_id

    def close(self, run_id: str, told: Content) -> None:
        """Set how the run ended and when; one that is under way stays open."""
        if told.finished_ms is None:
            self._client.update_run(run_id, status=told.status)
        else:
            self._client.set_terminated(run_id, status=told.status, end_time=told.finished_ms)

    def _forget(self, run_id: str, stale: set[str]) -> None:
        """Take away what an earlier sending said and is no longer so: a failure, a missing number."""
        for key in sorted(stale):
            if key.startswith(_OURS):
                self._client.delete_tag(run_id, key)

    def _experiment(self, name: str, artifact_location: str | None) -> str:
        known = self._client.get_experiment_by_name(name)
        if known is None:
            try:
                return str(self._client.create_experiment(name, artifact_location=artifact_location))
            except MlflowException:
                known = self._client.get_experiment_by_name(name)  # another process may just have made it
                if known is None:
                    raise
        return str(known.experiment_id)


def _batches(told: Content) -> Iterator[tuple[Sequence[Metric], Sequence[Param], Sequence[RunTag]]]:
    """All of it, in as few requests as MLflow's limits leave; every number at the time when its record was closed."""
    when = told.finished_ms or told.started_ms
    metrics = [Metric(point.key, point.value, when, point.step) for point in told.points]
    parameters = [Param(key, value) for key, value in told.parameters.items()]
    tags = [RunTag(key, value) for key, value in told.tags.items()]
    return zip_longest(_cut(metrics, _METRICS), _cut(parameters, _TEXTS), _cut(tags, _TEXTS), fillvalue=())


def _cut(things: list[_Thing], size: int) -> list[list[_Thing]]:
    return [things[i : i + size] for i in range(0, len(things), size)]
