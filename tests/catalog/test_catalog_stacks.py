"""Stacks: their names, their order, and what excludes what."""

from __future__ import annotations

import pytest

from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.stacks import Situation, label_of_stack, option, parts_of_choice, stack_refusal, touching_prior
from harness.catalog.types import OptimizationChoice

TWO_STAGE, COMBINED, THREE = (
    Situation("2.2", "two-stage", True),
    Situation("2.2", "combined", True),
    Situation("3", "combined", False),
)


def _choice(name: str, **options: str | bool) -> OptimizationChoice:
    return OptimizationChoice(name=name, options=options)


GRAPHS, WHOLE = _choice("compile", mode="reduce-overhead"), _choice("compile", fullgraph=True)


@pytest.mark.parametrize(
    ("stack", "at", "words"),
    [
        (["channels-last", "compile"], TWO_STAGE, None),
        (["layerwise-casting", "sdpa", "channels-last", "compile"], TWO_STAGE, None),
        (["model-offload", "compile"], TWO_STAGE, None),
        (["compile", "channels-last"], TWO_STAGE, "compile comes after channels-last"),
        (["sdpa", "layerwise-casting"], TWO_STAGE, "sdpa comes after layerwise-casting"),
        (["sdpa", "sdpa"], TWO_STAGE, "twice"),
        (["sdpa", "xformers"], TWO_STAGE, "exclude each other"),
        (["model-offload", "group-offload"], TWO_STAGE, "exclude each other"),
        (["layerwise-casting", "int8-weights"], TWO_STAGE, "exclude each other"),
        (["model-offload", GRAPHS], TWO_STAGE, "CUDA graphs"),
        (["group-offload", WHOLE], TWO_STAGE, "breaks the one graph"),
        (["sequential-offload", "compile"], TWO_STAGE, "nothing to compile for"),
        (["int8-weights", "sequential-offload"], TWO_STAGE, "meta device"),
        (["release-prior", "compile"], TWO_STAGE, "compiled anew"),
        ([_choice("sdpa", parts="prior"), "release-prior"], TWO_STAGE, "leave its parts at unet"),
        (["release-prior"], COMBINED, "use api: two-stage"),
        (["release-prior"], THREE, "has no prior"),
        ([_choice("compile", parts="unet+prior")], THREE, "has no prior"),
        ([_choice("compile", assign="combined")], TWO_STAGE, "combined form of 2.x only"),
        ([_choice("compile", assign="combined")], COMBINED, None),
        (["movq-slicing"], TWO_STAGE, "NotImplementedError"),
        (["movq-tiling"], TWO_STAGE, "NotImplementedError"),
    ],
)
def test_a_stack_that_cannot_be_is_refused_with_its_reason(
    stack: list[str | OptimizationChoice], at: Situation, words: str | None
) -> None:
    reason = stack_refusal([_choice(one) if isinstance(one, str) else one for one in stack], at)
    assert reason is None if words is None else words in str(reason)


def test_what_the_refusal_of_an_order_tells_to_write_is_right() -> None:
    names = [name for name, row in OPTIMIZATIONS.items() if not row.refused]
    for first in names:
        for second in names:
            reason = stack_refusal([_choice(first), _choice(second)], TWO_STAGE) or ""
            if "; write " in reason:
                told = reason.split("; write ")[1].split("+")
                assert told == [second, first]
                assert "comes after" not in str(stack_refusal([_choice(name) for name in told], TWO_STAGE))


def test_labels_say_what_differs_from_the_defaults() -> None:
    assert label_of_stack(()) == "none"
    assert label_of_stack([_choice("channels-last"), GRAPHS]) == "channels-last+compile(mode=reduce-overhead)"
    assert WHOLE.label == "compile(fullgraph=true)" and option(WHOLE, "mode") == "default"
    assert parts_of_choice(_choice("compile", parts="unet+movq")) == ("unet", "movq")


def test_only_what_reaches_the_prior_changes_its_result() -> None:
    stack = [_choice("tf32"), _choice("sdpa"), _choice("compile", parts="unet+prior")]
    assert [one.name for one in touching_prior(stack)] == ["tf32", "compile"]


def test_a_row_says_its_defaults_first_and_may_be_applied_where_it_is_by_default() -> None:
    for row in OPTIMIZATIONS.values():
        assert set(row.parts) <= set(row.may) and all(values for values in row.options.values())
        assert (row.needs_device is None) == (not row.why_device)
