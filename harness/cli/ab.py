"""`harness ab`: one spec in two Python environments on this machine, timed in turns."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.options import choosing, gate_files, identical_option, json_option, planned, store_option
from harness.streams import say

if TYPE_CHECKING:
    from harness.store.records import Turns


@click.command("ab")
@choosing
@store_option
@click.option(
    "--env", "environments", multiple=True, required=True, metavar="NAME=PATH",
    help="A Python or a venv's folder, with or without a name; twice, the old one first.",
)  # fmt: skip
@click.option("--rounds", type=click.IntRange(min=2), help="Rounds of timing, instead of the spec's; odd: one more.")
@click.option(
    "--turns", type=click.Choice(["call", "visit"]),
    help="Both workers alive, call by call, or one after the other, visit by visit; else as device and memory allow.",
)  # fmt: skip
@click.option("--name", help="The runs are NAME-a and NAME-b, instead of the spec's name.")
@click.option("--devices", metavar="0,1", help="One worker process for each of these devices.")
@click.option(
    "--strict", is_flag=True, help="Leave with 3 where anything of the old one has no verdict, or no like in the new."
)
@identical_option
@gate_files
@json_option
@click.pass_context
def ab_verb(
    context: click.Context,
    spec: str,
    only: dict[str, list[str]],
    limit: int | None,
    device: str | None,
    store_path: Path,
    environments: tuple[str, ...],
    rounds: int | None,
    turns: Turns | None,
    name: str | None,
    devices: str | None,
    strict: bool,
    identical: bool,
    out: Path | None,
    markdown: Path | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Make SPEC in two environments and hold the second against the first: packages, pictures, quality, speed, memory.

    Each environment needs torch, diffusers and transformers only. Pictures are made one environment after the other
    and scored in this one; times are taken in turns. Leaves with 0 if nothing regressed, 1 if something did, 4 if
    nothing can be compared.
    """
    from harness.compare.ab_report import Files, report_ab, terminal
    from harness.compare.ab_report import as_json as ab_json
    from harness.compare.outcome import exit_code
    from harness.compare.strict import strict_lines
    from harness.run.ab.whole import AbRun, run_ab

    command = shlex.join(["harness", *sys.argv[1:]])
    plan = planned(spec, only, limit, device, store_path)
    made = run_ab(AbRun(plan, store_path, command, environments, name, devices, rounds, turns))
    files = Files(out, markdown, junit, strict, identical)
    report = report_ab(store_path, [run.run_id for run in made.runs], made.notes, files)
    say(ab_json(report).rstrip() if as_json else terminal(report, strict=strict))
    if strict and (why := strict_lines(report.compared)):
        say("\n  ".join(why), error=True)
    context.exit(exit_code(report.compared, strict=strict))
