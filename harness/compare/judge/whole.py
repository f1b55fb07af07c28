"""The verb's two walks: a run → a page and its key; files of votes → what they come to."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from harness.compare.judge.ballots import gathered
from harness.compare.judge.field import Field, of_one_run, of_two_runs
from harness.compare.judge.keyring import find, keep
from harness.compare.judge.making import make
from harness.compare.judge.page import render_page
from harness.compare.judge.tally import judgement
from harness.compare.judge.types import QUESTION, Judgement, Key
from harness.compare.judge.votes import check_pairs, read_ballot
from harness.compare.outputs import put
from harness.compare.sides import opened
from harness.errors import MissingError, UsageError
from harness.report.text import plural
from harness.report.view import RunView, find_cell, load_view
from harness.store.store import Store


@dataclass(frozen=True)
class Asked:
    """What page is wanted. ``against``: a cell of the run, or another run as `compare` takes it."""

    run: str
    against: str | None = None
    cells: tuple[str, ...] = ()
    votes: int | None = None
    seed: int = 0
    question: str = QUESTION
    out: Path | None = None


@dataclass(frozen=True)
class Made:
    """The page and its key, and what is to be said of them."""

    page: Path
    key: Path
    told: Key
    bytes: int
    kept_as: str

    @property
    def words(self) -> str:
        """For whoever made it."""
        repeats = sum(pair.repeats is not None for pair in self.told.pairs)
        again = f", {repeats} of them a second time with swapped sides" if repeats else ""
        lines = [
            f"{self.page}: {plural(len(self.told.pairs), 'pair')}{again}; "
            f"{self.bytes / 2**20:.1f} MiB, pictures as {self.kept_as}; seed {self.told.seed}",
            *(f"{note[:1].upper()}{note[1:]}." for note in self.told.notes),
            f"Who is who is in {self.key}; the page does not know it. Give out the page alone.",
            f"Then: harness judge {self.told.run_id} --votes FILE",
        ]
        return "\n".join(lines)


def make_page(store: Store, asked: Asked) -> Made:
    """Write the page and its key.

    Raises:
        HarnessError: no such run or cell, nothing to judge, or a file that cannot be written.
    """
    view = load_view(store, store.find_run(asked.run))
    with ExitStack() as stack:
        field = _field(view, asked, stack)
        key, shown = make(field, view.run.run_id, votes=asked.votes, seed=asked.seed, question=asked.question)
        html, kept_as = render_page(key, shown)
    data = html.encode()
    out = asked.out or store.root / "reports" / view.run.run_id / f"judge-{key.page}.html"
    lies = keep(store, key)
    put(out, data, "--out")
    return Made(out, lies, key, len(data), kept_as)


def _field(view: RunView, asked: Asked, stack: ExitStack) -> Field:
    """``--against`` is a cell if the run has one of exactly that name, else a run, else part of a cell's name."""
    text = asked.against
    if text is None or any(text in (cell.cell_id, cell.label) for cell in view.records):
        return of_one_run(view, asked.cells, text)
    try:
        other = stack.enter_context(opened(text, view.store.root))
    except MissingError as no_run:
        try:
            hub = find_cell(view, text)
        except MissingError as no_cell:
            raise MissingError(
                f"{no_cell.happened} {no_run.happened}", expected=no_cell.expected, do=no_cell.do
            ) from None
        return of_one_run(view, asked.cells, hub.cell_id)
    if other.run.run_id == view.run.run_id and other.store.root == view.store.root:
        raise UsageError(f"{text} is the run itself.", do="name another run or a cell, or leave --against out")
    return of_two_runs(other, view, asked.cells)


def count_votes(store: Store, run: str, files: Sequence[Path]) -> Judgement:
    """Read files of votes and say what they come to.

    Raises:
        HarnessError: a file is bad, of another page or of another run; none of them is counted then.
    """
    run_id = store.find_run(run)
    ballots = [read_ballot(file) for file in files]
    pages = dict.fromkeys(ballot.page for ballot in ballots)
    if len(pages) > 1:
        told = ", ".join(f"{ballot.file} of {ballot.page}" for ballot in ballots)
        raise UsageError(f"The votes are of {len(pages)} pages: {told}.", do="count the votes of one page at a time")
    key = find(store, ballots[0].page)
    if key.run_id != run_id:
        raise UsageError(
            f"The votes are of the page {key.page}, which shows the run {key.run_id}, not {run_id}.",
            do=f"`harness judge {key.run_id} --votes …` counts them",
        )
    for ballot in ballots:
        check_pairs(ballot, key)
    polls, notes = gathered(ballots)
    return judgement(key, polls, notes)
