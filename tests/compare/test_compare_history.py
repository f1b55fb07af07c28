"""Nights whose history is known: where the level moved, what was changed then, and what is not joined."""

from __future__ import annotations

import io

import pytest
from PIL import Image
from support.compare_runs import NAN, OUT_OF_MEMORY
from support.nightly import keep_nights

from harness.catalog.types import OptimizationChoice
from harness.compare.history.chart import history_chart
from harness.compare.history.rendering import render, sparkline
from harness.compare.history.sizes import too_small
from harness.compare.history.whole import history
from harness.errors import MissingError, UsageError
from harness.store.store import Store

NEW = {"environment": {"software.packages.diffusers": "0.43.0"}}


def test_a_lost_level_is_found_with_what_was_changed_before_it(store: Store) -> None:
    ids = keep_nights(store, 12, lambda night: {"level": -1.0, **NEW} if night >= 7 else {})
    found = history(store, "clip_score")
    (series,) = found.series
    (moved,) = series.moved
    assert (moved.at, moved.run_id, moved.verdict) == (7, ids[7], "worse")
    assert moved.difference == pytest.approx(-1.0, abs=0.15) and not moved.relative
    assert [[change.name for change in point.changed] for point in series.points] == [
        ["software.packages.diffusers"] if night == 7 else [] for night in range(12)
    ]
    text = render(found)
    assert f"▼ worse from {ids[7]} on: " in text and "diffusers: 0.42.1 → 0.43.0" in text
    assert "|" in text.splitlines()[3]


def test_a_slower_run_is_found_in_the_latency_and_not_in_the_score(store: Store) -> None:
    keep_nights(store, 10, lambda night: {"slower": 1.1} if night >= 5 else {})
    (latency,) = history(store, "latency").series
    assert [moved.at for moved in latency.moved] == [5]
    assert latency.moved[0].difference == pytest.approx(0.1, abs=0.02) and latency.moved[0].verdict == "worse"
    assert all(point.low is not None and point.low < point.value and point.n == 3 for point in latency.points)
    assert history(store, "clip_score").series[0].moved == ()
    (memory,) = history(store, "peak_memory").series
    assert memory.moved == () and "every run gave the same value, to the last digit" in memory.notes


def test_a_change_within_the_margin_is_neither_better_nor_worse(store: Store) -> None:
    ids = keep_nights(store, 16, lambda night: {"slower": 1.02} if night >= 8 else {})
    found = history(store, "latency")
    (moved,) = found.series[0].moved
    assert (moved.run_id, moved.verdict, moved.reason) == (ids[8], "moved", "smaller than the margin of 3.0 %")
    text = render(found)
    assert f"◆ moved from {ids[8]} on: " in text and text.count(", smaller than the margin of 3.0 %") == 2
    assert "▼" not in text and "worse" not in text


@pytest.mark.parametrize(
    ("metric", "before", "after", "margin", "told"),
    [
        ("clip_score", 80.0, 79.75, 0.3, "smaller than the margin of 0.3"),
        ("clip_score", 80.0, 79.65, 0.3, None),
        ("clip_score", 80.0, 80.5, "1%", "smaller than the margin of 1.0 %"),
        ("clip_score", 80.0, 80.004, None, "smaller than the digits that are shown"),
        ("clip_score", 80.0, 80.006, None, None),
        ("world_truth", 0.9, 0.85, 0.1, "smaller than the margin of 10.0 %-points"),
        ("world_truth", 0.9, 0.9004, None, "smaller than the digits that are shown"),
        ("latency", 1.0, 1.029, "3%", "smaller than the margin of 3.0 %"),
        ("latency", 1.0, 0.972, "3%", "smaller than the margin of 3.0 %"),
        ("latency", 1.0, 0.9705, "3%", None),  # by a ratio of 1.0304, the other way round
        ("latency", 1.0, 1.0004, None, "smaller than the digits that are shown"),
    ],
)
def test_what_is_too_small_to_matter(
    metric: str, before: float, after: float, margin: float | str | None, told: str | None
) -> None:
    assert too_small(metric, before, after, margin, relative=metric == "latency") == told


@pytest.mark.parametrize(("mode", "mib"), [("reduce-overhead", 180), ("default", 40)])
def test_code_that_replays_graphs_is_followed_by_what_was_reserved(store: Store, mode: str, mib: int) -> None:
    """Their pools look unallocated: a history of allocated bytes would not see them grow."""
    stack = (OptimizationChoice(name="compile", options={} if mode == "default" else {"mode": mode}),)
    for run_id in keep_nights(store, 2, lambda _: {"settings": {"optimizations": stack}}):
        for cell in store.load_cells(run_id):
            assert cell.memory is not None
            seen = {"kind": "device-allocated", "visit_peaks_bytes": [40 * 2**20] * 3, "peak_bytes": 40 * 2**20,
                    "visit_reserved_bytes": [180 * 2**20] * 3, "reserved_bytes": 180 * 2**20}  # fmt: skip
            store.save_cell(cell.model_copy(update={"memory": cell.memory.model_copy(update=seen)}))
    (series,) = history(store, "peak_memory").series
    assert [point.value for point in series.points] == pytest.approx([mib * 2**20] * 2)
    assert series.made_with["kind"] == f"{'reserved' if mib == 180 else 'allocated'} on the device"


def test_another_machine_is_another_series(store: Store) -> None:
    other = {"environment": {"hardware.cpu_model": "another"}, "slower": 2.0}
    keep_nights(store, 12, lambda night: other if night >= 6 else {})
    found = history(store, "latency")
    assert [len(series.points) for series in found.series] == [6, 6] and not any(s.moved for s in found.series)
    assert any("not joined" in note and "hardware cpu_model a processor and another" in note for note in found.notes)
    assert [series.cell for series in found.series] == [
        f"DDIM · 10 steps (hardware cpu_model {name})" for name in ("a processor", "another")
    ]
    assert all("a change is looked for from 8 on" in (series.why_no_test or "") for series in found.series)
    assert len(history(store, "clip_score").series) == 1  # a score does not hang on the processor


def test_series_of_one_label_are_told_apart_by_what_differs(store: Store) -> None:
    """By as few knobs as it takes, though their runs swept none of them; a label that stands alone needs none."""
    kinds = [{"guidance_scale": 4.0, "strength": 0.3}, {"guidance_scale": 2.0, "strength": 0.3},
             {"guidance_scale": 2.0, "strength": 0.5}]  # fmt: skip
    keep_nights(store, 3, lambda night: {"settings": kinds[night]})
    assert [series.cell for series in history(store, "clip_score").series] == [
        "DDIM · 10 steps (guidance_scale 4, strength 0.3)",
        "DDIM · 10 steps (guidance_scale 2, strength 0.3)",
        "DDIM · 10 steps (guidance_scale 2, strength 0.5)",
    ]
    found = history(store, "clip_score", cells={"guidance_scale": ["4"]})
    assert [series.cell for series in found.series] == ["DDIM · 10 steps"]


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({"made_by": {"weights_digest": "9f9f"}}, "weights_digest 1a2b and 9f9f"),
        ({"made_by": {"reference_set": "world"}}, "reference_set none and world"),
        ({"rows": 6}, "pictures 8 and 6, rows"),
    ],
)
def test_scores_of_other_kinds_are_not_joined(store: Store, how: dict, told: str) -> None:
    keep_nights(store, 4, lambda night: how if night >= 2 else {})
    found = history(store, "clip_score")
    assert [len(series.points) for series in found.series] == [2, 2]
    assert any(told in note for note in found.notes)


def test_another_librarys_version_is_joined_for_it_is_what_is_compared(store: Store) -> None:
    keep_nights(store, 4, lambda night: {"made_by": {"torch": "2.15.0"}} if night >= 2 else {})
    assert len(history(store, "clip_score").series) == 1


def test_what_is_no_point_is_told(store: Store) -> None:
    ids = keep_nights(
        store,
        6,
        lambda night: {
            1: {"failed": {0: OUT_OF_MEMORY}},
            2: {"borrowed": "20261124-101500-night00-38b2"},
            3: {"score_failed": "the scorer broke"},
            4: {"odd": {0: NAN}},
        }.get(night, {}),
    )
    found = history(store, "clip_score")
    assert [point.run_id for point in found.series[0].points] == [ids[0], ids[5]]
    told = " | ".join(found.notes)
    assert "the cell failed" in told and "taken over from 20261124-101500-night00-38b2" in told
    assert "no value: the scorer broke" in told and "no value: not a finite number" in told
    assert "nothing was measured anew" in " ".join(history(store, "latency").notes)


def test_a_damaged_run_hides_no_other(store: Store) -> None:
    ids = keep_nights(store, 3)
    (store.root / "runs" / ids[1] / "run.json").write_text("{")
    found = history(store, "clip_score")
    assert len(found.series[0].points) == 2 and any(f"{ids[1]} was left out" in note for note in found.notes)


def test_cells_and_runs_are_chosen(store: Store) -> None:
    ids = keep_nights(store, 3, lambda _: {"cells": 4, "shift": {}})
    assert len(history(store, "clip_score").series) == 4
    (one,) = history(store, "clip_score", cells={"scheduler": ["DDIMScheduler"], "num_inference_steps": ["10"]}).series
    assert one.cell == "DDIM · 10 steps"
    assert len(history(store, "clip_score", runs=["nightly"]).series[0].points) == 3
    assert [point.run_id for point in history(store, "clip_score", runs=[ids[1]]).series[0].points] == [ids[1]]


@pytest.mark.parametrize(
    ("metric", "asked", "kind", "told"),
    [
        ("clip_scor", {}, UsageError, "did you mean clip_score"),
        ("clip_score", {"cells": {"sheduler": ["DDIM"]}}, UsageError, "did you mean scheduler"),
        ("clip_score", {"cells": {"scheduler": ["none"]}}, UsageError, "No cell of 2 runs has scheduler=none"),
        ("clip_score", {"runs": ["none"]}, MissingError, "There is no run 'none'"),
    ],
)
def test_what_cannot_be_shown_is_said(store: Store, metric: str, asked: dict, kind: type[Exception], told: str) -> None:
    keep_nights(store, 2)
    with pytest.raises(kind) as error:
        history(store, metric, **asked)
    assert told in str(error.value)


def test_an_empty_store_says_so(store: Store) -> None:
    with pytest.raises(MissingError, match="There is no run to look at"):
        history(store, "latency")


def test_a_machine_that_is_not_known_makes_no_series(store: Store) -> None:
    keep_nights(store, 2, lambda _: {"environment": {"device": None}})
    with pytest.raises(MissingError, match="does not say what machine it was"):
        history(store, "latency")


def test_the_picture_shows_every_point(store: Store) -> None:
    keep_nights(store, 9, lambda night: {"level": -3.0} if night >= 5 else {})
    chart = history_chart(history(store, "clip_score"))
    data = next(iter(chart.spec["datasets"].values()))
    assert len(data) == 9 and [row["part"] for row in data] == [0] * 5 + [1] * 4
    assert [row["first"] for row in data].index(True) == 5
    image = Image.open(io.BytesIO(chart.png(scale=1.0)))
    assert image.width > 900 and len(image.convert("RGB").getcolors(100_000) or []) > 20


def test_a_line_of_bars() -> None:
    assert sparkline([0, 7, 3.5], set()) == "▁█▅" and sparkline([1, 1], set()) == "▄▄"
    assert sparkline([0, 0, 1, 1], {2}) == "▁▁|██"
