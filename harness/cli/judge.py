"""`harness judge`: a page of blind pairs for human eyes, and what the votes come to."""

from __future__ import annotations

import json
import secrets
from pathlib import Path

import click

from harness.cli.options import FILE, json_option, store_option
from harness.errors import UsageError
from harness.streams import say


@click.command("judge")
@click.argument("run")
@store_option
@click.option("--against", metavar="CELL|RUN", help="The cell that all others meet, or a run whose cells meet RUN's.")
@click.option("--cell", "cells", multiple=True, metavar="CELL", help="Only this cell of RUN; say it twice for two.")
@click.option("--pairs", "wanted", type=click.IntRange(1, 2000), metavar="N", help="Ask a person for N votes at most.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Of rows, sides and order (default: a random one).")
@click.option("--question", help="What a person is asked about each pair.")
@click.option("--out", type=FILE, help="The page (default: in reports/ of the store).")
@click.option("--votes", "files", multiple=True, type=FILE, help="Count this file of votes; say it for each voter.")
@click.option("--markdown", type=FILE, help="With --votes: write the tables here.")
@json_option
def judge_verb(
    run: str,
    store_path: Path,
    against: str | None,
    cells: tuple[str, ...],
    wanted: int | None,
    seed: int | None,
    question: str | None,
    out: Path | None,
    files: tuple[Path, ...],
    markdown: Path | None,
    as_json: bool,
) -> None:
    """Write one page of blind pairs of RUN's pictures; with --votes, say what people preferred.

    RUN and a run after --against are named as for `harness compare`: FOLDER:RUN is one of another store, and --against
    takes a baseline's file too.

    Two cells meet on every prompt and seed; more of them in a balanced design. The page works offline and does not know
    which cell made which picture: that stays in the store. Keys 1, 2, t and u; votes are saved as a file.
    """
    making = {"--against": against, "--cell": cells, "--pairs": wanted, "--seed": seed, "--question": question,
              "--out": out}  # fmt: skip
    given = [name for name, value in making.items() if value not in (None, ())]
    if files and given:
        raise UsageError(f"{given[0]} makes a page, --votes counts one.", do="leave one of the two out")
    if files:
        _count(store_path, run, files, markdown, as_json=as_json)
        return
    if markdown is not None:
        raise UsageError("--markdown writes what votes come to, and there are none.", do="add --votes FILE")
    _make(store_path, run, against, cells, wanted, seed, question, out, as_json=as_json)


def _count(store_path: Path, run: str, files: tuple[Path, ...], markdown: Path | None, *, as_json: bool) -> None:
    from harness.compare.judge.rendering import render, render_markdown
    from harness.compare.judge.whole import count_votes
    from harness.compare.outputs import put
    from harness.compare.sides import of_a_store

    found = count_votes(*of_a_store(run, store_path), files)
    if markdown is not None:
        put(markdown, render_markdown(found).encode(), "--markdown")
    say(json.dumps(found.as_json(), indent=2, ensure_ascii=False) if as_json else render(found))


def _make(
    store_path: Path,
    run: str,
    against: str | None,
    cells: tuple[str, ...],
    wanted: int | None,
    seed: int | None,
    question: str | None,
    out: Path | None,
    *,
    as_json: bool,
) -> None:
    from harness.compare.judge.types import QUESTION
    from harness.compare.judge.whole import Asked, make_page
    from harness.compare.sides import of_a_store

    drawn = secrets.randbelow(2**32) if seed is None else seed
    store, name = of_a_store(run, store_path)
    made = make_page(store, Asked(name, against, cells, wanted, drawn, (question or "").strip() or QUESTION, out))
    told = {"page": str(made.page), "key": str(made.key), "page_id": made.told.page, "seed": drawn,
            "pairs": len(made.told.pairs), "bytes": made.bytes, "notes": made.told.notes}  # fmt: skip
    say(json.dumps(told, indent=2, ensure_ascii=False) if as_json else made.words)
