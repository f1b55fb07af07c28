"""Stacks as a spec writes them: names, options, sweeps inside, ladders; and what is wrong with each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.catalog.stacks import label_of_stack
from harness.errors import SpecError
from harness.plan.build import build_plan, plan_file
from harness.plan.types import Plan
from harness.run.availability import lack_of
from harness.spec.load import load_spec

HEAD = "model: mini-2.2\nprompts: [a red circle]\nnum_inference_steps: 2\n"


def _spec(folder: Path, text: str) -> str:
    path = folder / "spec.yaml"
    path.write_text(HEAD + text)
    return str(path)


def _stacks(folder: Path, text: str) -> list[str]:
    return [label_of_stack(stack) for stack in load_spec(_spec(folder, text)).sweeps["optimizations"]]


def _plan(folder: Path, text: str) -> Plan:
    return build_plan(load_spec(_spec(folder, text)))


@pytest.mark.parametrize(
    ("value", "stacks"),
    [
        ("none", ["none"]),
        ("channels-last+compile", ["channels-last+compile"]),
        ("[none, sdpa + compile]", ["none", "sdpa+compile"]),
        ("[{compile: {mode: max-autotune}}]", ["compile(mode=max-autotune)"]),
        ("[{compile: {mode: default, dynamic: auto}}]", ["compile"]),
        ("[{compile: {fullgraph: [false, true]}}]", ["compile", "compile(fullgraph=true)"]),
        ("[[channels-last, {compile: {parts: movq+unet}}]]", ["channels-last+compile(parts=unet+movq)"]),
        ("[{compile: null}]", ["compile"]),
        ("[none, {ladder: [sdpa, channels-last+compile]}]", ["none", "sdpa", "sdpa+channels-last+compile"]),
    ],
)
def test_a_stack_can_be_written_in_several_ways(tmp_path: Path, value: str, stacks: list[str]) -> None:
    assert _stacks(tmp_path, f"optimizations: {value}\n") == stacks


@pytest.mark.parametrize(
    ("value", "place", "words"),
    [
        ("compil", "optimizations", "compile"),
        ("[{compile: {mod: default}}]", "optimizations[0].compile.mod", "mode"),
        ("[{compile: {mod: 1}}]", "optimizations[0].compile.mod", "mode (default, reduce-overhead, max-autotune, "),
        ("[{compile: {modes: 1}}]", "optimizations[0].compile.modes", "fullgraph (false, true), dynamic (auto, true"),
        ("[{compile: {mode: fast}}]", "optimizations[0].compile.mode", "max-autotune"),
        ("[{compile: {fullgraph: 1}}]", "optimizations[0].compile.fullgraph", "true"),
        ("[{compile: {parts: vae}}]", "optimizations[0].compile.parts", "unet"),
        ("[{again: {parts: unet}}]", "optimizations[0].again.parts", "no option at all"),
        ("[{compile: fast}]", "optimizations[0]", "{name: {option: value}}"),
        ("{ladder: compile}", "optimizations.ladder", "a list of optimizations"),
        ("{ladder: [{dtype: float8}]}", "optimizations.ladder", "float16"),
        ("[sdpa, sdpa]", "optimizations[1]", "twice"),
        ("[7]", "optimizations[0]", "no stack"),
        ("compil", "optimizations", "one of none, again"),
        ("nonne", "optimizations", "did you mean 'none'?"),
        ("[{none: {}}]", "optimizations[0]", "none takes no options"),
    ],
)
def test_a_fault_names_its_place_and_what_was_expected(tmp_path: Path, value: str, place: str, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_spec(_spec(tmp_path, f"optimizations: {value}\n"))
    (problem,) = caught.value.problems
    assert problem.path == place and words in str(problem)


def _cells(plan: Plan) -> list[tuple[str, str]]:
    return [(cell.settings.dtype, cell.settings.optimizations_label) for cell in plan.cells]


def test_a_ladder_may_step_the_dtype(tmp_path: Path) -> None:
    plan = _plan(
        tmp_path,
        "optimizations: {ladder: [sdpa, {dtype: bfloat16}, channels-last]}\n"
        "compare_to: {optimizations: none, dtype: float32}\n",
    )
    assert _cells(plan) == [
        ("float32", "none"), ("float32", "sdpa"), ("bfloat16", "sdpa"), ("bfloat16", "sdpa+channels-last"),
    ]  # fmt: skip
    first, *others = plan.cells
    assert first.is_reference and {cell.reference for cell in others} == {first.id}
    assert plan.resolved_defaults["dtype"] == "float32"


def test_a_ladder_in_cases_stays_in_its_case(tmp_path: Path) -> None:
    text = "cases:\n- {guidance_scale: 2, optimizations: {ladder: [{dtype: bfloat16}]}}\n- {guidance_scale: 3}\n"
    plan = _plan(tmp_path, text)
    found = [(cell.settings.guidance_scale, *pair) for cell, pair in zip(plan.cells, _cells(plan), strict=True)]
    assert found == [(2, "float32", "none"), (2, "bfloat16", "none"), (3, "float32", "none")] and not plan.refused


def test_a_fault_of_a_case_names_the_files_own_case_whatever_a_ladder_made_of_those_before_it(tmp_path: Path) -> None:
    """The ladder makes three cases of the first, so that the second, on the file's line 6, is the fourth."""
    ladder = "{ladder: [{dtype: bfloat16}, {dtype: float16}]}"
    text = f"cases:\n- {{guidance_scale: 2, optimizations: {ladder}}}\n- {{guidance_scale: 3}}\n"
    with pytest.raises(SpecError) as caught:
        _plan(tmp_path, text + "exclude: [{guidance_scale: 3}]\n")
    (problem,) = caught.value.problems
    assert problem.path == "cases[1]" and problem.line == 6
    assert len(_plan(tmp_path, text + "exclude: [{guidance_scale: 2, dtype: float16}]\n").cells) == 3


def test_refused_stacks_are_listed_and_the_rest_is_planned(tmp_path: Path) -> None:
    plan = _plan(tmp_path, "optimizations: [none, compile+channels-last, movq-tiling]\n")
    assert _cells(plan) == [("float32", "none")]
    assert [refusal.reason.split(":")[0] for refusal in plan.refused] == [
        "compile comes after channels-last", "movq-tiling",
    ]  # fmt: skip


def test_what_this_machine_lacks_is_unavailable_with_the_reason(tmp_path: Path) -> None:
    def lack(device: str, name: str) -> str | None:
        return f"no {name} on {device}" if name == "xformers" else None

    text = "optimizations: [none, xformers, channels-last]\ndevice: cpu\n"
    plan = plan_file(_spec(tmp_path, text), lack=lack)
    assert [refusal.reason for refusal in plan.refused] == ["unavailable here, because no xformers on cpu"]
    assert [label for _, label in _cells(plan)] == ["none", "channels-last"]
    with pytest.raises(SpecError, match="unavailable here"):
        plan_file(_spec(tmp_path, text + "strict: true\n"), lack=lack)


def test_a_reference_that_is_unavailable_is_no_reference(tmp_path: Path) -> None:
    text = "optimizations: [none, sdpa]\ncompare_to: {optimizations: xformers}\ndevice: cpu\n"
    with pytest.raises(SpecError, match="the reference cannot exist: unavailable here"):
        plan_file(_spec(tmp_path, text), lack=lambda _, name: "no GPU" if name == "xformers" else None)


def test_a_processor_has_no_cuda_and_compiles_where_there_is_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    lack_of.cache_clear()
    assert "needs a cuda device" in str(lack_of("cpu", "model-offload"))
    assert lack_of("cpu", "channels-last") is None
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert "needs a C++ compiler" in str(lack_of("cpu", "compile"))
    lack_of.cache_clear()


def test_a_family_is_held_against_its_first(tmp_path: Path) -> None:
    text = "guidance_scale: [2, 4]\noptimizations: [sdpa, none, channels-last]\ncompare_to: first-that-fits\n"
    plan = _plan(tmp_path, text)
    heads = {cell.id: cell for cell in plan.cells if cell.is_reference}
    assert plan.first_that_fits and len(heads) == 2
    for cell in plan.cells:
        if cell.reference is not None:
            head = heads[cell.reference]
            assert head.settings.optimizations_label == "sdpa"
            assert head.settings.guidance_scale == cell.settings.guidance_scale
    with pytest.raises(SpecError, match="no family"):
        _plan(tmp_path, "guidance_scale: [2, 4]\ncompare_to: first-that-fits\n")


def test_what_nobody_can_do_is_refused_for_all(tmp_path: Path) -> None:
    found: dict[str, Any] = {"optimizations: movq-slicing\n": "every combination is refused"}
    for text, words in found.items():
        with pytest.raises(SpecError, match=words):
            plan_file(_spec(tmp_path, text))
