"""What docs/statistics.md says beside its numbers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """A section's heading, what it is of, and the name of its numbers."""

    title: str
    text: str
    column: str


WORDS: dict[str, Words] = {
    "coverage": Words(
        "Intervals",
        """How often the nominal 95 % interval holds the truth. *Skewed*: exponential, skewness 2. *Clustered*: four
seeds a prompt, half of the variance the prompt's; the interval knows prompts only. *Very skewed*:
lognormal, skewness 6; it is told, and is no bar. 1,999 resamples here; the harness takes 9,999. Bar: 92 to
98 %.""",
        "covered",
    ),
    "table": Words(
        "The verdict rule",
        """One comparison alone, normal harms, a margin of half their standard deviation. *Forecast* is what `harness
plan` computes without simulation.""",
        "how often",
    ),
    "settle": Words(
        "The number that would settle it",
        """Each comparison that came out *inconclusive* where there is no effect, asked again with the number of
prompts that its report said, at a margin of half a standard deviation. Bar: settled in 80 %. The number
answers "nothing changed, how do I show it?"; an effect of half the margin needs four times as many, and
nobody knows the effect beforehand. *By 8.6·(σ/M)²*: the number before decision 0010.""",
        "settled",
    ),
    "nought": Words(
        "A margin of zero",
        """Reports in which nothing differs, by the share that names any *regressed* or *improved*; half of the
comparisons are skewed harms of 32 prompts, half unpaired timings of three visits. Nominal: 5 %. *One side
at a time* is the rule before decision 0010.""",
        "false alarms",
    ),
    "moderated": Words(
        "Tried and not taken: spreads shared among comparisons",
        """A timing has few visits, so that its spread is hardly known, and Holm asks much of one of many comparisons.
Empirical Bayes (Smyth 2004) draws the variances of a report's comparisons to what they have in common, which narrows
intervals of three visits by about a third. Below, reports in which nothing differs, by the share that calls anything
different; nominal: 5 %. *Uneven*: spreads lognormal, 95 % of them within 2.7 times the median. The rule holds only
where all spreads are alike, and an audit's cells need not be (its visits of three calls spread by 2 to 22 %, those of
ten calls by 2 to 6 %). So each comparison keeps its own, and what settles a speed-up is more calls and visits
(`timing.repeats`, `timing.rounds`).""",
        "false alarms",
    ),
    "alarms": Words(
        "False alarms of `harness compare`",
        """Pairs of runs of one thing, drawn from one stored run: 32 of its prompts with replacement, disjoint seeds,
and three visits of the timing pass each, disjoint too. They go through `harness compare`'s own functions; a
false alarm is a report with any *regressed* or *improved*. Bar: at most 5 % of the pairs. A timing whose
visits drift by more than the margin decides nothing; *drift ignored* takes that guard away, so that the
statistics stand alone.""",
        "false alarms",
    ),
    "found": Words(
        "Power of `harness compare`",
        """The same pairs, with a loss of twice the margin planted in every picture of one cell. The number of prompts
is what `harness plan` asks for at the widest spread seen: for one comparison, and for all of the report. Bar:
found in 90 %, at the latter.""",
        "found",
    ),
}
HEAD = """# What the statistics hold to

Written by `nox -s statistics`: every number below is of the functions that reports use, on numbers whose truth is known
or on a stored run of one thing. The rule is in [compare.md](compare.md) and the decisions
[0005](decisions/0005-shares-and-visits.md) and [0010](decisions/0010-statistics-that-hold.md). All seeds are fixed: the
same command gives the same numbers."""
TAIL = """## Again

```bash
harness run tests/support/one-thing.yaml --store one-thing --no-track   # 13 cells, 32 prompts, 4 seeds, 8 visits
nox -s statistics -- one-thing one-thing                                # --only coverage measures that part alone
```"""
