"""Each optimization applied to a real pipeline and found there; each proof seen to fail where the fault is planted."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import accelerate
import numpy as np
import pytest
import torch
from diffusers.models.attention_processor import AttnAddedKVProcessor, AttnAddedKVProcessor2_0
from optimizations.conftest import choice, picture

from harness.catalog.optimizations import OPTIMIZATIONS
from harness.errors import HarnessError
from harness.optimizations import residence
from harness.optimizations.attention import attentions
from harness.optimizations.kernels import OUTSIDE, with_kernels
from harness.optimizations.recompiles import none_recompiles
from harness.optimizations.stack import APPLIED, as_at_first, verify_stack
from harness.optimizations.storage import weight_bytes
from harness.optimizations.types import outcome_of
from harness.pipelines import load as loading
from harness.pipelines.load import Loaded
from harness.pipelines.trace import counted
from harness.store.records import Evidence

Load = Callable[..., Loaded]
SDPA, PLAIN = choice("sdpa"), choice("plain-attention")


def _found(loaded: Loaded) -> list[Evidence]:
    picture(loaded)
    return verify_stack(loaded, loaded.applied)


def _outcomes(loaded: Loaded) -> list[str]:
    return [one.outcome for one in _found(loaded)]


def test_every_row_that_is_not_refused_can_be_applied() -> None:
    assert set(APPLIED) == {name for name, row in OPTIMIZATIONS.items() if not row.refused}


@pytest.mark.parametrize(
    ("stack", "version", "outcome"),
    [
        (choice("again"), "2.2", "no-op"),
        (SDPA, "2.2", "no-op"),
        (SDPA, "3", "no-op"),
        (PLAIN, "2.1", "applied"),
        (PLAIN, "3", "applied"),
        (choice("attention-slicing"), "2.2", "applied"),
        (choice("attention-slicing", slice_size="max"), "3", "applied"),
        (choice("channels-last", parts="unet+movq"), "2.2", "applied"),
        (choice("layerwise-casting"), "2.1", "applied"),
        (choice("layerwise-casting", parts="unet+prior"), "2.2", "applied"),
        (choice("layerwise-casting", storage="float8_e5m2"), "3", "applied"),
        (choice("int8-weights"), "2.2", "applied"),
        (choice("release-prior"), "2.2", "applied"),
        (choice("model-offload"), "2.2", "no-op"),
        (choice("group-offload"), "3", "no-op"),
        (choice("group-offload", offload_type="block_level"), "2.2", "no-op"),
    ],
    ids=lambda value: value.label if hasattr(value, "label") else str(value),
)
def test_what_is_applied_is_found(load: Load, stack: Any, version: str, outcome: str) -> None:
    """Offloading is tried with the processor as its device: the hooks are the same, and nothing moves."""
    group = {"api": "combined"} if version == "3" else {}
    found = _found(load(stack, version=version, **group))
    assert {one.outcome for one in found} == {outcome}, found
    assert all(one.requested == stack.label and one.observed and one.proof for one in found)


def test_exact_ones_change_no_bit_and_the_others_few(load: Load) -> None:
    plain = picture(load()).astype(int)
    for name, row in OPTIMIZATIONS.items():
        if row.exact and not row.refused and name != "sequential-offload":
            assert np.array_equal(picture(load(choice(name))), plain), name
    assert np.abs(picture(load(choice("channels-last"))) - plain).max() <= 2
    assert np.abs(picture(load(PLAIN)) - plain).max() <= 2


def test_a_matrix_product_in_another_precision_is_told_by_its_bits(load: Load) -> None:
    loaded = load(choice("matmul-precision", precision="medium"))
    (found,) = _found(loaded)
    changed = "other bits" in found.observed  # a processor without bfloat16 products keeps them
    assert found.outcome == ("applied" if changed else "no-op") and "medium" in found.observed
    torch.set_float32_matmul_precision("highest")
    assert _outcomes(loaded) == ["failed"]  # somebody took it back
    half = load(choice("matmul-precision", precision="medium"), dtype="bfloat16")
    assert _outcomes(half) == ["no-op"] and "does not touch" in _found(half)[0].observed
    as_at_first()


def test_what_a_stack_sets_for_the_process_is_taken_back_by_the_next_load(load: Load) -> None:
    load(choice("matmul-precision", precision="medium"), choice("channels-last"))
    assert torch.get_float32_matmul_precision() == "medium"
    load()
    assert torch.get_float32_matmul_precision() == "highest"


def test_weights_in_eight_bits_take_a_quarter(load: Load) -> None:
    whole, cast = load(), load(choice("layerwise-casting"))
    assert weight_bytes(cast.decoder.unet) < 0.5 * weight_bytes(whole.decoder.unet)
    for name, parameter in cast.decoder.unet.named_parameters():
        if "image_embeds" in name or "norm" in name:  # what others read the dtype of, and what is precision-critical
            assert parameter.dtype == torch.float32
    stored = weight_bytes(load(choice("int8-weights")).decoder.unet)
    assert stored < weight_bytes(whole.decoder.unet)


def test_the_prior_is_gone_while_the_decoder_runs_and_comes_back_for_the_next_batch(load: Load) -> None:
    loaded = load(choice("release-prior"))
    first, again = picture(loaded), picture(loaded)
    assert loaded.prior is None and loaded.loads == {"prior": 2, "decoder": 2} and np.array_equal(first, again)
    loaded.prior = load().prior
    assert [one.outcome for one in verify_stack(loaded, loaded.applied)] == ["failed"]


# -- planted faults ---------------------------------------------------------------------------------------------------


def test_a_wrong_attention_processor_is_flagged(load: Load) -> None:
    loaded = load(PLAIN)
    first, *others = attentions(loaded.decoder.unet).values()
    first.set_processor(AttnAddedKVProcessor2_0())
    assert _outcomes(loaded) == ["partly"]
    for one in others:
        one.set_processor(AttnAddedKVProcessor2_0())
    assert _outcomes(loaded) == ["failed"]


def test_set_default_attn_processor_downgrades_and_a_request_for_sdpa_says_so(load: Load) -> None:
    """The trap of the guide: it sounds like the default, and is the plain one."""
    loaded = load(SDPA)
    loaded.decoder.unet.set_default_attn_processor()
    assert type(next(iter(attentions(loaded.decoder.unet).values())).processor) is AttnAddedKVProcessor
    assert _outcomes(loaded) == ["failed"]


def test_layers_that_were_never_hooked_are_flagged(load: Load) -> None:
    loaded = load(choice("layerwise-casting"))
    bare = load().decoder.unet
    loaded.decoder.unet.conv_in, loaded.decoder.unet.down_blocks[0] = bare.conv_in, bare.down_blocks[0]
    assert _outcomes(loaded) == ["partly"]


def test_a_convolution_left_in_the_old_layout_is_flagged(load: Load) -> None:
    loaded = load(choice("channels-last"))
    loaded.decoder.unet.conv_out.weight.data = loaded.decoder.unet.conv_out.weight.data.contiguous()
    assert _outcomes(loaded) == ["partly"]
    loaded.decoder.unet.to(memory_format=torch.contiguous_format)
    assert _outcomes(loaded) == ["failed"]


def test_an_offload_hook_that_is_left_off_is_flagged(load: Load) -> None:
    loaded = load(choice("model-offload"))
    accelerate.hooks.remove_hook_from_module(loaded.decoder.movq)
    (found,) = verify_stack(loaded, loaded.applied)
    assert found.outcome == "partly" and "without a hook: movq" in found.observed
    for pipeline in (loaded.prior, loaded.decoder):
        pipeline.remove_all_hooks()
    assert [one.outcome for one in verify_stack(loaded, loaded.applied)] == ["failed"]


def test_offloading_from_a_device_of_its_own_is_no_no_op(load: Load) -> None:
    for stack in (choice("model-offload"), choice("group-offload")):
        loaded = load(stack)
        elsewhere = replace(loaded, device=torch.device("cuda:0"))
        assert [one.outcome for one in verify_stack(loaded, loaded.applied)] == ["no-op"]
        assert [one.outcome for one in verify_stack(elsewhere, loaded.applied)] == ["applied"]


def test_precision_is_no_no_op_after_the_decoder_was_loaded_anew(load: Load) -> None:
    alone, released = (load(*stack) for stack in (
        [choice("matmul-precision", precision="medium")],
        [choice("matmul-precision", precision="medium"), choice("release-prior")],
    ))  # fmt: skip
    (wanted,) = _outcomes(alone)
    picture(released)
    assert _outcomes(released) == [wanted, "applied"]
    as_at_first()


def test_the_prior_and_the_decoder_are_never_loaded_together(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    alive: list[Any] = []
    make = loading._pipeline

    def counted(*arguments: Any) -> Any:
        gc.collect()
        assert not [one for one in alive if one() is not None]
        made = make(*arguments)
        alive.append(weakref.ref(made))
        return made

    monkeypatch.setattr(loading, "_pipeline", counted)
    loaded = load(choice("release-prior"))
    picture(loaded)
    assert len(alive) == 4  # at the beginning, and once more for the picture


def test_layers_offloaded_one_by_one_rest_nowhere(load: Load) -> None:
    """accelerate's own function, on each network: its hooks, and weights on the meta device between calls."""
    loaded = load()
    for pipeline in (loaded.prior, loaded.decoder):
        for component in pipeline.components.values():
            if isinstance(component, torch.nn.Module):
                accelerate.cpu_offload(component, torch.device("cpu"))
    (found,) = residence.SEQUENTIAL.verify(loaded, choice("sequential-offload"), {})
    assert found.outcome == "applied" and "rest on meta" in found.observed
    accelerate.hooks.remove_hook_from_module(loaded.decoder.unet.conv_in)
    (found,) = residence.SEQUENTIAL.verify(loaded, choice("sequential-offload"), {})
    assert found.outcome == "partly" and "unet on cpu/meta" in found.observed


def test_a_group_that_is_not_offloaded_is_flagged(load: Load) -> None:
    (found,) = residence.GROUP.verify(load(), choice("group-offload"), {})
    assert found.outcome == "failed"


def test_weights_that_were_never_quantized_are_flagged(load: Load) -> None:
    loaded = load(choice("int8-weights"))
    loaded.decoder.unet = load().decoder.unet
    assert _outcomes(loaded) == ["failed"]
    cast = load(choice("layerwise-casting"))
    cast.decoder.unet = load().decoder.unet
    assert _outcomes(cast) == ["failed"]


@pytest.mark.usefixtures("compiled_quickly")
def test_what_is_compiled_is_found_and_what_dynamo_passed_over_is_not(load: Load) -> None:
    loaded = load(choice("compile", parts="unet+prior+movq"))
    before = verify_stack(loaded, loaded.applied)
    assert [one.outcome for one in before] == ["failed"] * 3  # nothing was called yet: nothing is proven
    found = _found(loaded)
    assert [(one.part, one.outcome) for one in found] == [(part, "applied") for part in ("unet", "prior", "movq")]
    assert "a compiled module; 1 graphs and 0 graph breaks" in found[0].observed


@pytest.mark.usefixtures("compiled_quickly")
def test_what_dynamo_passes_over_in_silence_is_not_there(load: Load) -> None:
    silent = load(choice("compile"))
    with torch.compiler.set_stance("force_eager"):
        assert _outcomes(silent) == ["failed"]


@pytest.mark.usefixtures("compiled_quickly")
def test_graphs_somewhere_inside_a_network_are_not_the_network(load: Load) -> None:
    """The planted fault: one block asks not to be compiled, so that the whole is not, and ten parts of it are."""
    loaded = load(choice("compile"))
    block = loaded.decoder.unet._orig_mod.down_blocks[0]
    block.forward = torch._dynamo.disable(block.forward)
    (found,) = _found(loaded)
    assert found.outcome == "partly" and "none of them is of its own code" in found.observed
    assert "Skip calling `torch.compiler.disable()`d function" in found.observed
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profiler:
        picture(loaded, steps=1)
    ran = counted(profiler.events())
    assert ran["compiled region"] > 1 and ran[OUTSIDE] > 10
    applied = found.model_copy(update={"outcome": "applied"})
    (told,) = with_kernels([choice("compile")], [applied], ran)
    assert told.outcome == "partly" and f"{ran[OUTSIDE]} × operation outside compiled regions" in told.observed


@pytest.mark.usefixtures("compiled_quickly")
def test_a_network_in_two_pieces_is_partly_compiled_and_the_break_is_told(load: Load) -> None:
    loaded = load(choice("compile"))
    unet = loaded.decoder.unet._orig_mod
    embed = unet.time_embedding.forward
    unet.time_embedding.forward = lambda *given: (torch._dynamo.graph_break(), embed(*given))[1]
    (found,) = _found(loaded)
    assert found.outcome == "partly" and "graph break" in found.observed and "0 graph breaks" not in found.observed


@pytest.mark.usefixtures("compiled_quickly")
def test_the_guides_way_leaves_a_combined_pipeline_as_it_was(load: Load) -> None:
    guide = load(choice("compile", assign="combined"), api="combined")
    (found,) = _found(guide)
    assert isinstance(guide.combined.unet, torch._dynamo.OptimizedModule)
    assert found.outcome == "no-op" and "calls a plain module" in found.observed
    assert _outcomes(load(choice("compile"), api="combined")) == ["applied"]


@pytest.mark.usefixtures("compiled_quickly")
def test_a_recompile_in_a_timed_call_is_an_error_with_its_reason(load: Load) -> None:
    unet = load(choice("compile")).decoder.unet
    inputs = {
        "timestep": torch.tensor(1),
        "encoder_hidden_states": None,
        "added_cond_kwargs": {"image_embeds": torch.zeros(1, unet.config.encoder_hid_dim)},
    }
    latents = torch.zeros(1, 4, 8, 8)
    with torch.no_grad():
        unet(sample=latents, **inputs)
        with none_recompiles():
            unet(sample=latents, **inputs)
        with pytest.raises(HarnessError, match=r"recompiled in a timed call: .*size mismatch"), none_recompiles():
            unet(sample=torch.zeros(1, 4, 16, 16), **inputs)
        with pytest.raises(RuntimeError, match="other trouble"), none_recompiles():
            raise RuntimeError("other trouble")


def test_a_kernel_that_did_not_run_outweighs_the_processors_class() -> None:
    sdpa = Evidence(requested="sdpa", part="unet", observed="7 ×", proof="class", outcome="applied")
    assert with_kernels([SDPA], [sdpa], {"scaled_dot_product": 7})[0].outcome == "applied"
    assert with_kernels([SDPA], [sdpa], {"softmax": 7})[0].outcome == "failed"
    compiled = sdpa.model_copy(update={"requested": "compile"})
    both = with_kernels([SDPA, choice("compile")], [sdpa, compiled], {"compiled region": 1})
    assert [one.outcome for one in both] == ["applied", "applied"]  # compiled code hides the attention's kernels
    assert with_kernels([choice("compile")], [compiled], {})[0].outcome == "failed"


def test_a_proof_that_breaks_is_a_failed_one(load: Load) -> None:
    loaded = load(PLAIN)
    loaded.decoder.unet = None
    (found,) = verify_stack(loaded, loaded.applied)
    assert found.outcome == "failed" and "the proof broke" in found.observed


def test_outcomes_of_counts() -> None:
    assert [outcome_of(2, 2, 2), outcome_of(0, 2, 2), outcome_of(1, 1, 2), outcome_of(0, 0, 2)] == [
        "applied", "no-op", "partly", "failed",
    ]  # fmt: skip
