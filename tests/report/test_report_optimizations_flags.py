"""Planted faults: each is flagged, and a sound cell is not."""

import pytest
from support.audit_runs import AuditBuilder

from harness.plan.types import TimingPlan
from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.flags import flags
from harness.report.optimizations.verdicts import answers, verdict


def one_of(tmp_path, stack="compile", *, timed=True, **known):
    builder = AuditBuilder(tmp_path / "runs", prompts=2)
    builder.plan_changes["timing"] = TimingPlan(enabled=timed, repeats=3, rounds=3, warmups=1, batch=1)
    builder.reference()
    builder.add(stack, **known)
    return read_audit(builder.view())


FAULTS = {
    "a wrong attention processor": (
        {"stack": "plain-attention", "outcome": "failed", "observed": "AttnAddedKVProcessor2_0 in 16 of 16 blocks"},
        "plain-attention was asked for and is not there: AttnAddedKVProcessor2_0 in 16 of 16 blocks.",
    ),
    "a compile that did not happen": (
        {"outcome": "failed", "observed": "no graph was compiled"},
        "compile was asked for and is not there: no graph was compiled.",
    ),
    "a compile that did not happen where it was timed": (
        {"timed_outcome": "failed", "observed": "no graph was compiled"},
        "compile was asked for and is not there: no graph was compiled.",
    ),
    "a recompile in a timed call": (
        {"timing_reason": "recompiled in a timed call: size 64 changed to 96"},
        "its timing failed: recompiled in a timed call: size 64 changed to 96.",
    ),
    "a decoder that clips": (
        {"stack": "none", "dtype": "float16", "clipped": 0.12, "off": 1},
        "12.5 % of its pixels are saturated (0 or 255), 0.0 % of the reference's: what decodes them clips.",
    ),
    "an offload hook left off": (
        {"stack": "model-offload", "outcome": "failed", "observed": "no hook on the unet"},
        "model-offload was asked for and is not there: no hook on the unet.",
    ),
    "half of it": (
        {"stack": "channels-last", "outcome": "partly", "observed": "38 of 44 convolutions"},
        "channels-last is there in part only: 38 of 44 convolutions.",
    ),
    "no evidence": ({"outcome": None}, "nothing was recorded that shows compile was on."),
    "an exact optimization that is not": (
        {"stack": "release-prior", "off": 2}, "it should not change a bit: pixels differ by up to 2 of 255.",
    ),
    "a pipeline that does not repeat itself": (
        {"stack": "again", "outcome": "no-op", "off": 2},
        "the same pipeline does not repeat its pictures: pixels differ by up to 2 of 255.",
    ),
    "a no-op that is faster": (
        {"stack": "sdpa", "outcome": "no-op", "ratios": (1.2, 1.21, 1.22)},
        "nothing changed, and yet the interval of its speed-up leaves out 1, as one in twenty does by chance.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_flagged(tmp_path, fault) -> None:
    known, said = FAULTS[fault]
    audit = one_of(tmp_path, **known)
    assert flags(audit.cells[1]) == (said,) and flags(audit.cells[0]) == ()
    assert f"Flagged: {audit.cells[1].name}." in answers(audit)[0].headline
    assert not answers(audit)[0].chosen


@pytest.mark.parametrize(
    "known",
    [
        {"ratios": (1.2, 1.21, 1.22), "off": 2}, {"stack": "sdpa", "outcome": "no-op", "ratios": (1.0, 1.01, 0.99)},
        {"stack": "again", "outcome": "no-op", "ratios": (1.0, 1.01, 0.99)}, {"stack": "release-prior"},
        {"ratios": None, "timed": False}, {"clipped": 0.005},
    ],
)  # fmt: skip
def test_a_sound_cell_is_not_flagged(tmp_path, known) -> None:
    assert flags(one_of(tmp_path, **known).cells[1]) == ()


def test_a_fault_of_the_stack_below_is_found_in_a_stack(tmp_path) -> None:
    audit = one_of(tmp_path, "channels-last+compile", outcome="failed", observed="no graph was compiled")
    assert flags(audit.cells[1]) == ("compile was asked for and is not there: no graph was compiled.",)
    assert "channels-last applied, compile NOT applied: no graph was compiled" in verdict(audit.cells[1])
