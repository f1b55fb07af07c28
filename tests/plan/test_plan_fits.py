"""What fits and what would, from footprints with round numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.footprints import GIB, look, make_case, make_footprint, stack_of

from harness.catalog.optimizations import OPTIMIZATIONS, RESIDENCES
from harness.catalog.stacks import label_of_stack
from harness.catalog.types import OptimizationChoice
from harness.plan.fits import CHANGES, ERROR, _sets, by_its_knobs, case_key, cheapest, fit, variants, verdict_of
from harness.plan.footprint import Answer, Case, peak_bytes
from harness.plan.residence import resident_for


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


def test_what_leaves_the_pictures_as_they_are_comes_first() -> None:
    assert names(7 * 1.16) == ["model-offload"] == names(6 * 1.16)
    assert names(7 * 1.16, gpu=False) == ["release-prior"], "nothing can be sent away from a processor"
    assert names(4 * 1.16) == ["sequential-offload"]
    assert names(12 * 1.16, dtype="float32") == ["model-offload"]
    assert names(12 * 1.16, dtype="float32", gpu=False) == ["float16"], "8 bits are dearer and would do as well"
    assert names(1) is None


def test_a_smaller_batch_is_cheaper_than_all_else_and_as_large_as_can_be() -> None:
    """At batch 8 the decode takes 8 GiB beside 11 of weights: 15 at batch 4, 13 at batch 2, 12 at batch 1."""
    assert names(15 * 1.16, batch=8) == ["4"] and names(14 * 1.16, batch=8) == ["2"]
    assert names(12 * 1.16, batch=8) == ["1"] and names(12 * 1.16, batch=3) == ["1"]
    assert names(12 * 1.16, batch=8, api="combined") == ["model-offload"], "it takes one row at a time anyway"


def test_a_smaller_batch_is_told_by_the_knob_that_is_too_large() -> None:
    """Eight rows together take 19 GiB, four 15, two 13."""

    def told(gib: float, made: int, timed: int) -> list[tuple[str, str]]:
        found = by_its_knobs(fit(make_case(batch=8), (), round(gib * 1.16 * GIB), look, gpu=True), made, timed)
        return [] if found.way is None else [(change.knob, change.name) for change in found.way.changes]

    assert told(15, made=8, timed=1) == [("batch_size", "4")] == told(15, made=8, timed=4)
    assert told(15, made=4, timed=8) == [("timing.batch", "4")]
    assert told(13, made=4, timed=8) == [("batch_size", "2"), ("timing.batch", "2")]
    assert told(9, made=1, timed=8) == [("optimizations", "model-offload")]
    assert told(7, made=2, timed=8) == [("timing.batch", "4"), ("optimizations", "model-offload")]


def test_sets_of_changes_come_in_the_order_of_their_cost_and_are_as_many_as_there_are_ways() -> None:
    case = make_case(dtype="float32", batch=4)
    found = [[change.name for change in one] for one in _sets(case, (), CHANGES[3:], gpu=True)]
    assert found == [
        ["2"], ["1"], ["float16"], ["2", "float16"], ["1", "float16"],
        ["layerwise-casting"], ["2", "layerwise-casting"], ["1", "layerwise-casting"],
        ["float16", "layerwise-casting"], ["2", "float16", "layerwise-casting"], ["1", "float16", "layerwise-casting"],
    ]  # fmt: skip
    huge = list(_sets(make_case(dtype="float32", batch=2**60), (), CHANGES, gpu=True))
    assert len(huge) == 61 * (4 * 4 - 2) - 1, "a batch is one of 60 or left, and so are residence and what it allows"


def test_a_dearer_change_waits_until_all_cheaper_ones_together_do_not_do() -> None:
    """With what does not run on the processor, the decode holds a GiB beside one for each row: 9, 5, 3 and 2."""
    assert names(9 * 1.16, batch=8) == ["model-offload"]
    assert names(7 * 1.16, batch=8) == ["4", "model-offload"]
    assert names(4 * 1.16, batch=8) == ["1", "sequential-offload"], "the prior stays"
    assert names(7 * 1.16, dtype="float32", batch=8) == ["1", "sequential-offload"], "exact, though float16 is faster"


def test_a_faster_way_that_changes_pictures_is_named_beside_one_that_moves_weights() -> None:
    def both(gib: float, **changes: Any) -> list[list[str] | None]:
        found = fit(make_case(**changes), (), round(gib * GIB), look, gpu=True)
        return [way and [change.name for change in way.changes] for way in (found.way, found.lossy_way)]

    assert both(12 * 1.16, dtype="float32") == [["model-offload"], ["float16"]]
    assert both(12 * 1.16, dtype="float32", batch=4) == [["model-offload"], ["1", "float16"]]
    assert both(7 * 1.16) == [["model-offload"], None], "it is half precision already"
    assert both(24 * 1.16, dtype="float32", batch=4) == [["1"], None], "a smaller batch moves nothing"
    assert both(24 * 1.16, dtype="float32") == [None, None], "it fits"


def test_what_a_plan_would_refuse_is_never_named() -> None:
    refused: Callable[[Any], bool] = lambda stack: not any(one.name == "model-offload" for one in stack)  # noqa: E731
    way = cheapest(make_case(), (), round(7 * 1.16 * GIB), look, gpu=True, can=refused)
    assert way is not None and [change.name for change in way.changes] == ["release-prior"]


def test_only_what_can_be_done_is_told() -> None:
    assert names(5 * 1.16, gpu=False) is None, "nothing can be sent away from a processor"
    assert names(6 * 1.16, api="combined") == ["model-offload"], "its prior cannot be released"
    assert names(6 * 1.16, stack=("release-prior",)) == ["model-offload"], "it takes the other's place"
    assert names(4 * 1.16, stack=("model-offload",)) == ["sequential-offload"]


def test_a_case_that_fits_is_told_no_change_and_one_that_cannot_a_reason() -> None:
    easy = fit(make_case(), (), 80 * GIB, look, gpu=True)
    assert easy.verdict == "fits" and easy.way is None and easy.reason is None and easy.peak_bytes == 12 * GIB
    hopeless = fit(make_case(), (), GIB, look, gpu=True)
    assert hopeless.verdict == "too large" and hopeless.way is None and "no change" in str(hopeless.reason)
    assert hopeless.near_way is None


def test_what_nothing_surely_makes_fit_is_told_what_comes_close() -> None:
    """Of all changes together the least that can be is the least peak; just above it the estimate's error decides."""
    least = next(gib / 100 for gib in range(1, 1200) if names(gib / 100) is not None)
    near = fit(make_case(), (), round(0.95 * least * GIB), look, gpu=True)
    assert near.verdict == "too large" and near.way is None and near.near_way is not None
    assert verdict_of(near.near_way.peak_bytes, round(0.95 * least * GIB)) == "close"
    sure = fit(make_case(), (), round(least * GIB) + 1, look, gpu=True)
    assert sure.way is not None and sure.near_way is None


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
    assert fit(case, (), round(12 * 1.16 * GIB), noting, gpu=True).lossy_way is not None
    assert set(looked) <= {case_key(one) for one in variants(case)} and len(variants(case)) == 6


def test_every_change_of_a_stack_is_in_the_catalog() -> None:
    stacked = {change.name for change in CHANGES if change.knob == "optimizations"}
    assert stacked <= set(OPTIMIZATIONS) and not any(OPTIMIZATIONS[name].refused for name in stacked)
    assert set(RESIDENCES) == {
        name for name, row in OPTIMIZATIONS.items() if row.kind == "residence" and not row.refused
    }
    assert [change.lossy for change in CHANGES] == sorted(change.lossy for change in CHANGES), "the lossy ones last"
    assert {change.name for change in CHANGES if not change.lossy} == {n for n in stacked if OPTIMIZATIONS[n].exact}
    on_gpu = {change.name for change in CHANGES if change.needs_gpu}
    assert on_gpu == {name for name in stacked if OPTIMIZATIONS[name].needs_device == "cuda"}
