"""The verbs. The only file that imports click; every verb imports what it needs when it is called."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from harness import __version__
from harness.errors import ExitCode, explained
from harness.streams import say

if TYPE_CHECKING:
    from harness.plan.types import Plan
    from harness.store.store import Store

_Verb = TypeVar("_Verb", bound=Callable[..., Any])

_CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}
_ASIDE = {"-h", "--help", "--version"}  # what click itself answers

_store_option = click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path),
    envvar="HARNESS_STORE",
    default=Path("runs"),
    show_default="./runs or $HARNESS_STORE",
    help="Where records and results live.",
)
_json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


@click.group(context_settings=_CONTEXT)
@click.version_option(__version__, prog_name="kandinsky-harness")
def cli() -> None:
    """Evaluate Kandinsky pipelines honestly: one YAML file in, evidence out.

    Begin with `harness run quickstart`: it needs no network and no GPU.
    """


def _choices(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    """``K=V[,V]`` pairs as knob -> what was wanted of it; a comma may be a value's own, which the plan knows."""
    wanted: dict[str, list[str]] = {}
    for value in values:
        knob, equals, text = value.partition("=")
        if not equals or not knob or not text:
            raise click.BadParameter(f"{value!r} is not of the form KNOB=VALUE, for example scheduler=DDIM")
        wanted.setdefault(knob, []).append(text)
    return wanted


def _choosing(verb: _Verb) -> _Verb:
    """The options that choose and limit a plan."""
    for option in (
        click.argument("spec"),
        click.option("--only", multiple=True, callback=_choices, metavar="K=V", help="Only cells with this value."),
        click.option("--limit", type=click.IntRange(min=1), help="Only the first N images of each cell."),
        click.option("--device", type=click.Choice(["auto", "cuda", "cpu", "mps"]), help="Instead of the spec's."),
    ):
        verb = option(verb)
    return verb


def _plan(spec: str, only: dict[str, list[str]], limit: int | None, device: str | None, store: Path) -> Plan:
    from harness.run.forecast import plan_spec

    return plan_spec(spec, only=only, limit=limit, device=device, store_path=store)


def _open(path: Path, *, create: bool = False) -> Store:
    from harness.store.store import open_store

    return open_store(path, create=create)


@cli.command()
@_choosing
@_store_option
@_json_option
def plan(
    spec: str, only: dict[str, list[str]], limit: int | None, device: str | None, store_path: Path, as_json: bool
) -> None:
    """Check SPEC and say what it would do: cells, refusals, defaults, model calls, time and disk."""
    from harness.plan.render import plan_json, render_plan

    made = _plan(spec, only, limit, device, store_path)
    say(json.dumps(plan_json(made), indent=2, ensure_ascii=False) if as_json else render_plan(made))


@cli.command("run")
@_choosing
@_store_option
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

    made = _plan(spec, only, limit, device, store_path)
    command = shlex.join(["harness", *sys.argv[1:]])
    outcome = run_whole(WholeRun(made, store_path, command, report_path=report_path, **options))
    say(outcome.text)
    context.exit(outcome.exit_code)


@cli.command("fetch")
@click.argument("spec")
@_store_option
@_json_option
def fetch_verb(spec: str, store_path: Path, as_json: bool) -> None:
    """Bring all that SPEC needs from the hub, and verify it: for a node that will have no network."""
    from harness.run.fetch import fetch, fetched_json

    found = fetch(_plan(spec, {}, None, None, store_path), lambda text: say(text, error=as_json))
    if as_json:
        say(json.dumps(fetched_json(found), indent=2, ensure_ascii=False))


@cli.command()
@_store_option
@_json_option
def ls(store_path: Path, as_json: bool) -> None:
    """The runs in the store, newest last."""
    from harness.run.listing import list_runs

    say(list_runs(store_path, as_json=as_json))


@cli.command()
@click.argument("run", required=False)
@_store_option
@_json_option
def status(run: str | None, store_path: Path, as_json: bool) -> None:
    """How far RUN (or every run) is, cell by cell."""
    from harness.run.listing import status_of

    say(status_of(store_path, run, as_json=as_json))


@cli.command()
@click.argument("run")
@click.argument("cell")
@_store_option
@click.option("--code", is_flag=True, help="The bare diffusers code that makes the same pixels.")
@click.option("--row", help="Id of the input row for --code (default: the first).")
@click.option("--out", type=click.Path(path_type=Path), help="Where the picture strip goes.")
def show(run: str, cell: str, store_path: Path, code: bool, row: str | None, out: Path | None) -> None:
    """One CELL of RUN: its numbers and a strip of its pictures, or the code that makes them."""
    from harness.run.showing import show_cell, show_cell_code

    store = _open(store_path)
    say(show_cell_code(store, run, cell, row) if code else show_cell(store, run, cell, out))


@cli.command()
@click.argument("run")
@_store_option
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the report (default: reports/ in the store).")
@click.option("--png", type=click.Path(path_type=Path), help="Also write the one picture, 1600×900, here.")
@click.option("--compact", is_flag=True, help="Markdown, JSON and small pictures only, to be committed.")
def report(run: str, store_path: Path, out: Path | None, png: Path | None, compact: bool) -> None:
    """Write the report of RUN: one HTML page, Markdown, CSV and PNG."""
    from harness.report.write import write_report

    store = _open(store_path)
    run_id = store.find_run(run)
    files = write_report(store, run_id, out or store.root / "reports" / run_id, png=png, compact=compact)
    say("\n".join(str(p) for p in (files.html or files.markdown, files.summary, files.png) if p))


@cli.command()
@click.argument("run")
@_store_option
@click.option("--tracking-uri", envvar="MLFLOW_TRACKING_URI", help="An MLflow server instead of the store's SQLite.")
@click.option("--experiment", help="The MLflow experiment, instead of the spec's name.")
def track(run: str, store_path: Path, tracking_uri: str | None, experiment: str | None) -> None:
    """Send RUN to MLflow; what is there already is not doubled. Its report names the MLflow run from then on."""
    from harness.run.copies import track_later

    store = _open(store_path)
    say(track_later(store, store.find_run(run), tracking_uri=tracking_uri, experiment=experiment))


@cli.group("store")
def store_group() -> None:
    """What the store holds, and what may go."""


@store_group.command("du")
@_store_option
@_json_option
def store_du(store_path: Path, as_json: bool) -> None:
    """Bytes by stage and by run."""
    from harness.store.usage import render_usage, usage

    found = usage(_open(store_path))
    say(found.model_dump_json(indent=2) if as_json else render_usage(found))


@store_group.command("gc")
@_store_option
@click.option("--keep", multiple=True, metavar="RUN", help="Keep these runs only (default: all of them).")
@click.option("--older-than", type=float, metavar="DAYS", help="Only what was last written this long ago.")
@click.option("--dry-run", is_flag=True, help="Say what would go.")
def store_gc(store_path: Path, keep: tuple[str, ...], older_than: float | None, dry_run: bool) -> None:
    """Remove results that no kept run refers to."""
    from harness.store.gc import collect

    store = _open(store_path)
    kept = [store.find_run(run) for run in keep] or None
    say(str(collect(store, keep_runs=kept, older_than_days=older_than, dry_run=dry_run)))


@store_group.command("check")
@_store_option
@click.pass_context
def store_check(context: click.Context, store_path: Path) -> None:
    """Read everything back and verify it."""
    from harness.store.check import check

    found = check(_open(store_path))
    say(str(found))
    context.exit(ExitCode.DONE if found.good else ExitCode.STORE)


@cli.group()
def miniature() -> None:
    """The shipped miniature family: build it again, or measure it again."""


@miniature.command("build")
@click.argument("parts", nargs=-1)
@click.option(
    "--workshop",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(".miniature"),
    show_default=True,
    help="Training pictures, checkpoints and finished parts.",
)
@click.option("--threads", type=click.IntRange(min=1), default=2, show_default=True)
@click.option("--from-shipped", is_flag=True, help="Take the parts that have shipped as they are; train the rest.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), help="Also write the weights here.")
@click.option("--member", "members", multiple=True, help="Only this folder, such as mini-2.2/inpaint; repeatable.")
def miniature_build(
    parts: tuple[str, ...],
    workshop: Path,
    threads: int,
    from_shipped: bool,
    out: Path | None,
    members: tuple[str, ...],
) -> None:
    """Train PARTS (all by default), each after what it needs. Stopped, the same command goes on where it stood."""
    from harness.miniature.verb import build, write

    build(workshop, parts, threads, say, from_shipped=from_shipped)
    if out is not None:
        say(f"{write(workshop, out, members) / 1e6:.1f} MB in {out}")


@miniature.command("evaluate")
@_store_option
@click.option("--page", type=click.Path(path_type=Path), default=Path("docs/miniature.md"), show_default=True)
@click.pass_context
def miniature_evaluate(context: click.Context, store_path: Path, page: Path) -> None:
    """Measure the shipped weights against their bars and write the page."""
    from harness.miniature.verb import evaluate

    text, kept = evaluate(store_path, page)
    say(text)
    context.exit(ExitCode.DONE if kept else ExitCode.REGRESSED)


def run(arguments: list[str]) -> int:
    """Run one command line; the exit code is the design's, whatever happened."""
    try:
        result = cli.main(arguments, prog_name="harness", standalone_mode=False)
        return result if isinstance(result, int) else ExitCode.DONE
    except SystemExit:  # how click leaves when the reader of its own help has left
        return ExitCode.DONE if _ASIDE.intersection(arguments) else ExitCode.USAGE
    except Exception as error:
        return _explain(error)
    except KeyboardInterrupt:
        return _explain(click.Abort())


def _explain(error: Exception) -> ExitCode:
    """Tell the person; the code says whose the fault was. A fault of ours must not read as a verdict."""
    code = ExitCode.USAGE
    if isinstance(error, click.Abort):
        text, code = "Interrupted. What was stored stays; the same command continues.", ExitCode.INTERRUPTED
    elif isinstance(error, click.ClickException):
        text = f"{error.format_message()}\nTry `harness --help`, or `harness VERB --help`."
    else:
        known = explained(error)
        text, code = str(known), known.exit_code
    say(text, error=True)
    return code
