"""`harness compare` and `harness baseline`: two stored runs against each other, and a run as one file."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import FILE, gate_files, identical_option, json_option, open_, store_option
from harness.streams import say


@click.command("compare")
@click.argument("baseline")
@click.argument("run")
@store_option
@click.option(
    "--margin", "margins", multiple=True, metavar="METRIC=VALUE", help="Told as stated afterwards; no verdict."
)
@click.option(
    "--strict", is_flag=True, help="Leave with 3 where anything of the baseline has no verdict, or no like in the run."
)
@identical_option
@gate_files
@json_option
@click.pass_context
def compare_verb(
    context: click.Context,
    baseline: str,
    run: str,
    store_path: Path,
    margins: tuple[str, ...],
    strict: bool,
    identical: bool,
    out: Path | None,
    markdown: Path | None,
    junit: Path | None,
    as_json: bool,
) -> None:
    """Hold RUN against BASELINE, cell by cell: failures, pictures, quality, speed, memory, and what changed.

    Each is a run's id or name, FOLDER:RUN of another store, or a file of `baseline export`. The margins are those that
    the baseline's spec stated. Leaves with 0 if nothing was shown to have regressed, 1 if something was, 4 if nothing
    can be compared. A gate wants --strict: it leaves with 3 where something of the baseline has no verdict.
    """
    from harness.compare.margins import late_margin
    from harness.compare.outcome import exit_code
    from harness.compare.strict import strict_lines
    from harness.compare.terminal import render
    from harness.compare.whole import Wanted, compare_whole
    from harness.compare.whole import as_json as whole_json

    late = dict(late_margin(text) for text in margins)
    wanted = Wanted(baseline, run, store_path, late, out, junit, markdown, strict, identical)
    compared = compare_whole(wanted)
    say(whole_json(compared).rstrip() if as_json else render(compared, strict=strict))
    if strict and (why := strict_lines(compared)):
        say("\n  ".join(why), error=True)
    context.exit(exit_code(compared, strict=strict))


@click.group("baseline")
def baseline_group() -> None:
    """A run as one file, to be compared with elsewhere."""


@baseline_group.command("export")
@click.argument("run")
@click.argument("file", type=FILE)
@store_option
@click.option("--allow-failed", is_flag=True, help="Though cells of it failed, of which no gate will know.")
def baseline_export(run: str, file: Path, store_path: Path, allow_failed: bool) -> None:
    """Write RUN with its rows and pictures into FILE, every part with its digest.

    A run whose cells are not all done is refused: whatever becomes of those cells later, no gate would see it.
    """
    from harness.compare.baseline import export, refuse_holes

    store = open_(store_path)
    run_id = store.find_run(run)
    if not allow_failed:
        refuse_holes(store, run_id)
    say(f"{run_id} is in {file}, SHA-256 {export(store, run_id, file)}")


@baseline_group.command("import")
@click.argument("file", type=FILE)
@store_option
@click.option("--sha256", metavar="DIGEST", help="What `baseline export` said of FILE: another file is refused.")
def baseline_import(file: Path, store_path: Path, sha256: str | None) -> None:
    """Check FILE and bring it into the store as a run. Its results count as made here: import what you trust."""
    from harness.compare.baseline import expected_sum, import_

    expected_sum(file, sha256)  # before a store is made for it
    run_id, total = import_(file, open_(store_path, create=True), sha256)
    same = "as was asked" if sha256 else "which `baseline export` said if it is the same"
    say(f"{run_id} is in {store_path}; the file's SHA-256 is {total}, {same}")
