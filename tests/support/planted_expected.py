"""What the gate must say of each planted fault, in which cells, and of what the fault cannot reach: nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.compare import words
from harness.compare.types import CellCompared, Finding
from harness.errors import ExitCode

SLOW = "slow"
#: of the calls that the page shows: passed, regressed, inconclusive, another machine, no shared cell, a late margin
SHOWN_CODES = (ExitCode.DONE, ExitCode.REGRESSED, ExitCode.INCONCLUSIVE, ExitCode.NOT_COMPARABLE,
               ExitCode.NOT_COMPARABLE, ExitCode.REGRESSED)  # fmt: skip


@dataclass(frozen=True)
class Expected:
    """Of one fault: metric -> the cells in which it must be *regressed*.

    ``beyond``: cells that the fault cannot reach. ``pictures``: it reaches pictures, and all that is seen in them; if
    not, the metrics of ``regressed`` alone.
    """

    regressed: dict[str, tuple[str, ...]]
    beyond: tuple[str, ...] = ()
    pictures: bool = True

    def reaches(self, cell: str, metric: str) -> bool:
        """Whether a finding can be the fault's."""
        return cell not in self.beyond and (self.pictures or metric in self.regressed)

    def changes_pictures(self, cell: str) -> bool:
        """Whether a cell's pictures can be others."""
        return self.pictures and cell not in self.beyond


_BOTH = ("DDIM", "EulerDiscrete")
EXPECTED: dict[str, Expected] = {
    "scaling": Expected({"clip_score": ("EulerDiscrete",)}, beyond=("DDIM",)),
    "guidance": Expected({"clip_score": ("DDIM",)}),  # what it does to Euler needs more prompts: not asked for
    "channels": Expected({"clip_score": _BOTH, "world_truth": _BOTH}),
    "jpeg": Expected({"clip_score": _BOTH}),
    "prompt": Expected({"clip_score": _BOTH, "world_truth": _BOTH}),
    SLOW: Expected({"latency": ("mini-2.2",)}, pictures=False),
}


@dataclass(frozen=True)
class Found:
    """What the gate said of one planted fault, cell by cell; ``code``: what it left with."""

    fault: str
    command: str
    code: int
    cells: tuple[CellCompared, ...]

    @property
    def verdicts(self) -> list[tuple[str, Finding]]:
        """Cells with their findings that are no equivalence."""
        told = [(cell.label, one) for cell in self.cells for one in cell.findings]
        return [(label, one) for label, one in told if one.verdict not in ("equivalent", "no verdict")]


def failings(found: Found) -> list[str]:
    """Where the gate did not say what it must of the fault, a sentence each."""
    return [f"{found.fault}: {text}" for text in _failings(found, EXPECTED[found.fault])]


def _failings(found: Found, expected: Expected) -> Iterator[str]:
    if found.code != ExitCode.REGRESSED:
        yield f"the gate left with {found.code}, expected {int(ExitCode.REGRESSED)}"
    told = {(cell.label, one.metric): one.verdict for cell in found.cells for one in cell.findings}
    for metric, labels in expected.regressed.items():
        for label in labels:
            if (verdict := told.get((label, metric), "not there")) != "regressed":
                yield f"{metric} of {label} is {verdict}, expected regressed"
    for (label, metric), verdict in told.items():
        if verdict in ("regressed", "improved") and not expected.reaches(label, metric):
            yield f"{metric} of {label} is {verdict}, where the fault cannot reach"
    yield from _of_pictures(found, expected)


def _of_pictures(found: Found, expected: Expected) -> Iterator[str]:
    """Other pictures where the fault cannot reach: something else than it was planted, or the machine repeats none."""
    for cell in found.cells:
        if cell.pictures is None or not cell.pictures.rows:
            yield f"no picture of {cell.label} was held against another"
        elif cell.pictures.identical < cell.pictures.rows and not expected.changes_pictures(cell.label):
            yield f"{cell.label}: {words.pictures(cell.pictures)}, where the fault cannot reach"


def wrong_codes(calls: Sequence[tuple[str, int, str]]) -> list[str]:
    """The calls of the page that left with another code than they must, a sentence each."""
    pairs = zip(calls, SHOWN_CODES, strict=True)
    return [f"`{call}` left with {code}, expected {int(must)}" for (call, code, _), must in pairs if code != must]
