"""What is installed where a worker runs, said by the environment itself."""

from __future__ import annotations

import importlib.metadata
import json
from typing import Any

from harness.run.bench import Bench, Finish
from harness.run.protocol import Describe, DescribeDone


def describe(_: Bench, request: Describe) -> Finish:
    """Packages and diffusers' table. The table of another version than the committed one's is remembered at once.

    Whoever builds a scheduler looks there, and an environment that is not ours could not look again by itself.
    """
    from harness.pipelines.probe_catalog import probe
    from harness.store.digests import package_identity

    table = probe()
    _remember(table)
    done = DescribeDone(
        installed=installed(), identities={name: package_identity(name) for name in request.packages}, table=table
    )
    return lambda: done


def installed() -> dict[str, str]:
    """Every package's version by its normalised name; the first on the path counts, as it does for an import."""
    found: dict[str, str] = {}
    for package in importlib.metadata.distributions():
        name = package.metadata["Name"]
        if name:
            found.setdefault(name.lower().replace("_", "-").replace(".", "-"), package.version)
    return dict(sorted(found.items()))


def _remember(table: dict[str, Any]) -> None:
    from harness import __version__
    from harness.catalog.diffusers_table import TABLE, cache_dir
    from harness.store.atomic import write_atomic

    if table["diffusers"] != json.loads(TABLE.read_text(encoding="utf-8"))["diffusers"]:
        file = cache_dir() / f"diffusers-{table['diffusers']}-for-{__version__}.json"
        write_atomic(file, (json.dumps(table, indent=1, sort_keys=True) + "\n").encode())
