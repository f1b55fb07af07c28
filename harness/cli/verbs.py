"""The verbs of an experiment; every one imports what it needs when it is called."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from harness import __version__
from harness.cli.ab import ab_verb
from harness.cli.compare import baseline_group, compare_verb
from harness.cli.doctor import doctor
from harness.cli.history import history_verb
from harness.cli.judge import judge_verb
from harness.cli.miniature import miniature
from harness.cli.options import choosing, choosing_cells, fitting, json_option, open_, planned, store_option
from harness.cli.schedulers import schedulers_group
from harness.cli.store import store_group
from harness.report.kinds import GENERAL, KINDS
from harness.streams import say

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="kandinsky-harness")
def cli() -> None:
    """Evaluate Kandinsky pipelines honestly: one YAML file in, evidence out.

    Begin with `harness run quickstart`: it needs no network and no GPU.
    """


@cli.command()
@choosing_cells
@fitting
@store_option
@json_option
def plan(
    spec: str,
    only: dict[str, list[str]],
    limit: int | None,
    device: str | None,
    memory: int | None,
    store_path: Path,
    as_json: bool,
) -> None:
    """Check SPEC and say what it would do: cells, refusals, defaults, model calls, time, disk and statistical power.

    With --memory, or with --device and a GPU's name, also what each cell holds and works, whether that fits, and the
    cheapest change that makes it fit: estimated from configurations, without weights and without that GPU.
    """
    from harness.plan.power import power_json, render_power
    from harness.plan.preflight import preflight_json, render_preflight
    from harness.plan.render import plan_json, render_plan
    from harness.run.power import power_of
    from harness.run.preflight import asked_for, preflight
    from harness.run.stored import render_stored, stored_already, stored_json
    from harness.run.wanted import missing, missing_json, render_missing

    kind, memory, named = asked_for(device, memory)
    made = planned(spec, only, limit, kind, store_path, fetch=False)
    absent = missing(made)
    fits = None if memory is None else preflight(made, memory, named, lambda text: say(text, error=True))
    power = power_of(made, store_path)
    stored = None if absent else stored_already(made, store_path)
    known = {"stored": stored_json(stored), "power": power_json(power), "missing": missing_json(absent)}
    whole = {**plan_json(made), **known}
    if as_json:
        whole |= {} if fits is None else {"preflight": preflight_json(fits)}
        say(json.dumps(whole, indent=2, ensure_ascii=False))
        return
    parts = (
        "" if fits is None else render_preflight(fits),
        render_plan(made),
        render_stored(stored),
        render_missing(absent, spec),
        render_power(power),
    )
    say("\n\n".join(part for part in parts if part))


@cli.command("run")
@choosing
@store_option
@click.option("--name", help="The run's name, instead of the spec's.")
@click.option("--devices", metavar="0,1", help="One worker process for each of these devices.")
@click.option("--fresh", is_flag=True, help="Read no cache: make every picture and time every cell again.")
@click.option("--remeasure", is_flag=True, help="Time every cell again, keep the pictures.")
@click.option("--tracking-uri", envvar="MLFLOW_TRACKING_URI", help="An MLflow server instead of the store's SQLite.")
@click.option("--no-track", is_flag=True, help="Leave MLflow out; `harness track` sends the run later.")
@click.option("--report", "report_path", type=click.Path(path_type=Path), help="Folder of the report.")
@click.pass_context
def run_verb(
    context: click.Context,
    /,
    spec: str,
    only: dict[str, list[str]],
    limit: int | None,
    device: str | None,
    store_path: Path,
    report_path: Path | None,
    **options: Any,
) -> None:
    """Run SPEC, or continue it where it was stopped; then track it and write its report."""
    from harness.run.whole import WholeRun, run_whole

    made = planned(spec, only, limit, device, store_path)
    command = shlex.join(["harness", *sys.argv[1:]])
    outcome = run_whole(WholeRun(made, store_path, command, report_path=report_path, **options))
    say(outcome.text)
    context.exit(outcome.exit_code)


@cli.command("fetch")
@choosing
@store_option
@json_option
def fetch_verb(
    spec: str, only: dict[str, list[str]], limit: int | None, device: str | None, store_path: Path, as_json: bool
) -> None:
    """Bring all that SPEC needs from the hub, and verify it: for a node that will have no network."""
    from harness.run.fetch import fetch, fetched_json

    found = fetch(planned(spec, only, limit, device, store_path), lambda text: say(text, error=as_json))
    if as_json:
        say(json.dumps(fetched_json(found), indent=2, ensure_ascii=False))


@cli.command()
@store_option
@json_option
def ls(store_path: Path, as_json: bool) -> None:
    """The runs in the store, newest last."""
    from harness.run.listing import list_runs

    say(list_runs(store_path, as_json=as_json))


@cli.command()
@click.argument("run", required=False)
@store_option
@json_option
def status(run: str | None, store_path: Path, as_json: bool) -> None:
    """How far RUN (or every run) is, cell by cell."""
    from harness.run.listing import status_of

    say(status_of(store_path, run, as_json=as_json))


@cli.command()
@click.argument("run")
@click.argument("cell", required=False)
@store_option
@click.option("--code", is_flag=True, help="The bare diffusers code that makes the same pixels.")
@click.option("--row", help="Id of the input row for --code (default: the first).")
@click.option("--out", type=click.Path(path_type=Path), help="Where the picture strip goes.")
def show(run: str, cell: str | None, store_path: Path, code: bool, row: str | None, out: Path | None) -> None:
    """One CELL of RUN: its numbers and a strip of its pictures, or the code that makes them.

    Without CELL it lists those that there are.
    """
    from harness.run.showing import show_cell, show_cell_code, show_cells

    store = open_(store_path)
    if cell is None:
        say(show_cells(store, run))
        return
    say(show_cell_code(store, run, cell, row) if code else show_cell(store, run, cell, out))


@cli.command()
@click.argument("run")
@store_option
@click.option("--kind", type=click.Choice(KINDS), default=GENERAL, show_default=True, help="What the report is about.")
@click.option("--against", metavar="BASELINE", help="Of a regression report: a run, FOLDER:RUN or a baseline's file.")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the report (default: reports/ in the store).")
@click.option("--png", type=click.Path(path_type=Path), help="Also write the one picture, 1600×900, here.")
@click.option("--compact", is_flag=True, help="Markdown, JSON and small pictures only, to be committed.")
def report(
    run: str, store_path: Path, kind: str, against: str | None, out: Path | None, png: Path | None, compact: bool
) -> None:
    """Write the report of RUN: one HTML page, Markdown, CSV and PNG.

    The kind `schedulers` says which scheduler holds the reference's quality, at how many steps, and what that costs.
    The kind `optimizations` says which optimization was on, what it brought, and whether it changed the pictures.
    The kind `regression` holds RUN against a baseline as `compare` does, regressed cells first.
    """
    from harness.report.write import write_report

    store = open_(store_path)
    run_id = store.find_run(run)
    own = store.root / "reports" / run_id / ("" if kind == GENERAL else kind)
    files = write_report(store, run_id, out or own, kind=kind, against=against, png=png, compact=compact)
    say("\n".join(str(p) for p in (files.html or files.markdown, files.summary, *files.png)))


@cli.command()
@click.argument("run")
@store_option
@click.option("--tracking-uri", envvar="MLFLOW_TRACKING_URI", help="An MLflow server instead of the store's SQLite.")
@click.option("--experiment", help="The MLflow experiment, instead of the spec's name.")
def track(run: str, store_path: Path, tracking_uri: str | None, experiment: str | None) -> None:
    """Send RUN to MLflow; what is there already is not doubled. Its report names the MLflow run from then on."""
    from harness.run.copies import track_later

    store = open_(store_path)
    say(track_later(store, store.find_run(run), tracking_uri=tracking_uri, experiment=experiment))


cli.add_command(ab_verb)
cli.add_command(compare_verb)
cli.add_command(baseline_group)
cli.add_command(judge_verb)
cli.add_command(history_verb)
cli.add_command(store_group)
cli.add_command(miniature)
cli.add_command(schedulers_group)
cli.add_command(doctor)
