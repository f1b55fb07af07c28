"""Everything that the report tells, gathered once for the page, the Markdown, the data and the picture."""

from __future__ import annotations

from dataclasses import dataclass

from harness.compare.types import Side
from harness.report.provenance import Section, placeless, provenance
from harness.report.regression.held import Held, hold
from harness.report.regression.wording import answer, caveats, changed_lines, open_words
from harness.report.text import moment
from harness.report.view import RunView
from harness.store.records import RunRecord

_ASKED = "Did anything get worse?"


@dataclass(frozen=True)
class RegressionContent:
    """The report, before it is a file of any kind."""

    held: Held
    answer: str
    open: tuple[str, ...]
    changed: tuple[str, ...]
    caveats: tuple[str, ...]
    sections: tuple[Section, ...]

    @property
    def view(self) -> RunView:
        """The run that is judged."""
        return self.held.view

    @property
    def heading(self) -> str:
        """What the report answers, with both names; the run's spec may have asked something else."""
        return f"{self.view.run.name} against the baseline {self.held.baseline.name}: {_ASKED}"

    @property
    def question(self) -> str:
        """What the run's spec asks, if that is another question; a run made for a purpose of its own says so there."""
        asked = self.view.plan.question.strip()
        return f"The spec asks: {asked}" if asked not in ("", _ASKED) else ""


def gather(view: RunView, against: str, *, public: bool) -> RegressionContent:
    """The content; ``public``: what is of use on this machine only is left out.

    Raises:
        HarnessError: there is no such baseline, or it cannot be read.
    """
    held = hold(view, against)
    baseline = _baseline(held.baseline, held.compared.baseline, public=public)
    return RegressionContent(
        held=held,
        answer=answer(held),
        open=open_words(held),
        changed=changed_lines(held.compared),
        caveats=caveats(held),
        sections=(baseline, *provenance(view, public=public)),
    )


def _baseline(run: RunRecord, side: Side, *, public: bool) -> Section:
    facts = [
        ("run", f"{run.run_id} ({run.name})"),
        ("command", placeless(run.command) if public else run.command),
        ("started", moment(run.started_ms)),
        ("status", run.status),
        ("spec's digest", run.plan.spec_digest[:12]),
        ("environment", run.environment_digest[:12] or "not recorded"),
    ]
    return Section("Baseline", (*facts, *(() if public else (("asked for as", side.place),))))
