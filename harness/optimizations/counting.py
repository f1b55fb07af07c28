"""Counts in words: ``7 of 9 AttnProcessor2_0``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable


def histogram(values: Iterable[object]) -> str:
    """``7 × AttnAddedKVProcessor2_0, 2 × AttnProcessor``; ``nothing`` of none."""
    counts = Counter(map(str, values))
    return ", ".join(f"{n} × {name}" for name, n in counts.most_common()) or "nothing"
