"""What a comparison comes to: one line, and the exit code that a gate goes by."""

from __future__ import annotations

from harness.compare.types import JUDGED, CellCompared, Compared, Verdict
from harness.errors import ExitCode
from harness.report.text import plural

#: What a cell comes to, of all that was found of it: the first of these that is there.
_GRAVEST: tuple[Verdict, ...] = (
    "regressed", "inconclusive", "improved", "equivalent", "not comparable", "no verdict",
)  # fmt: skip


def cell_verdict(cell: CellCompared) -> Verdict:
    """What a pair of cells comes to: one regression makes it regressed, and it is settled only if all of it is."""
    found = {finding.verdict for finding in cell.findings}
    return next((verdict for verdict in _GRAVEST if verdict in found), "no verdict")


def exit_code(compared: Compared, *, strict: bool) -> ExitCode:
    """0: nothing regressed; 1: something did; 4: there was nothing to compare; 3: ``strict``, and something is open.

    Open is what is inconclusive, and a cell of the baseline that the run has not made.
    """
    if compared.count("regressed"):
        return ExitCode.REGRESSED
    if not is_comparable(compared):
        return ExitCode.NOT_COMPARABLE
    if strict and is_open(compared):
        return ExitCode.INCONCLUSIVE
    return ExitCode.DONE


def is_comparable(compared: Compared) -> bool:
    """Whether anything was judged, or the pictures at least are the same."""
    judged = any(finding.verdict in JUDGED for _, finding in compared.findings())
    return judged or any(_same_pictures(cell) for cell in compared.cells)


def is_open(compared: Compared) -> bool:
    """Whether something of the baseline has no verdict that it should have."""
    unmade = any(cell.outcome == "not made in the run" for cell in compared.cells)
    return bool(compared.count("inconclusive") or compared.only_baseline or unmade)


def _same_pictures(cell: CellCompared) -> bool:
    return cell.pictures is not None and 0 < cell.pictures.rows == cell.pictures.identical


def headline(compared: Compared) -> str:
    """The whole in a sentence, regressions first."""
    if not compared.cells:
        return "Not comparable: the two runs share no cell."
    if not is_comparable(compared):
        return "Not comparable: nothing of the shared cells can be judged."
    counted = [
        (verdict, compared.count(verdict)) for verdict in ("regressed", "inconclusive", "improved", "equivalent")
    ]
    found = ", ".join(f"{count} {verdict}" for verdict, count in counted if count)
    cells = plural(len(compared.cells), "shared cell")
    if compared.count("regressed"):
        return f"Regressed: {found}, in {cells}."
    return f"No regression was shown in {cells}: {found or 'nothing was judged, and pictures are identical'}."
