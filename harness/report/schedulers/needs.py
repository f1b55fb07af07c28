"""What each scheduler needs: the fewest steps at which it holds the reference's quality, said as honestly as it is."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.schedulers.sweep import JUDGED, Ground, Line, Point, Sweep
from harness.report.sentences import prompts_to_settle, unchanged_words
from harness.report.text import listing, plural

HOLDS = (
    "Holds: every quality comparison with the reference is equivalent or improved, within the margin stated before the "
    "run, after Holm's adjustment over the whole run."
)
_MARKS = {"holds": "≈", "regressed": "▼", "open": "?", "not judged": "–", "failed": "✗", "pending": "…"}


@dataclass(frozen=True)
class Need:
    """One scheduler on one ground. ``fewest`` is ``None`` where it was nowhere shown to hold.

    ``open_below``: undecided with fewer steps than ``fewest``, or at all; ``not_above``: with more steps and yet not
    shown to hold; ``without``: points that could not be judged.
    """

    ground: Ground
    scheduler: str
    fewest: Point | None
    judged: tuple[Point, ...]
    open_below: tuple[Point, ...]
    not_above: tuple[Point, ...]
    without: tuple[Point, ...]

    @property
    def headline(self) -> str:
        """ "16 steps", or why there is no number."""
        if self.fewest is not None:
            return plural(self.fewest.steps, "step")
        if not self.judged:
            return "not judged"
        return "not shown" if self.open_below else "none of those tried"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What must be known with the number, most important first."""
        return tuple(filter(None, (self._above(), self._open(), self._regressed(), self._without())))

    @property
    def trail(self) -> str:
        """Every judged count with its outcome: "4 ▼ · 8 ? · 16 ≈"."""
        shown = sorted((*self.judged, *self.without), key=lambda point: point.steps)
        return " · ".join(f"{point.steps}\u00a0{_MARKS[point.standing]}" for point in shown)

    def _above(self) -> str:
        worse = [p for p in self.not_above if p.standing == "regressed"]
        open_ = [p for p in self.not_above if p.standing == "open"]
        parts = []
        if worse:
            parts.append(f"not monotone: {_counts(worse)} regressed although more than the fewest")
        if open_:
            parts.append(f"{_counts(open_)} not shown to hold{_settle(open_)}")
        return "; ".join(parts)

    def _open(self) -> str:
        if not self.open_below:
            return ""
        which = "fewer are still open" if self.fewest else "inconclusive"
        return f"{which}: {_counts(list(self.open_below))}{_settle(list(self.open_below))}"

    def _regressed(self) -> str:
        worse = [p for p in self.judged if p.standing == "regressed" and p not in self.not_above]
        return f"regressed: {_counts(worse)}" if worse else ""

    def _without(self) -> str:
        found: dict[str, list[Point]] = {}
        for point in self.without:
            found.setdefault(point.standing, []).append(point)
        return "; ".join(f"{standing}: {_counts(points)}" for standing, points in found.items())


def needs(sweep: Sweep) -> tuple[Need, ...]:
    """A need for each scheduler of each ground that has more than the reference's own point."""
    found = (_need(ground, line) for ground in sweep.grounds for line in ground.lines)
    return tuple(need for need in found if need.judged or need.without)


def _need(ground: Ground, line: Line) -> Need:
    judged = tuple(p for p in line.points if p.standing in JUDGED)
    fewest = next((p for p in judged if p.standing == "holds"), None)
    limit = fewest.steps if fewest else float("inf")
    return Need(
        ground=ground,
        scheduler=line.scheduler,
        fewest=fewest,
        judged=judged,
        open_below=tuple(p for p in judged if p.standing == "open" and p.steps < limit),
        not_above=tuple(p for p in judged if p.standing != "holds" and p.steps > limit),
        without=tuple(p for p in line.points if p.standing in ("not judged", "failed", "pending")),
    )


def _counts(points: list[Point]) -> str:
    return f"{listing([str(point.steps) for point in points])} steps"


def _settle(points: list[Point]) -> str:
    """How many prompts would decide, where some number would."""
    known = {point.steps: prompts_to_settle(point.cell) for point in points}
    if all(count is None for count in known.values()):
        return " (no number of prompts is known that would settle it)"
    told = [f"{count}" if len(known) == 1 else f"{count} at {steps}" for steps, count in known.items() if count]
    unknown = [str(steps) for steps, count in known.items() if not count]
    rest = f"; at {listing(unknown)} no number is known" if unknown else ""
    so = unchanged_words([point.cell for point in points])
    return f" (about {listing(told)} prompts would settle it{so}{rest})"
