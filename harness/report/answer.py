"""The answer in a sentence, built from the verdicts and never saying more than they do."""

from __future__ import annotations

from dataclasses import dataclass, replace

from harness.report import sentences
from harness.report.text import DIAGNOSTICS, POINTS_WORDS, WITHOUT_BETTER, counts_pictures
from harness.report.view import RunView, comparison_of, quality_comparisons
from harness.store.records import CellRecord

_SPOKEN = 3  # references, or tasks, spoken of in the headline; the others follow it
_NO_SCORE = "The pictures are made; no score was asked for or could be given."


@dataclass(frozen=True)
class Answer:
    """What the run says: ``headline`` stands alone, ``details`` bear it out.

    ``chosen``: cells that it recommends; ``about``: these, or else the cell that is nearest to being settled.
    """

    headline: str
    details: tuple[str, ...]
    chosen: tuple[str, ...] = ()
    about: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Said:
    """One reference's share of the answer."""

    sentence: str
    chosen: CellRecord | None = None
    details: tuple[str, ...] = ()
    nearest: CellRecord | None = None


def answer(view: RunView) -> Answer:
    """The answer of a run: which cells are as good as their reference and cheapest, or what is still open."""
    if not view.done:
        return Answer("No cell has a result yet.", caveats(view))
    groups = _groups(view)
    said = [_of_reference(view, reference, cells) for reference, cells in groups] or _without_reference(view)
    spoken = [part.sentence for part in said]
    if len(groups) > 1:
        shared = [sentences.matched_on(view, reference) for reference, _ in groups]
        spoken = [sentences.joined(where, sentence) for where, sentence in zip(shared, spoken, strict=True)]
    named = [part.chosen or part.nearest for part in said]
    return Answer(
        headline=" ".join([*spoken[:_SPOKEN], *_why_no_verdict(view, said, groups)]),
        details=(*spoken[_SPOKEN:], *(line for part in said for line in part.details), *caveats(view)),
        chosen=tuple(part.chosen.cell_id for part in said if part.chosen),
        about=tuple(cell.cell_id for cell in named if cell),
    )


def _groups(view: RunView) -> list[tuple[CellRecord, list[CellRecord]]]:
    """Each reference that is done, with the cells that were compared with it."""
    found: dict[str, list[CellRecord]] = {}
    for cell in view.done:
        if cell.reference and quality_comparisons(cell):
            found.setdefault(cell.reference, []).append(cell)
    return [(view.cell(reference), cells) for reference, cells in found.items()]


def _of_reference(view: RunView, reference: CellRecord, cells: list[CellRecord]) -> _Said:
    cheaper = [c for c in cells if holds(c) and view.model_calls(c) < view.model_calls(reference)]
    if cheaper:
        chosen = min(cheaper, key=lambda cell: _cost(view, cell))
        return _Said(
            sentences.cheapest(view, chosen, reference), chosen, sentences.evidence(view, chosen, reference, cells)
        )
    better = [c for c in cells if holds(c) and _improved(view, c)]
    if better:
        chosen = min(better, key=_harm)
        return _Said(
            sentences.best(view, chosen, reference), chosen, sentences.evidence(view, chosen, reference, cells)
        )
    same = [c for c in cells if holds(c)]
    if same:
        return _Said(sentences.no_cheaper(view, same, reference), None, (sentences.tally(cells),))
    nearest = nearest_to_settled(view, cells)
    sentence = sentences.undecided(reference, cells, nearest)
    return _Said(sentence, None, (sentences.tally(cells),), nearest)


def nearest_to_settled(view: RunView, cells: list[CellRecord]) -> CellRecord | None:
    """The undecided cell that needs the fewest prompts to be settled; among equals the cheapest."""
    needs = {cell.cell_id: sentences.prompts_to_settle(cell) for cell in cells}
    open_ = [cell for cell in cells if needs[cell.cell_id] is not None]
    return min(open_, key=lambda cell: (needs[cell.cell_id] or 0, view.model_calls(cell)), default=None)


def holds(cell: CellRecord) -> bool:
    """Every quality comparison shows it no worse than its reference by more than the margin."""
    compared = quality_comparisons(cell)
    return bool(compared) and all(c.verdict in ("equivalent", "improved") for c in compared)


def _improved(view: RunView, cell: CellRecord) -> bool:
    primary = comparison_of(cell, view.quality_metrics[0])
    return primary is not None and primary.verdict == "improved"


def _harm(cell: CellRecord) -> float:
    """For ranking: minus the improvement of the first comparison, in margins."""
    first = quality_comparisons(cell)[0]
    return -abs(first.difference or 0.0)


def _cost(view: RunView, cell: CellRecord) -> tuple[int, float]:
    return view.model_calls(cell), cell.timing.latency_s if cell.timing else float("inf")


def _without_reference(view: RunView) -> list[_Said]:
    """Nothing to compare with: each task's best number, as a number."""
    tasks = dict.fromkeys(cell.settings.task for cell in view.done)
    found = {task: _best_of(view, [cell for cell in view.done if cell.settings.task == task]) for task in tasks}
    said = {task: part for task, part in found.items() if part is not None}
    if len(tasks) < 2:
        return list(said.values()) or [_Said(_NO_SCORE)]
    return [replace(part, sentence=sentences.of_task(task, part.sentence)) for task, part in said.items()] or [
        _Said(_NO_SCORE)
    ]


def _best_of(view: RunView, cells: list[CellRecord]) -> _Said | None:
    """The first metric that any of the cells has a value of; diagnostics go last."""
    for metric in sorted(view.quality_metrics, key=lambda name: name in DIAGNOSTICS):
        scored = [(cell, score) for cell in cells for score in cell.scores if score.metric == metric]
        valued = [(cell, score) for cell, score in scored if score.value is not None]
        if valued and metric in WITHOUT_BETTER:
            return _Said(sentences.reach(metric, [(cell, score.value or 0.0) for cell, score in valued]))
        if valued:
            sign = -1 if valued[0][1].direction == "higher" else 1
            chosen, score = min(valued, key=lambda pair: sign * (pair[1].value or 0.0))
            return _Said(sentences.best_number(chosen, score, len(valued)), chosen)
    return None


def _why_no_verdict(view: RunView, said: list[_Said], groups: list[tuple[CellRecord, list[CellRecord]]]) -> list[str]:
    """Why a number is all there is, where something could have been better."""
    return [_no_verdict(view)] if not groups and any(part.chosen for part in said) else []


def caveats(view: RunView) -> tuple[str, ...]:
    """What a reader must know before quoting the headline."""
    lines = [view.unfinished] if view.unfinished else []
    if view.failed:
        lines.append(f"{sentences.cells(len(view.failed))} failed: {sentences.labels(list(view.failed))}.")
    lines += sentences.failed_solutions(view)
    missing = [cell for cell in view.cells if cell.reference and view.cell(cell.reference).status != "done"]
    if missing and view.done:
        lines.append(f"{sentences.cells(len(missing))} could not be compared: the reference has no result.")
    if any(cell.comparisons for cell in view.done):
        lines += sentences.on_sample_size(view)
    if any(counts_pictures(c.metric) for cell in view.done for c in cell.comparisons):
        lines.append(POINTS_WORDS)
    return tuple(lines)


_NOT_YET = "Nothing is compared with its reference yet"


def _no_verdict(view: RunView) -> str:
    """Why nothing is said to be better or worse."""
    alone = "There is nothing beside the reference"
    unnamed = alone if view.plan.compare_to or view.plan.first_that_fits else "No reference was named (compare_to)"
    held = [cell for cell in view.cells if cell.reference]
    failed = bool(held) and all(cell.status == "failed" for cell in held)
    nothing = "All that would be compared with its reference failed" if failed else _NOT_YET
    return f"{nothing if held else unnamed}, so no verdict is given."
