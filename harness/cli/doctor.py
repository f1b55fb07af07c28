"""`harness doctor`: what this machine has, what that opens, and the line that opens the rest."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import json_option, store_option
from harness.errors import ExitCode
from harness.streams import say


@click.command("doctor")
@store_option
@click.option(
    "--timeout",
    "limit_s",
    type=click.FloatRange(min=0, min_open=True),
    default=180.0,
    show_default=True,
    metavar="SECONDS",
    help="How long the packages may take to import, all together.",
)
@json_option
@click.pass_context
def doctor(context: click.Context, store_path: Path, limit_s: float, as_json: bool) -> None:
    """What this machine has, which rows of the catalogs that opens or closes, and the line that opens each closed one.

    Exit code 0: everything that the shipped miniature needs works; 6: something that it needs is missing.
    """
    from harness.run.doctor.examine import examine
    from harness.run.doctor.render import render

    found = examine(store_path, limit_s, lambda text: say(text, error=True))
    say(found.model_dump_json(indent=2) if as_json else render(found, colour=sys.stdout.isatty()))
    context.exit(ExitCode.DONE if found.miniature.status == "open" else ExitCode.MISSING)
