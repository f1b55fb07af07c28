"""What the verbs share: options, and what they stand for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from harness.plan.types import Plan
    from harness.store.store import Store

Verb = TypeVar("Verb", bound=Callable[..., Any])


store_option = click.option(
    "--store",
    "store_path",
    type=click.Path(path_type=Path),
    envvar="HARNESS_STORE",
    default=Path("runs"),
    show_default="./runs or $HARNESS_STORE",
    help="Where records and results live.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


def _choices(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    """``K=V[,V]`` pairs as knob -> what was wanted of it; a comma may be a value's own, which the plan knows."""
    wanted: dict[str, list[str]] = {}
    for value in values:
        knob, equals, text = value.partition("=")
        if not equals or not knob or not text:
            raise click.BadParameter(f"{value!r} is not of the form KNOB=VALUE, for example scheduler=DDIM")
        wanted.setdefault(knob, []).append(text)
    return wanted


def choosing(verb: Verb) -> Verb:
    """The options that choose and limit a plan."""
    for option in (
        click.argument("spec"),
        click.option("--only", multiple=True, callback=_choices, metavar="K=V", help="Only cells with this value."),
        click.option("--limit", type=click.IntRange(min=1), help="Only the first N images of each cell."),
        click.option("--device", type=click.Choice(["auto", "cuda", "cpu", "mps"]), help="Instead of the spec's."),
    ):
        verb = option(verb)
    return verb


def planned(
    spec: str, only: dict[str, list[str]], limit: int | None, device: str | None, store: Path, *, fetch: bool = True
) -> Plan:
    """The plan of a spec; ``fetch``: its pictures are brought from the web."""
    from harness.run.forecast import plan_spec

    return plan_spec(spec, only=only, limit=limit, device=device, store_path=store, fetch=fetch)


def open_(path: Path, *, create: bool = False) -> Store:
    """The store at a path."""
    from harness.store.store import open_store

    return open_store(path, create=create)
