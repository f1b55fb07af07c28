"""Did the pictures change? Identical, equivalent or different, and the numbers that this rests on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load

from harness.errors import StoreError
from harness.plan.types import InputRow
from harness.report.optimizations.pixels import Apart, Pixels, apart, pixels_of, saturated
from harness.report.text import if_unchanged, metric_words
from harness.report.view import RunView, quality_comparisons, score_of
from harness.score.clip_score import cosines
from harness.store.records import CellRecord

Sameness = Literal["identical", "equivalent", "different", "inconclusive"]
CLIPS = 0.01  # a share of saturated pixels that grew by more is flagged


@dataclass(frozen=True)
class Looks:
    """A cell's pictures beside its reference's, row by row of the ``n`` rows that both have.

    ``reason``: why it is not identical or equivalent. ``missing``: rows that could not be looked at, since a picture is
    gone. ``largest`` is of 255 levels. ``psnr_db``: mean over the pictures
    that differ. ``feature_distance``: weights → mean cosine distance of the stored features. ``frechet_change``: cell
    minus reference; no verdict rests on it. ``farthest``: the row whose pictures differ the most. What is missing is
    ``None``.
    """

    sameness: Sameness
    reason: str | None
    n: int
    identical_share: float | None
    largest: int | None
    psnr_db: float | None
    feature_distance: dict[str, float] = field(default_factory=dict)
    frechet_change: float | None = None
    frechet_reason: str | None = None
    saturated: float | None = None
    saturated_reference: float | None = None
    farthest: InputRow | None = None
    missing: int = 0

    @property
    def clips(self) -> bool:
        """Whether more pixels are at the ends of their range than in the reference's pictures."""
        known = self.saturated is not None and self.saturated_reference is not None
        return known and (self.saturated or 0.0) - (self.saturated_reference or 0.0) > CLIPS


@dataclass(frozen=True)
class _Rows:
    """The pixels' story: how many rows there are, which could be looked at, and how far apart those are."""

    wanted: int
    found: list[tuple[InputRow, Apart]]
    saturated: float | None
    saturated_reference: float | None


def looks(view: RunView, cell: CellRecord, reference: CellRecord) -> Looks:
    """Compare the pictures of two cells that are done."""
    rows = _compare(view, cell, reference)
    sameness, reason = _sameness(cell, rows)
    known = [far for _, far in rows.found if far.comparable]
    psnr = [far.psnr_db for far in known if far.psnr_db is not None]
    frechet, why = _frechet(cell, reference)
    return Looks(
        sameness=sameness,
        reason=reason,
        n=len(rows.found),
        identical_share=float(np.mean([far.same for _, far in rows.found])) if rows.found else None,
        largest=max((far.largest or 0 for far in known), default=None),
        psnr_db=float(np.mean(psnr)) if psnr else None,
        feature_distance=_feature_distances(view, cell, reference),
        frechet_change=frechet,
        frechet_reason=why,
        saturated=rows.saturated,
        saturated_reference=rows.saturated_reference,
        farthest=max(rows.found, key=lambda pair: _how_far(pair[1]))[0] if rows.found else None,
        missing=rows.wanted - len(rows.found),
    )


def _how_far(far: Apart) -> tuple[float, int]:
    """For ranking: by PSNR, which the whole picture makes, then by the largest pixel."""
    if not far.comparable:
        return float("inf"), 0
    return (-far.psnr_db if far.psnr_db is not None else float("-inf")), far.largest or 0


def _compare(view: RunView, cell: CellRecord, reference: CellRecord) -> _Rows:
    """Pictures of one digest are the same; the others are read and compared."""
    mine, theirs = _digests(cell), _digests(reference)
    rows = [row for row in view.rows_of(cell) if row.id in mine and row.id in theirs]
    found: list[tuple[InputRow, Apart]] = []
    shares: list[tuple[float, float]] = []
    for row in rows:
        same = mine[row.id] == theirs[row.id]
        one = _pixels(view, cell, row)
        other = one if same else _pixels(view, reference, row)
        if same:
            found.append((row, Apart(True, 0, None)))
        elif one is not None and other is not None:
            found.append((row, apart(one, other)))
        if one is not None and other is not None:
            shares.append((saturated(one), saturated(other)))
    means = np.mean(shares, axis=0).tolist() if shares else [None, None]
    return _Rows(len(view.rows_of(cell)), found, means[0], means[1])


def _digests(cell: CellRecord) -> dict[str, str]:
    """Row id → digest of its picture's bytes."""
    return {row: total for batch in cell.batches for row, total in zip(batch.rows, batch.image_sha256, strict=True)}


def _pixels(view: RunView, cell: CellRecord, row: InputRow) -> Pixels | None:
    png = view.picture(cell, row)
    return pixels_of(png) if png is not None else None


def _sameness(cell: CellRecord, rows: _Rows) -> tuple[Sameness, str | None]:
    """Different pixels alone are no failure: then the verdicts on quality decide."""
    if any(not far.comparable for _, far in rows.found):
        return "different", "the pictures are of different sizes"
    whole = rows.wanted > 0 and len(rows.found) == rows.wanted
    if whole and all(far.same for _, far in rows.found):
        return "identical", None
    compared = quality_comparisons(cell)
    verdicts = {c.verdict for c in compared}
    if "regressed" in verdicts:
        worse = [c.metric for c in compared if c.verdict == "regressed"]
        return "different", f"{', '.join(map(metric_words, worse))}: worse by more than the margin"
    if compared and verdicts <= {"equivalent", "improved"}:
        return "equivalent", None
    if compared:
        open_ = [c.metric for c in compared if c.verdict == "inconclusive"]
        return "inconclusive", f"{', '.join(map(metric_words, open_))}: {_why_open(cell, open_[0])}"
    left = rows.wanted - len(rows.found)
    gone = f"{left} of {rows.wanted} pictures are not stored, and " if left else ""
    return "inconclusive", f"{gone}no quality was judged"


def _why_open(cell: CellRecord, metric: str) -> str:
    found = next(c for c in quality_comparisons(cell) if c.metric == metric)
    so = if_unchanged(unchanged=found.settles_unchanged)
    settle = f" (about {found.n_to_settle} {found.unit}s would settle it{so})" if found.n_to_settle else ""
    return f"{found.reason or 'the interval reaches over the margin'}{settle}"


def _frechet(cell: CellRecord, reference: CellRecord) -> tuple[float | None, str | None]:
    mine, theirs = score_of(cell, "frechet"), score_of(reference, "frechet")
    if mine is None or theirs is None:
        return None, "not scored"
    if mine.value is None or theirs.value is None:
        return None, mine.reason or theirs.reason or "no reason was recorded"
    return mine.value - theirs.value, None


def _feature_distances(view: RunView, cell: CellRecord, reference: CellRecord) -> dict[str, float]:
    """Weights → mean ``1 - cosine`` of the features of the same rows, where both cells' are stored."""
    found = {}
    same = [row.id for row in view.rows_of(cell)] == [row.id for row in view.rows_of(reference)]
    for weights in cell.features if same else ():
        one, other = (_features(view, record.features.get(weights, "")) for record in (cell, reference))
        if one is not None and other is not None and one.shape == other.shape and len(one):
            found[weights] = float(np.mean(np.maximum(1.0 - cosines(one, other), 0.0)))
    return found


def _features(view: RunView, key: str) -> NDArray[np.floating] | None:
    """The picture features (rows, d) of a stored file: a scorer's or an extractor's."""
    try:
        arrays = load(view.store.get("features", key)) if key else {}
    except StoreError:
        return None
    return next((arrays[name] for name in ("image_features", "features") if name in arrays), None)
