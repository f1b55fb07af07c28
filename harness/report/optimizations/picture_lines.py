"""What became of the pictures, as a table of texts."""

from __future__ import annotations

from collections.abc import Sequence

from harness.report.optimizations.audit import Audit, Audited, Family
from harness.report.optimizations.looks import Looks
from harness.report.optimizations.wording import sameness_word
from harness.report.schedulers.paired import Difference, difference
from harness.report.schedulers.wording import difference_words, interval_words
from harness.report.sentences import margin_text
from harness.report.text import VERDICT_MARKS, metric_words, number, percent, plural
from harness.report.text_table import Entry, TextTable
from harness.report.view import RunView, comparison_of, quality_comparisons, score_of

_BLANK = Entry("—")


def picture_table(audit: Audit, family: Family) -> TextTable | None:
    """What became of the pictures; ``None`` where none could be compared."""
    if not family.compared:
        return None
    metrics = _metrics(family)
    head = ["stack", "pictures", "identical", "largest difference", "PSNR", "feature distance", "saturated pixels"]
    head += [f"{metric_words(name)}, change" for name in metrics]
    head += ["Fréchet distance, change", "latents after the last step"]
    lines = tuple(_picture_line(audit.view, one, metrics) for one in family.compared)
    return TextTable(family.title if audit.several else "", tuple(head), lines)


def _metrics(family: Family) -> list[str]:
    """The quality metrics that any cell was judged by, in order of appearance, and the CLIP score where it is known."""
    names = dict.fromkeys(c.metric for one in family.compared for c in quality_comparisons(one.cell))
    if any(score_of(one.cell, "clip_score") for one in family.compared):
        names.setdefault("clip_score")
    return list(names)


def _picture_line(view: RunView, one: Audited, metrics: Sequence[str]) -> tuple[Entry, ...]:
    look = one.looks
    assert look is not None
    identical = (
        Entry(percent(look.identical_share), (plural(look.n, "picture"),))
        if look.identical_share is not None
        else _BLANK
    )
    largest = Entry(f"{look.largest} of 255") if look.largest is not None else _BLANK
    psnr = Entry(f"{number(look.psnr_db, 1)} dB") if look.psnr_db is not None else Entry("—", _no_psnr(look))
    features = Entry(
        "; ".join(f"{value:.2g}" for value in look.feature_distance.values()), tuple(look.feature_distance)
    )
    scores = [_change(view, one, metric) for metric in metrics]
    return (
        Entry(one.name), Entry(sameness_word(look)), identical, largest, psnr,
        features if look.feature_distance else Entry("—", ("features not stored",)), _saturated(look), *scores,
        _frechet(look), _latents(one),
    )  # fmt: skip


def _no_psnr(look: Looks) -> tuple[str, ...]:
    return ("no pixel differs",) if look.largest == 0 else ()


def _saturated(look: Looks) -> Entry:
    if look.saturated is None or look.saturated_reference is None:
        return Entry("—", ("pictures not stored",))
    small = [f"the reference: {percent(look.saturated_reference)}", "it clips" if look.clips else ""]
    return Entry(percent(look.saturated), tuple(filter(None, small)))


def change(view: RunView, one: Audited, metric: str) -> Difference | None:
    """A metric's paired change with its 95 % interval."""
    if one.reference is None or one.looks is None or score_of(one.cell, metric) is None:
        return None
    return difference(view, one.cell, one.reference, metric)


def _change(view: RunView, one: Audited, metric: str) -> Entry:
    found, judged = change(view, one, metric), comparison_of(one.cell, metric)
    if found is None:
        return _BLANK
    verdict = f"{VERDICT_MARKS[judged.verdict]} {judged.verdict}, margin {margin_text(judged)}" if judged else ""
    between = interval_words(metric, found)
    return Entry(difference_words(metric, found), tuple(filter(None, (between, plural(found.n, "prompt"), verdict))))


def _frechet(look: Looks) -> Entry:
    if look.frechet_change is None:
        return Entry("—", (look.frechet_reason,) if look.frechet_reason else ())
    return Entry(number(look.frechet_change, 3, sign=True), ("no verdict rests on it",))


def _latents(one: Audited) -> Entry:
    found = one.divergence
    if found is None or not found.steps:
        return Entry("—", (found.reason,) if found and found.reason else ())
    return Entry(f"{found.steps[-1]:.2g}", (f"after the first {found.steps[0]:.2g}", "relative L2 distance"))
