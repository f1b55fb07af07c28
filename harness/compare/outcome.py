"""What a comparison comes to: one line, and the exit code that a gate goes by."""

from __future__ import annotations

from collections.abc import Collection

from harness.compare import words
from harness.compare.types import JUDGED, TAKEN_OVER, CellCompared, Compared, Finding, Verdict
from harness.compare.undecided import leaning, undecided_words
from harness.errors import ExitCode
from harness.report.text import listing, plural
from harness.report.view import COSTS

#: Outcomes of a cell of the baseline of which the run has no result.
UNMADE = ("not made in the run", "failed in both")
#: What a cell comes to, of all that was found of it: the first of these that is there.
_GRAVEST: tuple[Verdict, ...] = (
    "regressed", "inconclusive", "improved", "equivalent", "not comparable", "no verdict",
)  # fmt: skip


def cell_verdict(cell: CellCompared) -> Verdict:
    """What a pair of cells comes to: one regression makes it regressed, and it is settled only if all of it is."""
    return _gravest(cell.findings) or "no verdict"


def verdict_of_pictures(cell: CellCompared) -> Verdict | None:
    """What a pair of cells comes to in its pictures' metrics alone; ``None``: it has none."""
    return _gravest([one for one in cell.findings if one.metric not in COSTS])


def verdict_of_costs(cell: CellCompared) -> Verdict | None:
    """What a pair of cells comes to in speed and memory alone; ``None``: neither was measured."""
    return _gravest([one for one in cell.findings if one.metric in COSTS])


def _gravest(findings: Collection[Finding]) -> Verdict | None:
    found = {finding.verdict for finding in findings}
    return next((verdict for verdict in _GRAVEST if verdict in found), None)


def exit_code(compared: Compared, *, strict: bool) -> ExitCode:
    """0: nothing regressed; 1: something did; 4: there was nothing to compare; 3: ``strict``, and something is open.

    Open is what is inconclusive, a number of the baseline that the run has nothing like, and a cell or row of the
    baseline that the run has not made, took over, or that failed in both.
    """
    if compared.count("regressed"):
        return ExitCode.REGRESSED
    if not is_comparable(compared):
        return ExitCode.NOT_COMPARABLE
    if strict and is_open(compared):
        return ExitCode.INCONCLUSIVE
    return ExitCode.DONE


def is_comparable(compared: Compared) -> bool:
    """Whether anything was judged, or all pictures at least are the same."""
    if any(finding.verdict in JUDGED for _, finding in compared.findings()):
        return True
    made = [cell for cell in compared.cells if cell.outcome == "compared"]
    return bool(made) and all(map(_same_pictures, made))


def is_open(compared: Compared) -> bool:
    """Whether something of the baseline has no verdict that it should have."""
    unmade = any(cell.outcome in UNMADE or rows_lost(cell) for cell in compared.cells)
    owed = any(finding.owed for _, finding in compared.findings())
    return bool(compared.count("inconclusive") or compared.only_baseline or unmade or owed or not_tested(compared))


def not_tested(compared: Compared) -> list[CellCompared]:
    """Cells whose pictures are the baseline's own stored ones: nothing ran that could have broken."""
    return [cell for cell in compared.cells if any(map(took_over, cell.findings))]


def is_itself(compared: Compared) -> bool:
    """Whether both sides are one run."""
    return compared.baseline.run_id == compared.run.run_id


def took_over(finding: Finding) -> bool:
    """Whether a finding is of the baseline's own stored result, as all of a run beside itself are."""
    return finding.reason == TAKEN_OVER


def rows_lost(cell: CellCompared) -> int:
    """How many rows of the baseline a cell lacks that both have made."""
    return cell.rows_only_baseline if cell.outcome == "compared" else 0


def _same_pictures(cell: CellCompared) -> bool:
    return cell.pictures is not None and 0 < cell.pictures.rows == cell.pictures.identical


def headline(compared: Compared) -> str:
    """The whole in a few sentences: regressions, then what is open, what was not compared, and what was not tested."""
    return " ".join(filter(None, (_verdict(compared), _not_compared(compared), _not_tested(compared))))


def _verdict(compared: Compared) -> str:
    if not compared.cells:
        return "Not comparable: the two runs share no cell."
    if not is_comparable(compared):
        return "Not comparable: nothing of the shared cells can be judged."
    cells = plural(len(compared.cells), "shared cell")
    if compared.count("regressed"):
        worse = len(leaning(compared))
        more = f"; {worse} of the inconclusive {'lean' if worse > 1 else 'leans'} to worse" if worse else ""
        return f"Regressed: {_names(compared)}; {_counted(compared, _ALL)}, in {cells}{more}."
    if compared.count("inconclusive"):
        rest = _counted(compared, ("improved", "equivalent"))
        return f"Undecided: {undecided_words(compared)}{f'; {rest}' if rest else ''}."
    found = _counted(compared, ("improved", "equivalent"))
    return f"No regression was shown in {cells}: {found or 'nothing was judged, and pictures are identical'}."


def _names(compared: Compared) -> str:
    """ "DDIM (a new failure) and UniPC (CLIP score, latency)"; of many the first, failures before all."""
    worse = [cell for cell in compared.cells if cell_verdict(cell) == "regressed"]
    worse.sort(key=lambda cell: cell.outcome != "new failure")
    return listing([f"{cell.label} ({_worse_in(cell)})" for cell in worse], _NAMED)


def _worse_in(cell: CellCompared) -> str:
    if cell.outcome == "new failure":
        return "a new failure"
    return ", ".join(words.metric(one) for one in cell.findings if one.verdict == "regressed")


_NAMED = 3  # of the cells that regressed, in a headline
_ALL: tuple[Verdict, ...] = ("regressed", "inconclusive", "improved", "equivalent")


def _counted(compared: Compared, verdicts: tuple[Verdict, ...]) -> str:
    counts = [(verdict, compared.count(verdict)) for verdict in verdicts]
    return ", ".join(f"{count} {verdict}" for verdict, count in counts if count)


def _not_compared(compared: Compared) -> str:
    """What a count of the shared cells' verdicts does not know of."""
    outcomes = [cell.outcome for cell in compared.cells]
    rows, owed = sum(map(rows_lost, compared.cells)), sum(one.owed for _, one in compared.findings())
    unlike = sum(map(_of_two_kinds, (one for _, one in compared.findings())))
    counts = [
        (len(compared.only_baseline), "only the baseline has"),
        (len(compared.only_run), "only the run has"),
        (outcomes.count("not made in the run"), "the run has not made"),
        (outcomes.count("not made in the baseline"), "the baseline had not made"),
        (outcomes.count("failed in both"), "failed in both"),
    ]
    told = [f"{plural(count, 'cell')} that {what}" for count, what in counts if count]
    told += [f"{plural(rows, 'row')} that only the baseline has"] if rows else []
    told += [f"{plural(owed, 'number')} of the baseline with no like in the run"] if owed else []
    told += [f"{plural(unlike, 'number')} that both have and that are of two kinds"] if unlike else []
    return f"Not compared: {', '.join(told)}." if told else ""


def _of_two_kinds(one: Finding) -> bool:
    there = one.baseline is not None and one.run is not None
    return one.verdict == "not comparable" and there and not one.owed


def _not_tested(compared: Compared) -> str:
    """Of a run that found what the baseline had made: its pictures say nothing of the code that ran today."""
    if is_itself(compared):
        return "Both are one run: nothing was tested."
    taken = not_tested(compared)
    if not taken:
        return ""
    cells = f"{len(taken)} of {plural(len(compared.cells), 'shared cell')}"
    return (
        f"Not tested anew: {cells}, whose stored pictures serve both runs; to make them again give the run a store of "
        "its own (`--store`)."
    )
