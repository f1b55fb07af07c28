"""What is closed, sorted by what opens it: one remedy for all the rows that it opens."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness.run.doctor.types import Examination, Lack, Row

_FEW = 4


@dataclass
class Remedy:
    """A line (if one mends it), the reasons, what else to do, and the rows that it is needed for."""

    line: str | None
    do: str
    reasons: list[str] = field(default_factory=list)
    rows: dict[str, list[str]] = field(default_factory=dict)

    @property
    def opens(self) -> str:
        """The rows by catalog, in a line; of many only the number."""
        told = (
            f"{catalog}: {', '.join(names) if len(names) <= _FEW else f'{len(names)} rows'}"
            for catalog, names in self.rows.items()
        )
        return f"for {'; '.join(told)}"


def remedies(found: Examination) -> list[Remedy]:
    """In the order of need: what the miniature lacks first. What no machine opens is not among them."""
    known: dict[tuple[str, str], Remedy] = {}
    for row in (found.miniature, *found.rows):
        if row.status in ("closed", "unknown"):
            for lack in row.lacks:
                _add(known, row, lack)
    return list(known.values())


def _add(known: dict[tuple[str, str], Remedy], row: Row, lack: Lack) -> None:
    """Lacks without a line are one if their reasons are."""
    remedy = known.setdefault((lack.line or lack.reason, lack.do), Remedy(lack.line, lack.do))
    if lack.reason not in remedy.reasons:
        remedy.reasons.append(lack.reason)
    remedy.rows.setdefault(row.catalog, []).append(row.name)
