"""The sentences of the answer: each says one thing that the records bear out."""

from __future__ import annotations

from collections import Counter

from harness.catalog.metrics import METRICS
from harness.report.text import (
    POINTS,
    counts_pictures,
    decimals_for,
    if_unchanged,
    listing,
    metric_words,
    number,
    percent,
    plural,
    seconds,
    span,
)
from harness.report.view import COSTS, RunView, comparison_of, head_label, own_knobs, quality_comparisons, score_of
from harness.store.records import CellRecord, Comparison, Interval, Score


def cells(count: int) -> str:
    """ "3 cells"."""
    return plural(count, "cell")


def labels(found: list[CellRecord]) -> str:
    """Some cells' labels, as a list in a sentence."""
    return listing([cell.label for cell in found])


def matched_on(view: RunView, reference: CellRecord) -> str:
    """What a reference shares with the cells compared with it: "At guidance_scale 4"."""
    fixed = view.plan.compare_to or {}
    shared = [f"{knob} {value}" for knob, value in own_knobs(reference).items() if knob not in fixed]
    return "At " + ", ".join(shared) if shared else f"Against {reference.label}"


def joined(where: str, sentence: str) -> str:
    """ "At guidance_scale 4, no setting …"."""
    begins_plainly = sentence.startswith(("No ", "Every "))
    return f"{where}, {sentence[0].lower() if begins_plainly else sentence[0]}{sentence[1:]}"


def cheapest(view: RunView, chosen: CellRecord, reference: CellRecord) -> str:
    """The main finding: fewest model calls among those that hold the reference's quality."""
    mine, theirs = view.model_calls(chosen), view.model_calls(reference)
    compared = quality_comparisons(chosen)
    improved = [c for c in compared if c.verdict == "improved"]
    verb = "beats" if len(improved) == len(compared) else "matches"
    return (
        f"{chosen.label} {verb} {reference.label} with {plural(mine, 'model call')} instead of {theirs}: "
        f"{'; '.join(finding(c) for c in compared)}.{_speed(chosen, reference)}"
    )


def best(view: RunView, chosen: CellRecord, reference: CellRecord) -> str:
    """Nothing is cheaper, but something is better."""
    compared = quality_comparisons(chosen)
    return f"{chosen.label} improves on {reference.label} the most: {'; '.join(finding(c) for c in compared)}."


def no_cheaper(view: RunView, same: list[CellRecord], reference: CellRecord) -> str:
    """Some hold the quality, none with fewer calls."""
    faster = [c for c in same if (t := comparison_of(c, "latency")) is not None and t.verdict == "improved"]
    text = f"{labels(same)} {'match' if len(same) > 1 else 'matches'} {head_label(reference)} within the margin"
    if not faster:
        return f"{text}, but no setting does so with fewer model calls or was shown to be faster."
    quickest = min(faster, key=lambda cell: cell.timing.latency_s if cell.timing else float("inf"))
    which = f"; the fastest is {quickest.label}" if len(same) > 1 else ""
    return f"{text}{which}.{_speed(quickest, reference)}"


def undecided(reference: CellRecord, compared: list[CellRecord], nearest: CellRecord | None) -> str:
    """No setting was shown to hold the quality: what is open, and what would close it."""
    found = [(cell, c) for cell in compared for c in quality_comparisons(cell)]
    stated = list(dict.fromkeys(f"{metric_words(c.metric)} {margin_text(c)}" for _, c in found))
    margins = listing(stated)
    if all(any(c.verdict == "regressed" for c in quality_comparisons(cell)) for cell in compared):
        on_one = " of at least one metric" if len(stated) > 1 else ""
        return f"Every other setting is worse than {head_label(reference)} by more than the margin{on_one} ({margins})."
    text = f"No setting was shown to match {head_label(reference)} within the margin ({margins})."
    if nearest is None:
        left = [cell for cell in compared if any(c.verdict == "inconclusive" for c in quality_comparisons(cell))]
        return f"{text} {labels(left)}: inconclusive." if left else text
    now = max(c.n for c in quality_comparisons(nearest))
    return (
        f"{text} Nearest to being settled is {nearest.label}: "
        f"about {prompts_to_settle(nearest)} prompts would do{unchanged_words([nearest])}, this run has {now}."
    )


def prompts_to_settle(cell: CellRecord) -> int | None:
    """About how many prompts settle all of a cell's open quality comparisons; ``None`` if none is open or none would.

    A cell that regressed on some metric is settled, whatever is open on others.
    """
    compared = quality_comparisons(cell)
    needs = [c.n_to_settle for c in compared if c.verdict == "inconclusive"]
    if any(c.verdict == "regressed" for c in compared):
        return None
    known = [need for need in needs if need is not None]
    return max(known) if known and len(known) == len(needs) else None


def unchanged_words(cells: list[CellRecord]) -> str:
    """What ``prompts_to_settle`` takes for granted of any of the cells."""
    open_ = [c for cell in cells for c in quality_comparisons(cell) if c.verdict == "inconclusive"]
    return if_unchanged(unchanged=any(c.settles_unchanged for c in open_))


def best_number(chosen: CellRecord, score: Score, among: int) -> str:
    """Without a comparison: the best value and its interval."""
    if among == 1:
        return f"{_capital(metric_words(score.metric))} of {chosen.label}: {score_text(score)}."
    which = "Highest" if score.direction == "higher" else "Lowest"
    return f"{which} {metric_words(score.metric)} of {cells(among)}: {chosen.label}, {score_text(score)}."


def reach(metric: str, found: list[tuple[CellRecord, float]]) -> str:
    """Of a metric without a better side: from where to where its values reach, over the cells that have one."""
    values = sorted(value for _, value in found)
    ends = span(values[0], values[-1], 2)
    return f"{_capital(metric_words(metric))} of {cells(len(found))}: {ends}."


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


def of_task(task: str, sentence: str) -> str:
    """ "inpainting: highest CLIP score …"."""
    acronym = sentence[:2].isupper()
    return f"{task}: {sentence if acronym else sentence[0].lower() + sentence[1:]}"


def score_text(score: Score) -> str:
    """ "84.5 (95 % interval 84.1 to 84.9, 32 prompts)"."""
    if score.value is None:
        return f"none ({score.reason})"
    counted = plural(score.n_prompts, "prompt")
    if score.interval is None:
        return f"{value_text(score)} ({counted}, no interval)"
    return f"{value_text(score)} ({_level(score.interval)} {bounds_text(score)}, {counted})"


def value_text(score: Score) -> str:
    """A score's value: "84.5", or "93.8 %" for a share of pictures."""
    return _score_number(score, score.value or 0.0)


def bounds_text(score: Score) -> str:
    """A score's interval: "84.1 to 84.9"; "no interval" where there is none."""
    if score.interval is None:
        return "no interval"
    return f"{_score_number(score, score.interval.low)} to {_score_number(score, score.interval.high)}"


def _score_number(score: Score, value: float) -> str:
    if counts_pictures(score.metric):
        return percent(value)
    low, high = (score.interval.low, score.interval.high) if score.interval else (None, None)
    return number(value, decimals_for(score.value or 0.0, low, high))


def finding(compared: Comparison) -> str:
    """ "CLIP score −0.10 (90 % interval −0.25 to +0.05, margin 0.3)"."""
    bounds = f"{_level(compared.interval)} {interval_text(compared)}, " if compared.interval else ""
    return f"{metric_words(compared.metric)} {difference_text(compared)} ({bounds}margin {margin_text(compared)})"


def _level(interval: Interval) -> str:
    return f"{100 * interval.level:.0f} % interval"


def difference_text(compared: Comparison) -> str:
    """The difference with its sign: in the metric's unit, for costs in per cent, in points for shares of pictures."""
    if compared.difference is None:
        return "not known"
    return _with_unit(compared, number(_scale(compared) * compared.difference, _decimals(compared), sign=True))


def interval_text(compared: Comparison) -> str:
    """The interval of the difference; "" where there is none."""
    if compared.interval is None:
        return ""
    low, high = (_scale(compared) * end for end in (compared.interval.low, compared.interval.high))
    return _with_unit(compared, span(low, high, _decimals(compared), sign=True))


def margin_text(compared: Comparison) -> str:
    return _with_unit(compared, f"{_scale(compared) * compared.margin:.3g}")


def smallest_text(compared: Comparison) -> str:
    """ "worse by 0.62 would have been called, 4 times in 5": what the run had the power for."""
    size = f"{_scale(compared) * (compared.smallest_effect or 0.0):#.2g}".rstrip(".")
    return f"worse by {_with_unit(compared, size)} would have been called, 4 times in 5"


def _scale(compared: Comparison) -> int:
    return 100 if _unit(compared) in ("%", POINTS) else 1


def _with_unit(compared: Comparison, text: str) -> str:
    return f"{text} {_unit(compared)}".rstrip()


def _unit(compared: Comparison) -> str:
    """What follows the number: "%" of a cost, "%-points" of a share of pictures, "levels"; "" for a metric's own."""
    if compared.metric in COSTS or counts_pictures(compared.metric):
        return "%" if compared.metric in COSTS else POINTS
    row = METRICS.get(compared.metric)
    return "levels" if row is not None and row.unit == "levels" else ""


def _decimals(compared: Comparison) -> int:
    """Two digits of the interval's half-width, but at most one digit finer than the margin is given."""
    bounds, scale = compared.interval, _scale(compared)
    ends = (scale * bounds.low, scale * bounds.high) if bounds else (None, None)
    fine = decimals_for(scale * (compared.difference or 0.0), *ends)
    _, _, after_point = f"{scale * compared.margin:.3g}".partition(".")
    return min(fine, len(after_point) + 1) if compared.margin else fine


def _speed(chosen: CellRecord, reference: CellRecord) -> str:
    """The two latencies, as a factor only where a verdict bears it."""
    if chosen.timing is None or reference.timing is None:
        return ""
    mine, theirs = chosen.timing.latency_s, reference.timing.latency_s
    both = f"{seconds(mine)} an image against {seconds(theirs)}"
    judged = comparison_of(chosen, "latency")
    if judged is not None and judged.verdict == "improved":
        return f" It is {theirs / mine:.2g}× as fast: {both}."
    return f" Latency: {both}" + (f" ({judged.verdict})." if judged is not None else " (no verdict).")


def evidence(view: RunView, chosen: CellRecord, reference: CellRecord, compared: list[CellRecord]) -> tuple[str, ...]:
    """What bears the headline out, what is still open below it, and what it does not rest on."""
    lines = [tally(compared), *_open_below(view, chosen, compared)]
    for metric in view.quality_metrics:
        mine, theirs = score_of(chosen, metric), score_of(reference, metric)
        if comparison_of(chosen, metric) is None and mine and theirs:
            lines.append(
                f"{metric_words(metric)} of {chosen.label}: {score_text(mine)}; of {reference.label}: "
                f"{score_text(theirs)}. No verdict rests on it."
            )
    return tuple(lines)


def _open_below(view: RunView, chosen: CellRecord, compared: list[CellRecord]) -> list[str]:
    """Cheaper cells that are neither worse nor proven: the headline must not be read as "nothing less will do"."""
    needs = {cell.cell_id: prompts_to_settle(cell) for cell in compared}
    cheaper = [c for c in compared if needs[c.cell_id] is not None and view.model_calls(c) < view.model_calls(chosen)]
    open_ = [
        f"{cell.label} (about {needs[cell.cell_id]} prompts would settle it{unchanged_words([cell])})"
        for cell in cheaper
    ]
    return [f"Cheaper and still open: {listing(open_)}."] if open_ else []


def failed_solutions(view: RunView) -> list[str]:
    """Which converged solutions failed, so that no distance to them is known."""
    failed = [cell for cell in view.solutions if cell.status == "failed"]
    if not failed:
        return []
    why = "; ".join(dict.fromkeys(cell.failure.reason.rstrip(".") for cell in failed if cell.failure))
    return [f"{plural(len(failed), 'converged solution')} failed: {labels(failed)} ({why})."]


def tally(compared: list[CellRecord]) -> str:
    """How the quality comparisons came out."""
    counts: Counter[str] = Counter(c.verdict for cell in compared for c in quality_comparisons(cell))
    order = ("improved", "equivalent", "regressed", "inconclusive")
    parts = [f"{counts[verdict]} {verdict}" for verdict in order if counts[verdict]]
    reference = sum(counts.values())
    return f"Of {plural(reference, 'quality comparison')}: {listing(parts)}."


def on_sample_size(view: RunView) -> list[str]:
    """What the number of prompts allows to be said."""
    n = max((c.n for cell in view.done for c in quality_comparisons(cell)), default=32)
    if n >= 32:
        return []
    if n < 6:
        return [f"{plural(n, 'prompt')}: too few for any verdict (6 are needed)."]
    if n < 16:
        return [f"{n} prompts: most comparisons will be inconclusive below 16."]
    return [f"{n} prompts: enough to call a regression; equivalence is hard to show below 32."]
