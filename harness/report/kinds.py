"""The kinds of report that there are."""

from __future__ import annotations

KINDS = ("general", "schedulers", "optimizations", "regression")
GENERAL, SCHEDULERS, OPTIMIZATIONS, REGRESSION = KINDS
