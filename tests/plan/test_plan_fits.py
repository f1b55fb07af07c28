"""What fits and what would, from footprints with round numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from harness.catalog.optimizations import OPTIMIZATIONS, RESIDENCES
from harness.catalog.stacks import label_of_stack
from harness.catalog.types import OptimizationChoice
from harness.plan.fits import CHANGES, ERROR, case_key, cheapest, fit, variants, verdict_of
from harness.plan.footprint import Answer, Case, Footprint, Network, Stage, group_key, peak_bytes
from harness.plan.residence import resident_for

GIB = 2**30


def make_case(**changes: Any) -> Case:
    known: dict[str, Any] = {
        "version": "2.2", "task": "text-to-image", "api": "two-stage", "parts": {"prior": "/p", "decoder": "/d"},
        "dtype": "float16", "height": 512, "width": 512, "batch": 1, "guided": True, "prior_guided": True,
        "negative": False,
    }  # fmt: skip
    return Case(**{**known, **changes})


def make_footprint(case: Case) -> Footprint:
    """Weights in GiB at half precision: prior 2, its encoders 4 and 1, UNet 3, MoVQ 1; the decode takes 1 a row."""
    wide = 2 if case.dtype == "float32" else 1

    def network(part: str, name: str, size: int) -> Network:
        weights = size * GIB * wide
        return Network(part=part, name=name, class_name=name, parameters=size * GIB // 2, weight_bytes=weights,
                       largest_layer_bytes=weights // 8, cast_bytes=weights * 5 // 8, group_bytes=_groups(weights),
                       source="here")  # type: ignore[arg-type] # fmt: skip

    def stage(name: str, network: str, active: int, repeats: str = "once", flops: int = 10) -> Stage:
        rows = case.batch
        return Stage(name=name, part=name.partition(":")[0], network=network, rows=rows, repeats=repeats,
                     active_bytes=active * rows * wide, flops=flops * rows)  # type: ignore[arg-type] # fmt: skip

    networks = (("prior", "prior", 2), ("prior", "image_encoder", 4), ("prior", "text_encoder", 1),
                ("decoder", "unet", 3), ("decoder", "movq", 1))  # fmt: skip
    return Footprint(
        networks=tuple(network(*one) for one in networks if one[0] in case.parts),
        stages=(
            stage("prior: prompt", "text_encoder", 0),
            stage("prior: step", "prior", 0, "prior steps", 20),
            stage("prior: image", "image_encoder", 0),
            stage("decoder: step", "unet", GIB // 4, "decoder calls", 100),
            stage("decoder: decode", "movq", GIB),
        ),
    )


def _groups(weights: int) -> dict[str, int]:
    """A sixteenth and an eighth by leaf, a quarter and a half by block."""
    shares = {("leaf_level", False): 16, ("leaf_level", True): 8, ("block_level", False): 4, ("block_level", True): 2}
    return {group_key(kind, stream): weights // share for (kind, stream), share in shares.items()}


def stack_of(*names: str, **options: str | bool) -> tuple[OptimizationChoice, ...]:
    """A stack from names; the options are the last one's."""
    return tuple(OptimizationChoice(name=n, options=options if n == names[-1] else {}) for n in names)


def look(case: Case) -> Answer:
    return Answer(footprint=make_footprint(case))


def names(memory_gib: float, gpu: bool = True, stack: tuple[str, ...] = (), **changes: Any) -> list[str] | None:
    way = cheapest(make_case(**changes), stack_of(*stack), round(memory_gib * GIB), look, gpu=gpu)
    return None if way is None else [change.name for change in way.changes]


def test_sums_are_those_of_the_parts() -> None:
    found = make_footprint(make_case(batch=2))
    assert found.weight_bytes == 11 * GIB and found.peak_bytes == 13 * GIB
    assert found.step_flops == 200
    assert found.image_flops(prior_calls=25, decoder_calls=50) == 10 + 25 * 20 + 10 + 50 * 100 + 10


@pytest.mark.parametrize(
    ("stack", "gib"),
    [
        ((), 12),
        (stack_of("channels-last", "compile"), 12),
        (stack_of("release-prior"), 7),
        (stack_of("layerwise-casting"), 12 - 3 * 3 / 8),
        (stack_of("layerwise-casting", parts="prior"), 12 - 2 * 3 / 8),
        (stack_of("layerwise-casting", parts="unet+prior", storage="float8_e5m2"), 12 - 5 * 3 / 8),
        (stack_of("model-offload"), 6),  # the prior is still there as the image encoder comes
        (stack_of("sequential-offload"), 2 + 1 / 8 + 1),  # the prior stays
        (stack_of("group-offload"), 12 - 3),
        (stack_of("group-offload", parts="unet+prior"), 12 - 5),
    ],
    ids=lambda value: label_of_stack(value) if isinstance(value, tuple) else None,
)
def test_each_way_of_keeping_weights_has_its_peak(stack: tuple[OptimizationChoice, ...], gib: float) -> None:
    case = make_case()
    found = make_footprint(case)
    assert peak_bytes(found, resident_for(case, found, stack)) == gib * GIB


@pytest.mark.parametrize(
    ("options", "gib"),
    [({}, 3 / 16), ({"use_stream": True}, 3 / 8), ({"offload_type": "block_level"}, 3 / 4),
     ({"offload_type": "block_level", "use_stream": True}, 3 / 2), ({"parts": "prior"}, 3)],
)  # fmt: skip
def test_what_a_grouped_network_has_there_is_by_its_options(options: dict[str, Any], gib: float) -> None:
    case = make_case()
    found = make_footprint(case)
    step = next(stage for stage in found.stages if stage.name == "decoder: step")
    unet = next(one for one in found.networks if one.name == "unet")
    assert resident_for(case, found, stack_of("group-offload", **options))(unet, step) == gib * GIB


def test_a_combined_pipeline_sends_its_prior_away_as_the_two_stages_do() -> None:
    """The harness offloads the inner pipelines, which run, each by its own order."""
    case = make_case(api="combined")
    found, offload = make_footprint(case), stack_of("model-offload")
    assert peak_bytes(found, resident_for(case, found, offload)) == 6 * GIB
    decode = next(stage for stage in found.stages if stage.name == "decoder: decode")
    assert {one.name for one in found.networks if resident_for(case, found, offload)(one, decode)} == {"movq"}


def test_an_estimate_is_trusted_to_its_error() -> None:
    assert verdict_of(100, 116) == "fits" and verdict_of(100, 114) == "close" and verdict_of(100, 99) == "too large"
    assert ERROR == 0.15


def test_the_cheapest_change_comes_first() -> None:
    assert names(12 * 1.16, dtype="float32") == ["float16"]
    assert names(7 * 1.16) == ["release-prior"]
    assert names(6 * 1.16) == ["model-offload"]
    assert names(4 * 1.16) == ["sequential-offload"]
    assert names(1) is None


def test_a_dearer_change_waits_until_all_cheaper_ones_together_do_not_do() -> None:
    """At batch 8 the decode takes 8 GiB: with the prior released it is 12 in all, cast to 8 bits as well 10.9."""
    assert names(12 * 1.16, batch=8) == ["release-prior"]
    assert names(11 * 1.16, batch=8) == ["release-prior", "layerwise-casting"]
    assert names(7 * 1.16, batch=8) == ["release-prior", "1"]
    assert names(7 * 1.16, dtype="float32", batch=8) == ["float16", "release-prior", "1"]


def test_only_what_can_be_done_is_told() -> None:
    assert names(6 * 1.16, gpu=False) is None, "nothing can be sent away from a processor"
    assert names(6 * 1.16, api="combined") == ["model-offload"], "its prior cannot be released"
    assert names(6 * 1.16, stack=("release-prior",)) == ["model-offload"], "it takes the other's place"
    assert names(4 * 1.16, stack=("model-offload",)) == ["sequential-offload"]


def test_a_case_that_fits_is_told_no_change_and_one_that_cannot_a_reason() -> None:
    easy = fit(make_case(), (), 80 * GIB, look, gpu=True)
    assert easy.verdict == "fits" and easy.way is None and easy.reason is None and easy.peak_bytes == 12 * GIB
    hopeless = fit(make_case(), (), GIB, look, gpu=True)
    assert hopeless.verdict == "too large" and hopeless.way is None and "no change" in str(hopeless.reason)


def test_what_is_not_known_is_null_with_its_reason() -> None:
    nothing: Callable[[Case], Answer] = lambda case: Answer(reason="its configuration is not here")  # noqa: E731
    found = fit(make_case(), (), GIB, nothing, gpu=True)
    assert (found.footprint, found.peak_bytes, found.verdict, found.reason) == (
        None, None, None, "its configuration is not here")  # fmt: skip


def test_variants_are_all_that_may_be_looked_at() -> None:
    case = make_case(dtype="float32", batch=4)
    looked: list[str] = []

    def noting(one: Case) -> Answer:
        looked.append(case_key(one))
        return look(one)

    cheapest(case, (), 1, noting, gpu=True)
    assert set(looked) <= {case_key(one) for one in variants(case)} and len(variants(case)) == 4


def test_every_change_of_a_stack_is_in_the_catalog() -> None:
    stacked = {change.name for change in CHANGES if change.knob == "optimizations"}
    assert stacked <= set(OPTIMIZATIONS) and not any(OPTIMIZATIONS[name].refused for name in stacked)
    assert set(RESIDENCES) == {
        name for name, row in OPTIMIZATIONS.items() if row.kind == "residence" and not row.refused
    }
    on_gpu = {change.name for change in CHANGES if change.needs_gpu}
    assert on_gpu == {name for name in stacked if OPTIMIZATIONS[name].needs_device == "cuda"}
