"""What a judged sample comes to where something beside its numbers speaks against it."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stats.verdict import Judged, Verdict


@dataclass(frozen=True)
class Against:
    """Why a sample is worth less than its numbers say; ``None`` each: it is not.

    ``void``: it is no evidence of what was asked, not even of a direction. ``spoilt``: it can decide nothing, whatever
    it says, but may lean. ``drifted``: it cannot show sameness, though it may a difference.
    """

    void: str | None = None
    spoilt: str | None = None
    drifted: str | None = None

    @property
    def decides_nothing(self) -> str | None:
        """Why no verdict is made of it."""
        return self.void or self.spoilt


NOTHING = Against()


@dataclass(frozen=True)
class Standing:
    """The verdict that is left of a sample's own; fields as in ``Judged``."""

    verdict: Verdict
    reason: str | None
    leaning_worse: bool
    n_to_settle: int | None
    settles_unchanged: bool
    smallest_effect: float | None


def standing(judged: Judged, against: Against) -> Standing:
    """What a sample comes to: its own verdict, or *inconclusive* with why, which way, and what would settle it.

    Past a drift more visits may show a difference beyond the margin that was tested against, and no sameness: a need is
    told only where the mean is beyond it.
    """
    nothing = against.decides_nothing
    open_ = nothing is not None or (against.drifted is not None and judged.verdict == "equivalent")
    verdict: Verdict = "inconclusive" if open_ else judged.verdict
    within = judged.mean is None or abs(judged.mean) <= judged.margin
    unsettled = nothing is not None or (against.drifted is not None and within)
    worse = judged.leaning_worse or judged.verdict == "regressed"
    return Standing(
        verdict=verdict,
        reason=nothing or (_why_open(judged, against) if verdict == "inconclusive" else judged.reason),
        leaning_worse=verdict == "inconclusive" and worse and against.void is None,
        n_to_settle=None if unsettled else judged.n_to_settle,
        settles_unchanged=judged.settles_unchanged and not unsettled,
        smallest_effect=None if nothing is not None else judged.smallest_effect,
    )


def _why_open(judged: Judged, against: Against) -> str | None:
    """Drift alone forbids sameness; beside another reason it is one more."""
    told = (None if judged.verdict == "equivalent" else judged.reason, against.drifted)
    return "; ".join(part for part in told if part) or None
