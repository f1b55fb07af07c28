"""Everything that the audit tells, gathered once for the page, the Markdown, the data and the pictures."""

from __future__ import annotations

from dataclasses import dataclass

from harness.report.answer import caveats
from harness.report.charts import Chart
from harness.report.optimizations.audit import Audit, read_audit
from harness.report.optimizations.beside import Beside, beside
from harness.report.optimizations.charts import divergence_chart, speed_chart
from harness.report.optimizations.flags import flags
from harness.report.optimizations.unavailable import refused, unavailable
from harness.report.optimizations.verdicts import FamilyAnswer, answers
from harness.report.optimizations.wording import missing_words, noise_of_memory, ratio_words
from harness.report.provenance import Section, provenance
from harness.report.view import RunView


@dataclass(frozen=True)
class AuditContent:
    """The audit, before it is a file of any kind. ``flagged``: whose fault, and which."""

    audit: Audit
    answers: tuple[FamilyAnswer, ...]
    flagged: tuple[tuple[str, str], ...]
    unavailable: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]
    beside: Beside | None
    speeds: tuple[Chart, ...]
    drifts: tuple[Chart, ...]
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def view(self) -> RunView:
        """The run."""
        return self.audit.view

    @property
    def charts(self) -> tuple[Chart, ...]:
        """All charts, in the page's order."""
        return (*self.speeds, *self.drifts)


def gather(view: RunView, *, public: bool) -> AuditContent:
    """The content of a run's audit; ``public``: what is of use on this machine only is left out.

    Raises:
        UsageError: the run compares no optimizations with a reference.
    """
    audit = read_audit(view)
    speeds = (speed_chart(audit, family) for family in audit.families)
    drifts = (divergence_chart(audit, family) for family in audit.families)
    return AuditContent(
        audit=audit,
        answers=answers(audit),
        flagged=_flagged(audit),
        unavailable=unavailable(view),
        refused=refused(view),
        beside=beside(audit),
        speeds=tuple(chart for chart in speeds if chart is not None),
        drifts=tuple(chart for chart in drifts if chart is not None),
        caveats=(*caveats(view), *_on_timing(audit)),
        sections=tuple(s for s in provenance(view, public=public) if s.title != "Refused combinations"),
    )


def _flagged(audit: Audit) -> tuple[tuple[str, str], ...]:
    """Family by family; a cell is named with its family where there are several."""
    return tuple(
        (f"{family.title}: {one.name}" if audit.several else one.name, sentence)
        for family in audit.families
        for one in family.cells
        for sentence in flags(one)
    )


def _on_timing(audit: Audit) -> list[str]:
    """What stands in the way of the intervals, once for all cells."""
    view = audit.view
    if not any(cell.timing for cell in view.done):
        reasons = dict.fromkeys(cell.timing_reason for cell in view.done if cell.timing_reason)
        why = f" ({'; '.join(reasons)})" if reasons else ""
        return [f"Nothing was timed{why}: nothing is said of speed."]
    visits = {len(set(cell.timing.round_of_call)) for cell in view.done if cell.timing}
    lines = ["Timed in one visit: no speed-up has an interval, and none is called faster."] if visits == {1} else []
    if visits == {2}:
        lines.append("Timed in two visits: with one degree of freedom the intervals are wide; `timing: {rounds: 4}`.")
    return [*lines, *_not_in_turns(audit), *noise_lines(audit), *_not_read(view)]


def _not_in_turns(audit: Audit) -> list[str]:
    """Whose speed-up knows less than that of others, where some were called in turns with their reference."""
    timed = [one for family in audit.families for one in family.compared if one.cell.timing is not None]
    left = [one.name for one in timed if not one.in_turns]
    if len(left) == len(timed) or not left:
        return []
    return [f"Not called in turns with the reference, so that a drift is in the speed-up: {'; '.join(left)}."]


def noise_lines(audit: Audit) -> list[str]:
    """What the same pipeline twice seemed to bring: differences of this size are the measurement's own."""
    pairs = [(family, one) for family in audit.families for one in family.compared if one.is_again]
    return [
        f"The measurement's own noise, by the same pipeline twice{f' ({family.title})' if audit.several else ''}: "
        f"{', '.join(filter(None, (ratio_words(one.speed), noise_of_memory(one.memory))))}."
        for family, one in pairs
        if one.speed is not None and one.speed.value is not None
    ]


def _not_read(view: RunView) -> list[str]:
    """Readings that a timing may be doubted by and that nobody gave: "none seen" says nothing of them."""
    told = dict.fromkeys(words for cell in view.done if cell.timing for words in missing_words(cell.timing))
    return [f"Not known of the timing pass: {'; '.join(told)}."] if told else []
