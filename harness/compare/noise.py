"""What `harness doctor --noise` found of the machines that two runs were made on."""

from __future__ import annotations

from harness.report.noise import noise_words
from harness.report.view import RunView


def noise_notes(baseline: RunView, run: RunView) -> list[str]:
    """A line for each model that was measured, once where both runs were made in the same environment."""
    theirs, mine = noise_words(baseline), noise_words(run)
    if theirs == mine:
        return [f"A/A noise where both were made: {line}." for line in mine]
    sides = (("baseline", theirs), ("run", mine))
    return [f"A/A noise where the {side} was made: {line}." for side, lines in sides for line in lines]
