"""Replays of stored A/A timings: the pool, what is drawn from it, and that a wrong interval would be found out."""

import numpy as np
import pytest
import support.aa_replays as replays_module
from support.aa_replays import Visit, biases, main, pool_of, replay, report
from support.audit_runs import AuditBuilder


def pool(visits: int, seed: int = 3) -> list[Visit]:
    rng = np.random.default_rng(seed)
    machine = rng.normal(0, 0.1, (visits, 1, 1))
    load = rng.normal(0, 0.02, (visits, 2, 1))
    calls = 0.2 * np.exp(machine + load + rng.normal(0, 0.02, (visits, 2, 4)))
    return [Visit("x", tuple(map(tuple, visit))) for visit in calls.tolist()]


def test_the_pool_is_of_cells_that_ran_one_pipeline(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference(ratios=(1.0, 1.1, 1.2))
    builder.add("again", ratios=(1.0, 1.1, 1.3), outcome="no-op")
    builder.add("compile", ratios=(2.0, 2.0, 2.0))
    builder.add("compile", options={"dynamic": True}, ratios=(2.0, 2.0, 2.0), outcome=None)
    builder.add("sdpa", ratios=(1.0, 1.0, 1.0), outcome="no-op")
    builder.add("plain-attention", ratios=(2.0, 2.0, 2.0), outcome="no-op", timed_outcome="applied")
    builder.add(dtype="float16", ratios=(3.0, 3.0, 3.0))
    found = pool_of(builder.records)
    assert [len(visit.calls) for visit in found] == [3, 3, 3] and len(found[0].calls[0]) == 3
    first, *_ = biases(found)
    assert first.ratio.value == pytest.approx((1.3 / 1.2) ** (1 / 3))


def test_calls_in_turns_make_the_pool_where_there_are_any(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference(ratios=(1.0, 1.1, 1.2))
    builder.add("again", ratios=(1.0, 1.1, 1.3), beside=(1.0, 1.1, 1.25), outcome="no-op")
    builder.add("sdpa", ratios=(2.0, 2.1, 2.2), beside=(2.0, 2.1, 2.2), outcome="no-op")
    found = pool_of(builder.records)
    assert [len(visit.calls) for visit in found] == [2] * 6
    (bias,) = biases(found)
    assert bias.ratio.value == pytest.approx((1.25 / 1.3) ** (1 / 6))


@pytest.mark.parametrize("visits", [2, 3, 5])
def test_replays_of_a_sound_pool_meet_the_bar(visits) -> None:
    found = replay(pool(60), visits, 1500)
    assert 0.92 <= found.covered <= 0.98 and found.low < found.covered < found.high and found.distinct > 1000


def test_an_interval_that_is_too_narrow_is_found_out(monkeypatch) -> None:
    real = replays_module.ratio_over_visits
    monkeypatch.setattr(replays_module, "ratio_over_visits", lambda one, other: real(one, other, level=0.8))
    assert replay(pool(60), 3, 1500).covered < 0.9


def test_a_pool_that_is_too_small_is_told(tmp_path) -> None:
    assert replay(pool(2), 3, 1000).covered is None
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference()
    store, run_id = builder.finish()
    lines, fine = report(store, [run_id], 1000)
    assert not fine and "add `again`" in lines[0]


def test_the_report_counts_and_tells(tmp_path) -> None:
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference(ratios=(1.0, 1.02, 0.99, 1.01, 1.0, 0.98))
    builder.add("again", ratios=(1.01, 1.0, 1.0, 0.99, 1.02, 1.0), outcome="no-op")
    store, run_id = builder.finish()
    lines, fine = report(store, [run_id], 1000)
    assert lines[0] == "6 visits of 1 families" and "as measured" in lines[1]
    assert lines[2].startswith("2 visits: ") and "30 distinct pairs" in lines[2]
    assert not fine and lines[2].endswith("not judged: 1000 distinct pairs are needed")


def test_a_run_of_many_visits_is_judged(tmp_path) -> None:
    rng = np.random.default_rng(5)
    builder = AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference(ratios=tuple(np.exp(rng.normal(0, 0.02, 40))))
    builder.add("again", ratios=tuple(np.exp(rng.normal(0, 0.02, 40))), outcome="no-op")
    store, run_id = builder.finish()
    lines, fine = report(store, [run_id], 1500)
    assert fine and all(line.endswith(": met") for line in lines[2:])


def _exit(builder: AuditBuilder, monkeypatch) -> int:
    store, run_id = builder.finish()
    monkeypatch.setattr("sys.argv", ["aa_replays", str(store.root), run_id, "--pairs", "1000"])
    return main()


def _twins(tmp_path, *factors: float) -> AuditBuilder:
    """One pipeline under several names in 40 visits, the later ones by constant factors faster than the first."""
    rng, builder = np.random.default_rng(5), AuditBuilder(tmp_path / "runs", prompts=1)
    builder.reference(ratios=tuple(np.exp(rng.normal(0, 0.02, 40))))
    for stack, factor in zip(("again", "sdpa"), factors, strict=False):
        builder.add(stack, ratios=tuple(factor * np.exp(rng.normal(0, 0.02, 40))), outcome="no-op")
    return builder


def test_the_command_ends_well_on_a_sound_pool(tmp_path, monkeypatch) -> None:
    assert _exit(_twins(tmp_path, 1.0, 1.0), monkeypatch) == 0


def test_a_cell_that_is_always_slower_ends_the_command_with_1(tmp_path, monkeypatch, capsys) -> None:
    """The planted fault: the third cell is 2 % faster than its twins; drawing which of two is A would hide it."""
    assert _exit(_twins(tmp_path, 1.0, 1.02), monkeypatch) == 1
    told = [line for line in capsys.readouterr().out.splitlines() if line.startswith("as measured")]
    assert [line.rpartition("no bias: ")[2] for line in told] == [
        "met",
        *["NOT met: one of the two is always slower"] * 2,
    ]


def test_a_coverage_beyond_the_bar_ends_the_command_with_1(tmp_path, monkeypatch, capsys) -> None:
    """The planted fault: an interval of 80 %."""
    real = replays_module.ratio_over_visits
    narrow = lambda one, other, level=0.8: real(one, other, level=level)  # noqa: E731
    monkeypatch.setattr(replays_module, "ratio_over_visits", narrow)
    assert _exit(_twins(tmp_path, 1.0, 1.0), monkeypatch) == 1 and ": NOT met" in capsys.readouterr().out
