"""Speed-up, memory saved, first call and break-even: known answers, and every missing number with its reason."""

import math

import pytest
from support.audit_runs import AuditBuilder

from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.costs import first_call, memory_saved, over_visits, speed_up
from harness.report.optimizations.ladder import ladder
from harness.report.optimizations.lines import cost_table
from harness.report.optimizations.table import records
from harness.store.measured import peak_bytes, replays_graphs


def audited(builder):
    return read_audit(builder.view()).cells


@pytest.fixture
def audit(tmp_path):
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference(first_s=1.4)
    return builder


def test_speed_up_is_paired_by_visit(audit) -> None:
    audit.add("compile", ratios=(1.2, 1.3, 1.25))
    speed = audited(audit)[1].speed
    assert speed.value == pytest.approx((1.2 * 1.3 * 1.25) ** (1 / 3)) and speed.n == 3
    assert 1.1 < speed.low < 1.2 and 1.3 < speed.high < 1.4


def test_seconds_of_two_visits_have_no_interval(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference(ratios=(1.0, 2.0), peaks_mib=(100, 100))
    builder.add("compile", ratios=(1.0, 2.0), peaks_mib=(100, 100))
    audit = read_audit(builder.view())
    found = over_visits(audit.cells[0].cell)
    assert (found.low, found.high, found.n) == (None, None, 2) and "needs three" in found.reason
    assert "no interval" in str(cost_table(audit, audit.families[0]).lines[0])


def test_the_same_pipeline_again_has_nothing_to_pay_for(audit) -> None:
    audit.add("again", ratios=(1.2, 1.21, 1.22), first_s=9.0)
    first = audited(audit)[1].first
    assert first.pays_after is None and "nothing to pay for" in first.pays_reason


def test_a_speed_up_is_of_the_calls_in_turns_where_there_were_any(audit) -> None:
    """The reference's own visits say 1.2; beside the cell's own calls it was 1.5 times as slow."""
    audit.add("channels-last", ratios=(1.2, 0.6, 2.4), beside=(0.8, 0.4, 1.6))
    speed = audited(audit)[1].speed
    assert speed.value == pytest.approx(1.5) and speed.low == pytest.approx(1.5) and speed.n == 3


def test_a_step_of_a_ladder_is_held_against_the_rung_below_through_what_both_were_beside(audit) -> None:
    audit.add("channels-last", ratios=(1.2, 0.6, 2.4), beside=(0.8, 0.4, 1.6))
    audit.add("channels-last+compile", ratios=(1.5, 3.0, 1.0), beside=(0.5, 1.0, 1 / 3))
    (family,) = read_audit(audit.view()).families
    first, second = ladder(family)
    assert first.speed.value == pytest.approx(1.5)
    assert second.one.speed.value == pytest.approx(3.0) and second.speed.value == pytest.approx(2.0)
    assert second.speed.high == pytest.approx(2.0)


def test_one_visit_has_a_number_and_no_interval(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference(ratios=(1.0,), peaks_mib=(100,))
    builder.add("compile", ratios=(1.5,), peaks_mib=(90,))
    one = audited(builder)[1]
    assert one.speed.value == pytest.approx(1.5) and one.speed.low is None and "one visit" in one.speed.reason
    assert one.first.pays_after is None and "one visit" in one.first.pays_reason
    assert one.memory.bytes.value == 10 * 2**20 and one.memory.share.low is None


def test_compiling_pays_after_the_images_that_make_up_for_it(audit) -> None:
    audit.add("compile", ratios=(1.28, 1.2801, 1.2799), first_s=51.4)
    first = audited(audit)[1].first
    assert first.seconds == 51.4 and first.compile_s == pytest.approx(51.4 - 1 / 1.28, abs=0.001)
    assert first.pays_after == math.ceil(50 / (1 - 1 / 1.28)) == 229


@pytest.mark.parametrize(
    ("ratios", "first_s", "after", "why"),
    [
        ((0.8, 0.81, 0.79), 50.0, None, "it is slower: it never pays"),
        ((0.95, 1.1, 1.0), 50.0, None, "covers 1: no saving was shown"),
        ((1.2, 1.21, 1.22), 1.0, 0, None),
        ((1.2, 1.21, 1.22), None, None, "its own first call was not measured"),
    ],
)
def test_when_it_never_pays_the_reason_is_told(audit, ratios, first_s, after, why) -> None:
    audit.add("compile", ratios=ratios, first_s=first_s)
    first = audited(audit)[1].first
    assert first.pays_after == after
    assert (why is None and first.pays_reason is None) or why in first.pays_reason


def test_memory_is_saved_visit_by_visit(audit) -> None:
    audit.add("model-offload", peaks_mib=(60, 62, 58))
    saved = audited(audit)[1].memory
    assert saved.bytes.value == 40 * 2**20 and saved.share.value == pytest.approx(0.4)
    assert saved.share.low == pytest.approx(0.4 - 4.302653 * 0.02 / math.sqrt(3), abs=1e-6)


def test_memory_of_two_kinds_is_not_compared(audit) -> None:
    audit.add("compile")
    reference, cell = audit.records
    other = cell.model_copy(update={"memory": cell.memory.model_copy(update={"kind": "device-allocated"})})
    assert memory_saved(other, reference) is None and memory_saved(cell, reference) is not None


def test_timings_of_two_runs_or_of_other_pictures_bear_no_interval(audit) -> None:
    audit.add("compile", ratios=(1.2, 1.3, 1.25))
    reference, cell = audit.records
    elsewhere = cell.model_copy(update={"timing": cell.timing.model_copy(update={"measured_in": "another"})})
    found = speed_up(elsewhere, reference)
    assert found.value is not None and found.low is None and "--remeasure" in found.reason
    strange = cell.model_copy(update={"timing": cell.timing.model_copy(update={"largest_pixel_difference": 90})})
    assert "up to 90 of 255" in speed_up(strange, reference).reason


def test_what_was_not_timed_says_why(audit) -> None:
    audit.add("compile", timing_reason="recompiled in a timed call: a size changed")
    one = audited(audit)[1]
    assert one.speed.value is None and one.speed.reason == "not timed: recompiled in a timed call: a size changed"
    assert one.first.reason == "not timed" and first_call(one.cell, one.reference, one.speed).seconds is None


GRAPHS = {"mode": "reduce-overhead"}


def test_cuda_graphs_are_compared_by_what_was_reserved(tmp_path) -> None:
    """Their pools look unallocated: by allocated bytes the cell would save 60 %, and it takes half as much again."""
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.reference(peaks_mib=(100,) * 3, reserved_mib=(120, 121, 122))
    builder.add("compile", options=GRAPHS, peaks_mib=(40,) * 3, reserved_mib=(180, 181, 182), used_mib=900)
    builder.add("compile", peaks_mib=(90,) * 3, reserved_mib=(180, 181, 182))
    reference, graphs, plain = audited(builder)
    assert graphs.memory.bytes.value == -60 * 2**20 and graphs.memory.share.value == pytest.approx(-60 / 121)
    assert plain.memory.bytes.value == 10 * 2**20
    assert [peak_bytes(one.cell) for one in (reference, graphs, plain)] == [mib * 2**20 for mib in (100, 182, 90)]
    row = {row["optimizations"]: row for row in records(read_audit(builder.view()))}["compile(mode=reduce-overhead)"]
    assert (row["judged_by"], row["judged_bytes"]) == ("reserved on the device", 182 * 2**20)
    assert (row["peak_bytes"], row["reserved_bytes"], row["used_bytes"]) == (40 * 2**20, 182 * 2**20, 900 * 2**20)
    text = str(cost_table(read_audit(builder.view()), read_audit(builder.view()).families[0]))
    assert "allocated 40.0 MiB" in text and "whole device 900 MiB" in text


def test_on_a_processor_no_mode_replays_graphs(audit) -> None:
    audit.add("compile", options=GRAPHS, peaks_mib=(90,) * 3)
    one = audited(audit)[1]
    assert one.memory.bytes.value == 10 * 2**20 and not replays_graphs(one.cell)
