"""The committed page is what today's sources and libraries would give."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalog.types import SchedulerVariant
from harness.proof.check import Cell, answer
from harness.proof.page import cell_text, runs
from harness.proof.whole import digest_of_sources, made_with

_PAGE = Path(__file__).parents[2] / "docs" / "schedulers.md"
_WRITE = "write it again: nox -s schedulers"


def test_the_page_is_fresh() -> None:
    text = _PAGE.read_text()
    assert f"<!-- sources {digest_of_sources()} -->" in text, _WRITE
    assert ", ".join(f"{name} {version}" for name, version in made_with().items()) in text, _WRITE


@pytest.mark.parametrize(
    "variant", [SchedulerVariant(name="DDIM"), SchedulerVariant(name="HeunDiscrete"), SchedulerVariant(name="DDPM")]
)
def test_cells_of_the_page_computed_again_are_fresh(variant: SchedulerVariant) -> None:
    section = _PAGE.read_text().split(f"### {variant.name}Scheduler\n")[1].split("\n### ")[0]
    rows = [line.split(" | ") for line in section.splitlines() if line.startswith("| defaults | text-to-image |")]
    found = [cell.strip(" |") for cell in rows[0][2:]]
    assert found == [
        cell_text(answer(Cell(variant, version, "text-to-image", None))) for version in ("2.1", "2.2", "3")
    ]


def test_counts_in_few_words() -> None:
    assert runs([1, 2, 3, 16, 20, 21]) == "1–3, 16, 20–21" and runs([]) == ""
