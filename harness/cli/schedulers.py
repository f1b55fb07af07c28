"""`harness schedulers`: what is known of them, and its proof."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import click

from harness.catalog.names import Task, Version
from harness.cli.options import json_option
from harness.errors import ExitCode
from harness.streams import say

_TASKS = [name for name in get_args(Task) if name != "interpolation"]  # it walks text-to-image's loop


class _NamesToo(click.Group):
    """A word that is no command is a scheduler's name."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of that name, or the one that prints a row."""
        return super().resolve_command(ctx, args if args[0] in self.commands else [_ROW, *args])


_ROW = "row"


@click.group("schedulers", cls=_NamesToo, invoke_without_command=True, subcommand_metavar="[NAME]... | check [NAME]...")
@json_option
@click.pass_context
def schedulers_group(context: click.Context, as_json: bool) -> None:
    """Every scheduler of the installed diffusers: right under Kandinsky, or refused and why.

    Without a NAME it prints the catalog; with one, all that is known of that class.
    """
    from harness.proof.listing import listing_json, render_listing

    if context.invoked_subcommand is None:
        say(json.dumps(listing_json(), indent=2, ensure_ascii=False) if as_json else render_listing())


@schedulers_group.command(_ROW, hidden=True)
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@json_option
@click.pass_context
def schedulers_row(context: click.Context, names: tuple[str, ...], as_json: bool) -> None:
    """All that is known of each of these classes."""
    from harness.cli.scheduler_card import card_json, render_card, row_named

    rows = [row_named(name) for name in names]
    as_json = as_json or bool(context.parent and context.parent.params["as_json"])
    told = [json.dumps([card_json(row) for row in rows], indent=2, ensure_ascii=False)] if as_json else []
    say("\n\n".join(told or map(render_card, rows)))


@schedulers_group.command("check")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--task", "tasks", multiple=True, type=click.Choice(_TASKS), help="Only this task; repeatable.")
@click.option(
    "--version", "versions", multiple=True, type=click.Choice(get_args(Version)), help="Only this version; repeatable."
)
@click.option("--processes", type=click.IntRange(min=1), help="Default: one for each core.")
@click.option("--write", type=click.Path(path_type=Path), help="Also write the page, such as docs/schedulers.md.")
@json_option
@click.pass_context
def schedulers_check(
    context: click.Context,
    names: tuple[str, ...],
    tasks: tuple[Task, ...],
    versions: tuple[Version, ...],
    processes: int | None,
    write: Path | None,
    as_json: bool,
) -> None:
    """Prove the catalog: NAMEs (all by default) against known answers, in diffusers' own pipelines.

    Exit code 0: all holds; 1: something that the catalog says does not.
    """
    _hush()
    from harness.proof.naming import known_names
    from harness.proof.page import write_page
    from harness.proof.summary import proof_json, render_proof
    from harness.proof.whole import failures, prove

    chosen = known_names(names)
    proof = prove(
        chosen,
        versions or get_args(Version),
        tasks or tuple(_TASKS),
        scanned=write is not None,
        processes=processes,
        say=lambda text: say(text, error=True),
    )
    if write is not None:
        write_page(proof, write)
    say(json.dumps(proof_json(proof), indent=2, ensure_ascii=False) if as_json else render_proof(proof))
    context.exit(ExitCode.REGRESSED if failures(proof) else ExitCode.DONE)


def _hush() -> None:
    """Where torchao is installed, torch and diffusers warn of it at import, in each process; it plays no part here."""
    os.environ.setdefault("DIFFUSERS_VERBOSITY", "error")
    os.environ.setdefault("TORCH_LOGS", "-torch.utils._pytree")
