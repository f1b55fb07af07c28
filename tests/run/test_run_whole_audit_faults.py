"""Faults planted in the workers of a real run, and flagged by the audit of it; a recompile needs a timing pass."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.audit_faults import FAULTS, PAGE, SOUND, TIMED, flagged, page, planted, spec
from support.runs import Lab


@pytest.mark.slow
def test_every_planted_fault_is_flagged_and_nothing_else(tiny: Path, tmp_path: Path) -> None:
    lab = Lab(tmp_path, tiny)
    lab.spec(**spec(timed=False))
    with planted(tmp_path / "planted"):
        run = lab.run()
    assert run.status == "finished"
    found = flagged(lab, run)
    for name, (_, words) in FAULTS.items():
        if name != TIMED:
            assert [words in sentence for sentence in found[name]] == [True], (name, found[name])
    assert not any(found[name] for name in ("none", *SOUND))


def test_the_committed_page_has_all_of_them() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert f"{len(FAULTS)} of {len(FAULTS)} are flagged" in text and "| NO |" not in text


def test_a_fault_that_is_missed_is_told() -> None:
    found = {name: (f"{words}.",) for name, (_, words) in FAULTS.items()} | dict.fromkeys(SOUND, ())
    assert "5 of 5 are flagged" in page(found)
    assert "4 of 5 are flagged" in page({**found, "compile": ()}) and "| NO |" in page({**found, "compile": ()})
