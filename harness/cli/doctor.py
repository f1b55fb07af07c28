"""`harness doctor`: what this machine has, what that opens, and the line that opens the rest; how noisy it is."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from harness.cli.options import KINDS, json_option, store_option
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
@click.option("--noise", is_flag=True, help="Measure this machine's noise instead: the same cell twice, interleaved.")
@click.option("--model", default="mini-2.2", show_default=True, metavar="MODEL", help="Of --noise: what is called.")
@click.option(
    "--minutes",
    type=click.FloatRange(min=0, min_open=True),
    default=2.0,
    show_default=True,
    help="Of --noise: for how long; three visits are the least.",
)
@click.option("--device", type=click.Choice(KINDS), help="Of --noise: instead of the best there is.")
@json_option
@click.pass_context
def doctor(
    context: click.Context,
    store_path: Path,
    limit_s: float,
    noise: bool,
    model: str,
    minutes: float,
    device: str | None,
    as_json: bool,
) -> None:
    """What this machine has, which rows of the catalogs that opens or closes, and the line that opens each closed one.

    Exit code 0: everything that the shipped miniature needs works; 6: something that it needs is missing.

    With --noise: how far one cell is from itself in fresh processes, which differences that hides, and the margins and
    the timing that suit it; kept for the reports of runs in the same environment.
    """
    if noise:
        _noise(model, minutes, store_path, device, as_json=as_json)
        return
    from harness.run.doctor.examine import examine
    from harness.run.doctor.render import render

    found = examine(store_path, limit_s, lambda text: say(text, error=True))
    say(found.model_dump_json(indent=2) if as_json else render(found, colour=sys.stdout.isatty()))
    context.exit(ExitCode.DONE if found.miniature.status == "open" else ExitCode.MISSING)


def _noise(model: str, minutes: float, store_path: Path, device: str | None, *, as_json: bool) -> None:
    from harness.run.noise import measure_noise
    from harness.run.noise_words import render_noise
    from harness.run.progress import reporter

    with reporter() as tell:
        found = measure_noise(model, minutes, store_path, tell, device=device)
    say(found.model_dump_json(indent=2) if as_json else render_noise(found))
