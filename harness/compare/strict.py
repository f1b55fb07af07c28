"""What a gate has to hear beside a regression, or in its place: what is open, and what would close it."""

from __future__ import annotations

from harness.compare import words
from harness.compare.outcome import UNMADE, exit_code, is_itself, not_tested, rows_lost
from harness.compare.types import Compared, Finding
from harness.compare.undecided import settles, undecided
from harness.errors import ExitCode
from harness.report.text import plural
from harness.report.view import COSTS

_SHOWN = 12  # of what is open, on a terminal and in a pull request; the JSON has all


def open_lines(compared: Compared) -> list[str]:
    """Everything of the baseline that has no verdict which it should have, a line each."""
    findings = [f"{cell.label}: {words.metric(one)}: {settles(one)}" for cell, one in undecided(compared)]
    owed = [f"{cell.label}: {words.metric(one)}: {one.reason}" for cell, one in compared.findings() if one.owed]
    rows = [(cell.label, rows_lost(cell)) for cell in compared.cells if rows_lost(cell)]
    lost = [f"{label}: {plural(count, 'row')} that only the baseline has" for label, count in rows]
    unmade = [f"{cell.label}: {cell.outcome}" for cell in compared.cells if cell.outcome in UNMADE]
    alone = [f"{cell.label}: only the baseline has it" for cell in compared.only_baseline]
    how = "is the baseline's own" if is_itself(compared) else "took over the baseline's stored pictures"
    taken = [f"{cell.label}: {how}" for cell in not_tested(compared)]
    return [*findings, *owed, *lost, *unmade, *alone, *taken]


def strict_lines(compared: Compared) -> list[str]:
    """What is told of it, as lines: that it is why `--strict` leaves with 3, or stands beside what it leaves with 1 or
    4 for; what is open; what to do. None where nothing is open."""
    code, found = exit_code(compared, strict=True), open_lines(compared)
    if code == ExitCode.DONE or not found:
        return []
    more = [f"and {len(found) - _SHOWN} more, which --json lists"] if len(found) > _SHOWN else []
    has = f"{plural(len(found), 'thing')} of the baseline {'has' if len(found) == 1 else 'have'} no verdict"
    why = f"--strict leaves with 3: {has}." if code == ExitCode.INCONCLUSIVE else f"Beside that, {has}."
    return [why, *found[:_SHOWN], *more, f"What to do: {'; '.join(_advice(compared))}."]


def strict_would(compared: Compared) -> str:
    """That `--strict` would not leave with 0 where the command does; "" where it would."""
    if exit_code(compared, strict=False) != ExitCode.DONE or exit_code(compared, strict=True) == ExitCode.DONE:
        return ""
    count = plural(len(open_lines(compared)), "thing")
    return f"A gate with --strict would leave with 3: {count} of the baseline without a verdict."


def _advice(compared: Compared) -> list[str]:
    found = [one for _, one in undecided(compared)]
    kinds = [
        (_prompts(found), "ask more prompts in both runs"),
        (
            _costs(found),
            "time with more `timing: rounds` on an idle machine, or turn timing off where speed is no matter",
        ),
        (
            bool(found),
            "or, where so small a loss is no matter, state a wider margin in the spec and make the baseline again",
        ),
        (
            any(one.owed for _, one in compared.findings()),
            "measure in the run what the baseline measured, with the same scorers and the same `timing:`",
        ),
        (any(map(rows_lost, compared.cells)), "ask the baseline's prompts and seeds in the run"),
        (
            bool(not_tested(compared)),
            "name the candidate, not the baseline again"
            if is_itself(compared)
            else "give the run a store of its own (`--store`): its code then makes the pictures",
        ),
        (
            _cells(compared),
            "make the missing cells (mend what fails; the same `harness run` goes on), or a new baseline without them",
        ),
    ]
    return [what for needed, what in kinds if needed]


def _prompts(found: list[Finding]) -> bool:
    return any(one.unit == "prompt" and one.metric not in COSTS for one in found)


def _costs(found: list[Finding]) -> bool:
    return any(one.metric in COSTS for one in found)


def _cells(compared: Compared) -> bool:
    return bool(compared.only_baseline) or any(cell.outcome in UNMADE for cell in compared.cells)
