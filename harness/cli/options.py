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


FILE = click.Path(path_type=Path, dir_okay=False)


def gate_files(verb: Verb) -> Verb:
    """The files that a gate's verdicts go into."""
    for option in (
        click.option("--junit", type=FILE, help="Write JUnit XML here: a test case for each cell and metric."),
        click.option("--markdown", type=FILE, help="Write a short table for a pull request here."),
        click.option("--out", type=click.Path(path_type=Path, file_okay=False),
                     help="Folder of the worst pictures and texts."),
    ):  # fmt: skip
        verb = option(verb)
    return verb


identical_option = click.option(
    "--identical", is_flag=True, help="Any picture that is not the same to the bit is a regression: leave with 1."
)


def knob_values(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> dict[str, list[str]]:
    """``K=V[,V]`` pairs as knob -> what was wanted of it; a comma may be a value's own, which the plan knows."""
    wanted: dict[str, list[str]] = {}
    for value in values:
        knob, equals, text = value.partition("=")
        if not equals or not knob or not text:
            raise click.BadParameter(f"{value!r} is not of the form KNOB=VALUE, for example scheduler=DDIM")
        wanted.setdefault(knob, []).append(text)
    return wanted


KINDS = ("auto", "cuda", "cpu", "mps")
_device_option = click.option("--device", type=click.Choice(KINDS), help="Instead of the spec's.")


def choosing(verb: Verb) -> Verb:
    """The options that choose and limit a plan."""
    return _device_option(choosing_cells(verb))


def choosing_cells(verb: Verb) -> Verb:
    """Those of them that say nothing of a device."""
    for option in (
        click.argument("spec"),
        click.option("--only", multiple=True, callback=knob_values, metavar="K=V", help="Only cells with this value."),
        click.option("--limit", type=click.IntRange(min=1), help="Only the first N images of each cell."),
    ):
        verb = option(verb)
    return verb


class DeviceOrKind(click.ParamType[str]):
    """A kind of device, or a device of the catalog by its name."""

    name = "device"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it was typed, if there is such a device."""
        from harness.catalog.devices import DEVICES, nearest_device

        known = (*KINDS, *DEVICES)
        if value not in known:
            hint = f" Did you mean {nearest!r}?" if (nearest := nearest_device(value)) else ""
            self.fail(f"there is no {value!r}.{hint} Known are {', '.join(known)}; any other by --memory.", param, ctx)
        return value


class Memory(click.ParamType[int]):
    """An amount of memory with its unit, as bytes."""

    name = "memory"

    def convert(self, value: str | int, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """``16GiB`` as bytes."""
        from harness.catalog.devices import memory_bytes

        try:
            return value if isinstance(value, int) else memory_bytes(value)
        except ValueError as error:
            self.fail(f"{error}.", param, ctx)


def fitting(verb: Verb) -> Verb:
    """The options that hold a plan against a device's memory."""
    for option in (
        click.option("--memory", type=Memory(), metavar="16GiB", help="Say what fits into this memory."),
        click.option("--device", type=DeviceOrKind(), metavar="NAME",
                     help="auto, cuda, cpu or mps instead of the spec's; or a GPU's name, such as a100-80gb."),
    ):  # fmt: skip
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
