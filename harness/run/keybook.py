"""Every key of a run, made once: what the store is asked for, and what its answers are kept under."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.base import digest
from harness.plan.keys import Identity, features_key, images_key, prior_key, timing_key
from harness.plan.types import Cell, InputRow, Plan
from harness.run.weights import Weights


@dataclass(frozen=True)
class KeyBook:
    """Keys from the plan, the weights' digests and the environment's identity.

    ``score_identity`` stands for what computes features; ``fingerprint`` is the whole environment, for timings.
    """

    plan: Plan
    identity: Identity
    score_identity: Identity
    fingerprint: str
    models: dict[str, Weights]  # model name -> its parts
    scorers: dict[str, Weights]  # weights name -> its one part
    _images: dict[tuple[str, str], str] = field(default_factory=dict)

    def prior(self, cell: Cell, rows: tuple[InputRow, ...]) -> str:
        """Of a batch's image embeddings and the generators' states after them."""
        return prior_key(cell.settings, rows, self._digests(cell), self.identity)

    def images(self, cell: Cell, rows: tuple[InputRow, ...]) -> str:
        """Of a batch's pictures."""
        place = (cell.id, rows[0].id)
        if place not in self._images:
            self._images[place] = images_key(
                cell.settings, rows, self._digests(cell), self.identity, self.prior(cell, rows)
            )
        return self._images[place]

    def features(self, cell: Cell, weights_name: str) -> str:
        """Of all of a cell's pictures under one scorer's or extractor's weights."""
        batches = self.plan.batches(cell)
        keys = [self.images(cell, rows) for rows in batches]
        prompts = [row.prompt for rows in batches for row in rows]
        return features_key(keys, prompts, self.scorers[weights_name].digest, self.score_identity)

    def timing(self, cell: Cell) -> str:
        """Of a cell's timing: only an identical environment may take it over."""
        rows = self.plan.rows[: self.plan.timing.batch]
        rules = digest(self.plan.timing.model_dump(mode="json"))
        return timing_key(cell.settings, rows, self._digests(cell), digest([self.fingerprint, rules]))

    def weights(self, cell: Cell) -> dict[str, Any]:
        """Where a cell's parts came from: part -> place, revision, digest."""
        return self.models[cell.settings.model].record()

    def _digests(self, cell: Cell) -> dict[str, str]:
        return self.models[cell.settings.model].digests()
