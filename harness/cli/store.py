"""`harness store`: what the store holds, and what may go."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import json_option, open_, store_option
from harness.errors import ExitCode
from harness.streams import say


@click.group("store")
def store_group() -> None:
    """What the store holds, and what may go."""


@store_group.command("du")
@store_option
@json_option
def store_du(store_path: Path, as_json: bool) -> None:
    """Bytes by stage and by run."""
    from harness.store.usage import render_usage, usage

    found = usage(open_(store_path))
    say(found.model_dump_json(indent=2) if as_json else render_usage(found))


@store_group.command("gc")
@store_option
@click.option("--keep", multiple=True, metavar="RUN", help="Keep these runs only (default: all of them).")
@click.option("--older-than", type=float, metavar="DAYS", help="Only what was last written this long ago.")
@click.option("--dry-run", is_flag=True, help="Say what would go.")
def store_gc(store_path: Path, keep: tuple[str, ...], older_than: float | None, dry_run: bool) -> None:
    """Remove results that no kept run refers to."""
    from harness.store.gc import collect

    store = open_(store_path)
    kept = [store.find_run(run) for run in keep] or None
    say(str(collect(store, keep_runs=kept, older_than_days=older_than, dry_run=dry_run)))


@store_group.command("check")
@store_option
@click.pass_context
def store_check(context: click.Context, store_path: Path) -> None:
    """Read everything back and verify it."""
    from harness.store.check import check

    found = check(open_(store_path))
    say(str(found))
    context.exit(ExitCode.DONE if found.good else ExitCode.STORE)
