"""Every key of a run, made once: what the store is asked for, and what its answers are kept under."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.base import digest
from harness.catalog.metrics import CONVERGED, METRICS
from harness.catalog.tasks import TASKS, parts_of
from harness.plan.keys import Identity, features_key, hint_key, images_key, prior_key, timing_key
from harness.plan.types import Cell, InputRow, Plan
from harness.run.reference_sets import KnownSet
from harness.run.weights import Weights
from harness.spec.types import ESTIMATE


@dataclass(frozen=True)
class KeyBook:
    """Keys from the plan, the weights' digests and the environment's identity.

    ``score_identity`` stands for what computes features, ``hint_identity`` for what estimates depth; ``fingerprint`` is
    the whole environment, for timings.
    """

    plan: Plan
    identity: Identity
    score_identity: Identity
    hint_identity: Identity
    fingerprint: str
    models: dict[str, Weights]  # model name -> its parts
    scorers: dict[str, Weights]  # weights name -> its one part
    reference_set: KnownSet | None = None  # the one that the spec names
    _images: dict[tuple[str, str], str] = field(default_factory=dict)

    def prior(self, cell: Cell, rows: tuple[InputRow, ...]) -> str | None:
        """Of a batch's image embeddings and the generators' states after them, where those are kept."""
        return prior_key(cell.settings, rows, self._digests(cell), self.identity)

    def images(self, cell: Cell, rows: tuple[InputRow, ...]) -> str:
        """Of a batch's pictures."""
        place = (cell.id, rows[0].id)
        if place not in self._images:
            prior, hints = self.prior(cell, rows), self.hints(cell, rows)
            digests = self._digests(cell)
            self._images[place] = images_key(cell.settings, rows, digests, self.identity, prior, hints)
        return self._images[place]

    def hints(self, cell: Cell, rows: tuple[InputRow, ...]) -> list[str | None]:
        """For each row, the key of the depth that is estimated for it; ``None`` where nothing is."""
        if "hint" not in TASKS[cell.settings.task].inputs:
            return [None] * len(rows)
        return [self._hint(cell, row) if row.hint == ESTIMATE else None for row in rows]

    def _hint(self, cell: Cell, row: InputRow) -> str:
        estimator = self.plan.models[cell.settings.model].depth
        assert estimator is not None and row.image is not None
        return hint_key(row.image, self.scorers[estimator].digest, self.hint_identity)

    def features(self, cell: Cell, weights_name: str, *, converged: bool = True) -> str:
        """Of all of a cell's pictures under one scorer's or extractor's weights.

        ``converged``: held against the cell's converged solution, where it has one and these weights look at it.
        """
        rows = self.plan.rows_of(cell)
        against = self.converged(cell, weights_name) if converged else []
        digest_, hints = self.scorers[weights_name].digest, self.hints(cell, rows)
        return features_key(cell.settings, rows, self._batches(cell), hints, digest_, self.score_identity, against)

    def reference(self, weights_name: str) -> str | None:
        """Of the features of the reference set's pictures; ``None`` where there are no pictures to look at."""
        known = self.reference_set
        if known is None or not known.has_pictures:
            return None
        made_of = [known.identity, self.scorers[weights_name].digest, self.score_identity.model_dump(mode="json")]
        return digest({"stage": "reference set", "made_of": made_of})

    def converged(self, cell: Cell, weights_name: str) -> list[str]:
        """Of the pictures that the first of a cell's would become, where these weights look at them."""
        uses = self.plan.models[cell.settings.model].weights_of(METRICS[CONVERGED].uses)
        if cell.converged is None or weights_name != uses:
            return []
        return self._batches(self.plan.cell(cell.converged))

    def _batches(self, cell: Cell) -> list[str]:
        return [self.images(cell, rows) for rows in self.plan.batches(cell)]

    def timing(self, cell: Cell) -> str:
        """Of a cell's timing: only an identical environment may take it over."""
        rows = self.plan.rows_of(cell)[: self.plan.timing.batch]
        rules = digest(self.plan.timing.model_dump(mode="json"))
        return timing_key(cell.settings, rows, self._digests(cell), digest([self.fingerprint, rules]))

    def latents(self, cell: Cell) -> str:
        """Of the latents of each step of a cell's timed picture, as the timing's instrumented call leaves them."""
        return digest({"stage": "latents", "timing": self.timing(cell)})

    def weights(self, cell: Cell) -> dict[str, Any]:
        """Where a cell's parts came from: part -> place, revision, digest."""
        record = self.models[cell.settings.model].record()
        estimator = self.plan.estimator_of(cell)
        depth = {} if estimator is None else {"depth estimator": self.scorers[estimator].record()["weights"]}
        return {part: record[part] for part in self._parts(cell)} | depth

    def _digests(self, cell: Cell) -> dict[str, str]:
        digests = self.models[cell.settings.model].digests()
        return {part: digests[part] for part in self._parts(cell)}

    def _parts(self, cell: Cell) -> tuple[str, ...]:
        return parts_of(self.plan.models[cell.settings.model], cell.settings.task)
