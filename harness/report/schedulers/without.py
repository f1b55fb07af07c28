"""Why a ground has no recommendation: what was shown, what is open, what could not be judged."""

from __future__ import annotations

from harness.report.answer import nearest_to_settled
from harness.report.schedulers.sweep import Ground, Point
from harness.report.schedulers.wording import point_words
from harness.report.sentences import margin_text, prompts_to_settle, unchanged_words
from harness.report.text import listing, metric_words
from harness.report.view import RunView, quality_comparisons

_WORDS = {"failed": "failed", "pending": "not made yet", "not judged": "not judged"}


def without(view: RunView, ground: Ground, holding: list[Point]) -> str:
    """Why there is nothing to recommend; ``holding``: what holds without being cheaper."""
    against = against_words(ground)
    if holding:
        return f"{listing([point_words(p) for p in holding])}: as good as {against}, but not with fewer model calls."
    judged = [p for p in ground.points if p.standing in ("regressed", "open")]
    if not judged:
        return f"No recommendation: {_unjudged(ground)}."
    if all(p.standing == "regressed" for p in judged):
        return _all_worse(ground, against, judged)
    return _open(view, against, judged)


def against_words(ground: Ground) -> str:
    """The reference: "DDIM at 50 steps"."""
    labels = [f"{r.settings.scheduler.label} at {r.settings.num_inference_steps} steps" for r in ground.references]
    return labels[0] if len(labels) == 1 else "its own reference"


def _unjudged(ground: Ground) -> str:
    lost = [r.label for r in ground.references if r.status == "failed"]
    if lost:
        return f"the reference {lost[0]} failed"
    others = [p for p in ground.points if p.standing != "reference"]
    if others and all(p.standing == "failed" for p in others):
        return _no_verdict(others)
    return "no cell has been compared with the reference yet"


def _all_worse(ground: Ground, against: str, judged: list[Point]) -> str:
    """Every verdict is worse: of all settings only where each has a verdict."""
    stated = _margins(judged)
    on_one = " of at least one metric" if len(stated) > 1 else ""
    left = [p for p in ground.points if p.standing in _WORDS]
    if not left:
        worse = f"every setting is worse than {against} by more than the margin{on_one}"
        return f"Nothing cheaper will do: {worse} ({listing(stated)})."
    worse = f"every setting that was judged is worse by more than {'that' + on_one if on_one else 'it'}"
    return f"{_nothing_shown(against, stated)}: {worse}; {_no_verdict(left)}."


def _no_verdict(points: list[Point]) -> str:
    """ "DDPM at 8 steps failed; DDIM at 4 and 8 steps are not judged"."""
    parts = []
    for standing, word in _WORDS.items():
        found = [point_words(p) for p in points if p.standing == standing]
        verb = "" if standing == "failed" else "is " if len(found) == 1 else "are "
        parts += [f"{listing(found)} {verb}{word}"] if found else []
    return "; ".join(parts)


def _open(view: RunView, against: str, judged: list[Point]) -> str:
    nearest = nearest_to_settled(view, [p.cell for p in judged])
    text = f"{_nothing_shown(against, _margins(judged))}."
    if nearest is None:
        return f"{text} What is open would not be settled by any number of prompts that is known."
    there = max(c.n for c in quality_comparisons(nearest))
    point = next(p for p in judged if p.cell is nearest)
    so = unchanged_words([nearest])
    need = f"about {prompts_to_settle(nearest)} prompts would settle it{so}; this run has {there}"
    return f"{text} Nearest is {point_words(point)}: {need}."


def _nothing_shown(against: str, margins: list[str]) -> str:
    return f"Nothing was shown to be as good as {against} within the margin ({listing(margins)})"


def _margins(points: list[Point]) -> list[str]:
    return sorted({f"{metric_words(c.metric)} {margin_text(c)}" for p in points for c in quality_comparisons(p.cell)})
