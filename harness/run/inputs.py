"""What pictures start from, put into the store before anything is made from it."""

from __future__ import annotations

from harness.errors import MissingError
from harness.plan.types import Asset, Plan
from harness.store.store import Store


def keep_inputs(store: Store, plan: Plan) -> None:
    """Keep every picture, mask and map of the plan under its content's digest.

    Raises:
        MissingError: one is no longer what it was when the spec was read.
    """
    for asset in plan.assets.values():
        if asset.pending:
            raise MissingError(f"{asset.source.get('url', 'A picture')} was not fetched.", do="run the spec again")
        if not store.has("inputs", asset.key):
            store.put("inputs", asset.key, _read_again(asset))


def _read_again(asset: Asset) -> bytes:
    from harness.spec.pictures import load_asset

    again, png = load_asset(asset.source)
    if again.key != asset.key:
        where = next((str(asset.source[name]) for name in ("file", "url") if name in asset.source), "an input picture")
        raise MissingError(
            f"{where} has changed since the spec was read.",
            expected="the same picture from the plan to the end of the run",
            do="run the command again: the spec is read anew",
        )
    return png
