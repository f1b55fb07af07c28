"""`harness miniature`: the shipped family, built or measured again."""

from __future__ import annotations

from pathlib import Path

import click

from harness.cli.options import store_option
from harness.errors import ExitCode
from harness.streams import say


@click.group()
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
@store_option
@click.option("--page", type=click.Path(path_type=Path), default=Path("docs/miniature.md"), show_default=True)
@click.pass_context
def miniature_evaluate(context: click.Context, store_path: Path, page: Path) -> None:
    """Measure the shipped weights against their bars and write the page."""
    from harness.miniature.verb import evaluate

    text, kept = evaluate(store_path, page)
    say(text)
    context.exit(ExitCode.DONE if kept else ExitCode.REGRESSED)
