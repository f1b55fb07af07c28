"""`harness history`: a metric over many stored runs."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option, knob_values, open_, store_option
from harness.streams import say


@click.command("history")
@click.argument("metric")
@store_option
@click.option("--cell", "cells", multiple=True, callback=knob_values, metavar="K=V", help="Only cells with this value.")
@click.option("--runs", multiple=True, metavar="NAME", help="Only runs of this name, or this run; may be repeated.")
@click.option("--png", type=click.Path(path_type=Path, dir_okay=False), help="Also draw it here.")
@json_option
def history_verb(
    metric: str,
    store_path: Path,
    cells: dict[str, list[str]],
    runs: tuple[str, ...],
    png: Path | None,
    as_json: bool,
) -> None:
    """METRIC (a score, latency or peak_memory) of each cell over the store's runs, and where its level changed.

    Numbers of different hardware, scorers or rows are separate series. What changed in the environment stands before
    each run.
    """
    from harness.compare.history.rendering import render
    from harness.compare.history.whole import history

    found = history(open_(store_path), metric, cells=cells, runs=runs)
    if png is not None:
        from harness.compare.history.chart import history_chart
        from harness.store.atomic import write_atomic

        write_atomic(png, history_chart(found).png())
    say(found.model_dump_json(indent=2) if as_json else render(found))
