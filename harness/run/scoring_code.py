"""Which code and which rows made a cell's scores of its stored features: no key of a stored result holds them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import harness
from harness.base import digest
from harness.catalog.metrics import METRICS
from harness.catalog.own_metrics import own_metrics
from harness.plan.types import Cell, Plan
from harness.run.own_code import identity_of
from harness.store.digests import digest_file, digest_source


def scoring_of(plan: Plan, cell: Cell) -> str:
    """Digest of all that turns a cell's features into its scores; empty for a cell that is not scored."""
    metrics = plan.metrics_of(cell)
    if not metrics:
        return ""
    rows = [METRICS[name].model_dump(mode="json") for name in metrics]
    found = own_metrics().found
    return digest(["scoring", our_code(), rows, {name: identity_of(found[name]) for name in metrics if name in found}])


#: Beside the aggregation and the verdicts themselves, what they take numbers and rules from.
_TAKEN_FROM = ("catalog/optimizations.py", "catalog/stacks.py", "catalog/world.py", "plan/margins.py", "run/judge.py",
               "run/pictures.py", "store/measured.py")  # fmt: skip


@cache
def our_code() -> str:
    """Digest of the aggregation, the verdicts and the statistics.

    Looked at once a process: what it has loaded does not change while it runs.
    """
    package = Path(harness.__file__).parent
    files = [*sorted((package / "run").glob("aggregate*.py")), *(package / name for name in _TAKEN_FROM)]
    named = [(path.relative_to(package).as_posix(), digest_file(path)) for path in files]
    return digest([named, digest_source([package / "stats"])])
