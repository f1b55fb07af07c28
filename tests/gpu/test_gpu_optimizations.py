"""Every optimization that a GPU opens: found on the pipeline that ran, the pictures still right, the memory less."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from support.gpu import DEVICE, Pictures, Stack, apart, load, pictures, stack_of

from harness.measure.memory import device_memory
from harness.optimizations.stack import verify_stack
from harness.pipelines.failures import release
from harness.store.records import Evidence

pytestmark = [
    pytest.mark.gpu,
    # inductor advises it of every float32 model; it is an optimization of its own here
    pytest.mark.filterwarnings("ignore:TensorFloat32 tensor cores:UserWarning"),
]

SAME, CLOSE, SMALL_FLOATS = 0.05, 0.5, 5.0  # mean levels of 255; two rows' pictures are some 55 apart


@cache
def plain_pictures() -> Pictures:
    """The miniature's without any optimization, in float32."""
    return pictures(load())


def _ran(stack: Stack) -> tuple[Pictures, list[Evidence]]:
    loaded = load(stack=stack)
    made = pictures(loaded)
    return made, verify_stack(loaded, loaded.applied)


@pytest.mark.parametrize(
    ("stack", "outcome", "limit"),
    [
        (stack_of("sdpa"), "no-op", SAME),
        (stack_of("plain-attention"), "applied", CLOSE),
        (stack_of("attention-slicing"), "applied", CLOSE),
        (stack_of("channels-last"), "applied", CLOSE),
        (stack_of("tf32"), "applied", CLOSE),
        (stack_of("layerwise-casting"), "applied", SMALL_FLOATS),
        (stack_of("model-offload"), "applied", SAME),
        (stack_of("group-offload"), "applied", SAME),
        (stack_of(("group-offload", {"use_stream": True})), "applied", SAME),
        (stack_of(("group-offload", {"offload_type": "block_level"})), "applied", SAME),
        (stack_of("compile"), "applied", CLOSE),
        (stack_of(("compile", {"mode": "reduce-overhead"})), "applied", CLOSE),
        (stack_of("channels-last", "compile"), "applied", CLOSE),
    ],
    ids=lambda value: "+".join(one.label for one in value) if isinstance(value, tuple) else None,
)
def test_it_is_found_and_the_pictures_stay(stack: Stack, outcome: str, limit: float) -> None:
    made, evidence = _ran(stack)
    assert [(one.requested, one.outcome) for one in evidence] == [(one.label, outcome) for one in stack], evidence
    assert apart(made, plain_pictures()) <= limit


def test_sequential_offload_leaves_the_prior_out_and_says_so() -> None:
    """diffusers excludes the prior's own network from it, for every Kandinsky prior."""
    made, (found,) = _ran(stack_of("sequential-offload"))
    assert found.outcome == "partly" and "without a hook: prior" in found.observed
    assert apart(made, plain_pictures()) <= SAME


def test_the_guides_compile_of_a_combined_pipeline_is_none() -> None:
    loaded = load(stack=stack_of(("compile", {"assign": "combined"})), api="combined")
    made = pictures(loaded)
    (found,) = verify_stack(loaded, loaded.applied)
    assert found.outcome == "no-op" and apart(made, plain_pictures()) <= SAME


def test_xformers_is_found_where_it_is_installed() -> None:
    pytest.importorskip("xformers", reason="xformers is not installed")
    made, evidence = _ran(stack_of("xformers"))
    assert {one.outcome for one in evidence} == {"applied"} and apart(made, plain_pictures()) <= CLOSE


def _peak(stack: Stack) -> int:
    """Bytes at the peak of loading and of two calls; the first one alone has what the libraries set up."""
    with device_memory(DEVICE) as memory:
        loaded = load(stack=stack)
        for _ in range(2):
            pictures(loaded)
    assert memory.peak_bytes is not None
    del loaded
    release(torch.device(DEVICE))
    return memory.peak_bytes


@pytest.mark.parametrize("name", ["model-offload", "sequential-offload", "group-offload"])
def test_offloading_takes_less_memory(name: str) -> None:
    pictures(load())  # the libraries' own workspaces are there for both
    release(torch.device(DEVICE))
    assert _peak(stack_of(name)) < _peak(())
