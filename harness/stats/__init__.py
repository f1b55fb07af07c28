"""Judge: paired samples in, intervals and verdicts out. Knows numpy and scipy, and nothing of ours.

The unit is the prompt: whatever was measured several times for one prompt (seeds) is averaged first.
"""

from harness.stats.holm import holm
from harness.stats.intervals import Estimate, jackknife_interval, mean_interval, median_interval
from harness.stats.pairing import Paired, average_by_cluster, pair, paired_harm
from harness.stats.permutation import sign_flip_p
from harness.stats.verdict import LEAST, Judged, PairedSample, UnpairedSample, Verdict, paired_comparisons

__all__ = [
    "LEAST",
    "Estimate",
    "Judged",
    "Paired",
    "PairedSample",
    "UnpairedSample",
    "Verdict",
    "average_by_cluster",
    "holm",
    "jackknife_interval",
    "mean_interval",
    "median_interval",
    "pair",
    "paired_comparisons",
    "paired_harm",
    "sign_flip_p",
]
