"""What `harness miniature` does: build the family, part by part, and measure it."""

from __future__ import annotations

from pathlib import Path

import torch

import harness
from harness.errors import UsageError
from harness.miniature.adopt import adopt
from harness.miniature.recipes import RECIPES, in_order
from harness.miniature.train import Say, train
from harness.miniature.workshop import Workshop

WEIGHTS = Path(harness.__file__).parent / "miniature" / "weights"


def build(
    folder: Path, parts: tuple[str, ...] = (), threads: int = 1, say: Say = print, *, from_shipped: bool = False
) -> None:
    """Train the parts that ``folder`` lacks (all, if none is named), each after what it needs; resumable.

    ``from_shipped``: what has shipped is taken as it is, and only the rest is trained.
    """
    unknown = sorted(set(parts) - set(RECIPES))
    if unknown:
        raise UsageError(f"There is no part {unknown[0]!r}.", expected="one of " + ", ".join(RECIPES))
    torch.set_num_threads(threads)
    shop = Workshop(folder)
    if from_shipped:
        adopt(shop, WEIGHTS, say)
    for recipe in in_order(parts):
        train(recipe, shop, say)


def write(folder: Path, out: Path, members: tuple[str, ...] = ()) -> int:
    """Write members of the family (all, if none is named) in the real formats; the size of ``out`` in bytes."""
    from harness.miniature.export import export

    export(Workshop(folder), out, members)
    return sum(path.stat().st_size for path in out.rglob("*") if path.is_file())


def evaluate(store_path: Path, page_path: Path) -> tuple[str, bool]:
    """Run the bars' specs, or take their results from the store; the page's text, and whether all are kept."""
    from harness.miniature.evaluate import SPEC, bars, page
    from harness.miniature.family_bars import family_bars
    from harness.report.view import load_view
    from harness.store.store import open_store

    run_id = _run(SPEC, store_path)
    store = open_store(store_path)
    found, family = bars(store, run_id), family_bars(lambda spec: load_view(store, _run(spec, store_path)))
    text = page(store, run_id, found, family)
    page_path.parent.mkdir(parents=True, exist_ok=True)
    page_path.write_text(text)
    return text, all(bar.kept for bar in (*found, *family))


def _run(spec: str, store_path: Path) -> str:
    """The id of a shipped spec's run, made now unless the store holds it."""
    from harness.miniature.evaluate import COMMAND
    from harness.run.forecast import plan_spec
    from harness.run.whole import WholeRun, run_whole

    plan = plan_spec(spec, only={}, limit=None, device="cpu", store_path=store_path)
    return run_whole(WholeRun(plan=plan, store_path=store_path, command=COMMAND, no_track=True)).run_id
