"""Stacks of optimizations: how one is named, and which cannot be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from harness.catalog.optimizations import CUDA_GRAPHS, NONE, OFFLOADS, OPTIMIZATIONS
from harness.catalog.types import Api, OptimizationChoice, OptimizationRow, Version

Stack = tuple[OptimizationChoice, ...]
_ONE_OF_A_KIND = {
    "attention": "each puts its own processor in the other's place",
    "storage": "each stores the same weights in its own way",
    "residence": "each decides by itself where the weights are",
}


class Situation(NamedTuple):
    """What a stack is for."""

    version: Version
    api: Api
    has_prior: bool


def label_of_stack(stack: Sequence[OptimizationChoice]) -> str:
    """``channels-last+compile``; ``none`` for the empty one."""
    return "+".join(one.label for one in stack) or NONE


def option(choice: OptimizationChoice, name: str) -> str | bool:
    """An option's value, or its default."""
    default = "+".join(OPTIMIZATIONS[choice.name].parts) if name == "parts" else None
    return choice.options.get(name, default if default is not None else OPTIMIZATIONS[choice.name].options[name][0])


def compiles(stack: Iterable[OptimizationChoice]) -> bool:
    """Whether anything of it is compiled."""
    return any(choice.name == "compile" for choice in stack)


def parts_of_choice(choice: OptimizationChoice) -> tuple[str, ...]:
    """The networks that an optimization is applied to."""
    return tuple(part for part in str(option(choice, "parts")).split("+") if part)


def touching_prior(stack: Sequence[OptimizationChoice]) -> Stack:
    """Those that can change the prior's result: cells that differ in the others only share it."""
    return tuple(one for one in stack if "prior" in parts_of_choice(one) or OPTIMIZATIONS[one.name].kind == "precision")


def stack_refusal(stack: Sequence[OptimizationChoice], at: Situation) -> str | None:
    """Why a stack cannot be, or ``None``."""
    for choice in stack:
        reason = _alone(choice, at)
        if reason is not None:
            return reason
    pairs = [(stack[i], stack[j]) for i in range(len(stack)) for j in range(i + 1, len(stack))]
    reasons = (rule(*pair) for pair in pairs for rule in _RULES)
    return next((reason for reason in reasons if reason is not None), None)


def _alone(choice: OptimizationChoice, at: Situation) -> str | None:
    row, combined = OPTIMIZATIONS[choice.name], choice.options.get("assign") == "combined"
    if row.refused:
        return f"{row.name}: {row.refused}"
    if "prior" in parts_of_choice(choice) and not at.has_prior:
        return f"{choice.label}: Kandinsky {at.version} has no prior"
    if row.name == "release-prior" and not at.has_prior:
        return f"release-prior: Kandinsky {at.version} has no prior"
    if row.name == "release-prior" and at.api == "combined":
        return "release-prior: a combined pipeline holds its prior as long as itself; use api: two-stage"
    if combined and (at.api != "combined" or not at.has_prior):
        return f"{choice.label}: there is a pipeline around the one that runs in the combined form of 2.x only"
    return None


def _twice(first: OptimizationChoice, second: OptimizationChoice) -> str | None:
    return f"{first.name} stands in the stack twice" if first.name == second.name else None


def _one_of_a_kind(first: OptimizationChoice, second: OptimizationChoice) -> str | None:
    one, other = _rows(first, second)
    if one.kind != other.kind or one.kind not in _ONE_OF_A_KIND:
        return None
    return f"{one.name} and {other.name} exclude each other: {_ONE_OF_A_KIND[one.kind]}"


def _order(first: OptimizationChoice, second: OptimizationChoice) -> str | None:
    one, other = _rows(first, second)
    if one.rank <= other.rank:
        return None
    return f"{one.name} comes after {other.name}: {_WHY_LATER[one.kind]}; write {other.name}+{one.name}"


_WHY_LATER = {
    "storage": "weights are stored as the precision was set for",
    "attention": "processors read the weights as they are stored then",
    "layout": "the layout is that of the weights as they are stored then",
    "residence": "its hooks must find the networks as they will run",
    "compile": "what is changed after compiling is compiled again or not seen at all",
}


def _graphs(first: OptimizationChoice, second: OptimizationChoice) -> str | None:
    """Of two in their order, only the second one compiles."""
    if first.name not in OFFLOADS or second.name != "compile":
        return None
    if option(second, "mode") in CUDA_GRAPHS:
        return f"{first.name} moves weights, and the CUDA graphs of {second.label} replay fixed addresses"
    if option(second, "fullgraph") is True:
        return f"{first.name} hooks into every call, which breaks the one graph that {second.label} asks for"
    if first.name == "sequential-offload":
        return "sequential-offload leaves no weights in the network between calls: there is nothing to compile for"
    return None


def _sequential(first: OptimizationChoice, second: OptimizationChoice) -> str | None:
    if second.name == "sequential-offload" and OPTIMIZATIONS[first.name].kind == "storage":
        return f"sequential-offload keeps weights as plain tensors on the meta device, which {first.name} replaces"
    return None


def _released(first: OptimizationChoice, second: OptimizationChoice) -> str | None:
    other = second if first.name == "release-prior" else first if second.name == "release-prior" else None
    if other is not None and other.name == "compile":
        return "release-prior loads the decoder anew for each batch: it would be compiled anew each time"
    if other is not None and "prior" in parts_of_choice(other):
        return f"release-prior drops the prior after each batch, and {other.label} with it: leave its parts at unet"
    return None


_Rule = Callable[[OptimizationChoice, OptimizationChoice], str | None]
_RULES: tuple[_Rule, ...] = (_twice, _one_of_a_kind, _order, _graphs, _sequential, _released)


def _rows(first: OptimizationChoice, second: OptimizationChoice) -> tuple[OptimizationRow, OptimizationRow]:
    return OPTIMIZATIONS[first.name], OPTIMIZATIONS[second.name]
