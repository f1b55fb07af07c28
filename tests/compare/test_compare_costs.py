"""Latency and peak memory of two runs: when they are evidence, and of what."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from support.compare_runs import OUT_OF_MEMORY, VISITS

from harness.compare.leaning import leans
from harness.compare.outcome import exit_code, headline
from harness.compare.types import Compared, Finding
from harness.compare.words import remark
from harness.errors import ExitCode

Compares = Callable[..., Compared]
Only = Callable[..., Finding]


def _times(factor: float) -> list[float]:
    return [factor * visit for visit in (0.998, 1.003, 1.001)]


def test_ten_percent_slower_is_a_regression(compared: Compares, only: Only) -> None:
    told = compared(visits=_times(1.10))
    found = only(told, "latency")
    assert found.verdict == "regressed" and found.margin == pytest.approx(0.03)
    assert found.difference == pytest.approx(0.10, abs=0.003)
    assert found.interval is not None and 0.09 < found.interval.low < 0.1 < found.interval.high < 0.11
    assert "Welch" in found.interval.method
    assert only(told, "peak_memory").verdict == "equivalent"
    assert exit_code(told, strict=False) == ExitCode.REGRESSED


def test_faster_and_smaller_are_improved(compared: Compares, only: Only) -> None:
    told = compared(visits=_times(0.8), peaks_mib=(80.0, 81.0, 80.5))
    assert (only(told, "latency").verdict, only(told, "peak_memory").verdict) == ("improved", "improved")


def test_company_on_one_side_alone_is_told(compared: Compares, only: Only) -> None:
    told = only(compared(company=True), "latency")
    assert any("its reference called beside it" in note for note in told.notes) and told.verdict == "equivalent"
    assert not only(compared(old={"company": True}, company=True), "latency").notes


def test_more_memory_is_a_regression(compared: Compares, only: Only) -> None:
    assert only(compared(peaks_mib=(120.0, 121.0, 120.5)), "peak_memory").verdict == "regressed"


@pytest.mark.parametrize(
    "change",
    [{"hardware.cpu_model": "another"}, {"device.name": "a GPU"}, {"torch.threads": 4}, {"hardware.cores_usable": 1}],
)
def test_another_machine_is_no_evidence(compared: Compares, only: Only, change: dict[str, Any]) -> None:
    told = compared(visits=_times(3.0), environment=change)
    for metric in ("latency", "peak_memory"):
        assert only(told, metric).verdict == "not comparable" and "another machine" in str(only(told, metric).reason)
        assert only(told, metric).difference is None
    assert only(told, "clip_score").verdict == "equivalent" and exit_code(told, strict=False) == ExitCode.DONE
    assert [one.name for one in told.environment] == list(change)


def test_an_unknown_machine_is_no_evidence(compared: Compares, only: Only) -> None:
    told = compared(environment={"hardware": None})
    assert only(told, "latency").verdict == "not comparable" and "does not say" in str(only(told, "latency").reason)


def test_another_package_is_what_is_compared(compared: Compares, only: Only) -> None:
    told = compared(visits=_times(1.10), environment={"software.packages.torch": "2.15.0"})
    assert only(told, "latency").verdict == "regressed"


def test_drift_beyond_the_margin_settles_nothing(compared: Compares, only: Only) -> None:
    found = only(compared(visits=_times(1.10), drift=0.05), "latency")
    assert found.verdict == "inconclusive" and "drifted by 5.0%" in str(found.reason)
    assert found.difference == pytest.approx(0.1, abs=0.003) and found.n_to_settle is None


def test_a_clear_slowdown_that_drift_spoils_leans_to_worse(compared: Compares, only: Only) -> None:
    told = compared(visits=_times(1.30), drift=0.05)
    assert leans(only(told, "latency")) and "it leans to worse" in remark(only(told, "latency"))
    assert "2 leaning worse: latency of" in headline(told)
    assert "none leaning worse" in headline(compared(visits=_times(0.7), drift=0.05))


@pytest.mark.parametrize("visits", [_times(1.30), [1.30]])
def test_what_is_no_evidence_leans_nowhere(compared: Compares, only: Only, visits: list[float]) -> None:
    assert not leans(only(compared(visits=visits, apart=100), "latency"))
    assert not leans(only(compared(visits=visits, apart=100, drift=0.05), "latency"))


def test_one_visit_settles_nothing(compared: Compares, only: Only) -> None:
    found = only(compared(visits=[2.0]), "latency")
    assert found.verdict == "inconclusive" and "1 visit: no verdict" in str(found.reason)


def test_a_timing_that_made_other_pictures_settles_nothing(compared: Compares, only: Only) -> None:
    found = only(compared(visits=_times(1.10), apart=100), "latency")
    assert found.verdict == "inconclusive" and "not its own" in str(found.reason)


def test_no_timing_on_one_side_is_not_comparable(compared: Compares, only: Only) -> None:
    found = only(compared(visits=None), "latency")
    assert found.verdict == "not comparable" and "the run has no timing" in str(found.reason)


@pytest.mark.parametrize("environment", [{}, {"torch.threads": 4}])
def test_a_timing_that_broke_is_a_regression(compared: Compares, only: Only, environment: dict[str, Any]) -> None:
    told = compared(visits=None, timing_failure=OUT_OF_MEMORY, environment=environment)
    for metric in ("latency", "peak_memory"):
        found = only(told, metric)
        assert found.verdict == "regressed" and found.reason == f"a new failure: {OUT_OF_MEMORY.reason}"
    assert exit_code(told, strict=False) == ExitCode.REGRESSED
    before = {"visits": None, "timing_failure": OUT_OF_MEMORY}
    assert exit_code(compared(old=before, **before), strict=True) == ExitCode.DONE
    assert only(compared(old=before), "latency").verdict == "not comparable"


def test_no_timing_at_all_is_no_finding(compared: Compares) -> None:
    told = compared(old={"visits": None}, visits=None)
    assert [finding.metric for finding in told.cells[0].findings] == ["clip_score"]


def test_noise_as_large_as_the_margin_is_inconclusive(compared: Compares, only: Only) -> None:
    found = only(compared(visits=[0.95, 1.0, 1.06]), "latency")
    assert found.verdict == "inconclusive" and found.n_to_settle is not None and found.n_to_settle > len(VISITS)
    assert found.smallest_effect is not None and found.smallest_effect > 0.03
    assert f"worse by {100 * found.smallest_effect:.1f} % would have been called, 4 times in 5" in remark(found)


def test_a_measurement_taken_over_from_the_store_is_no_second_one(compared: Compares, only: Only) -> None:
    found = only(compared(anew=False), "latency")
    assert found.verdict == "equivalent" and "one stored measurement" in str(found.reason) and found.interval is None
