"""Progress in logs: lines that tell what is left, and no division by what needed no work."""

from __future__ import annotations

import pytest
from rich.progress import Progress

from harness.run import progress
from harness.run.progress import PlainReporter, TimeLeftColumn


def test_lines_tell_the_end_and_the_time_left(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    clock = iter([0.0, 0.0, 12.0, 13.0, 24.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    tell = PlainReporter()
    tell.begin("images", total=5, done=2)
    for cell in ("a", "b", "c"):
        tell.advance("images", cell)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "images: 3 of 5 to do"
    assert lines[1] == "images: 3/5, about 24 s left (a)"  # one of three took 12 s; two are left
    assert lines[2] == "images: 5/5 in 24 s (c)"  # b was told too soon after a


def test_the_bar_goes_by_the_pace_of_the_whole_stage():
    """The last steps are slow, and say little of those that are left: rich's own column goes by them alone."""
    clock = iter([0.0, *(float(second) for second in (1, 2, 3, 4, 5, 50)), *[50.0] * 9])
    progress_bar = Progress(TimeLeftColumn(), get_time=lambda: next(clock))
    task = progress_bar.add_task("", total=20, completed=4, skipped=4)
    for _ in range(6):
        progress_bar.update(task, advance=1)
    (column,) = progress_bar.columns
    assert str(column.render(progress_bar.tasks[0])) == "0:01:24"  # 6 of 16 took 50 s; 10 are left


def test_a_stage_that_has_hardly_begun_has_no_pace(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    clock = iter([0.0, 0.0, 60.0, 80.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    tell = PlainReporter()
    tell.begin("timing", total=100)
    tell.advance("timing", "a", 5)
    tell.advance("timing", "b", 5)
    assert capsys.readouterr().err.splitlines()[1:] == ["timing: 5/100 (a)", "timing: 10/100, about 720 s left (b)"]


def test_nothing_made_is_no_pace():
    progress_bar = Progress(TimeLeftColumn(), get_time=lambda: 0.0)
    progress_bar.add_task("", total=20, completed=4, skipped=4)
    (column,) = progress_bar.columns
    assert str(column.render(progress_bar.tasks[0])) == "-:--:--"


def test_a_stage_with_nothing_to_do_is_silent(capsys: pytest.CaptureFixture[str]):
    PlainReporter().begin("timing", total=0)
    assert capsys.readouterr().err == ""


def test_a_step_may_count_for_many(capsys: pytest.CaptureFixture[str]):
    tell = PlainReporter()
    tell.begin("images", total=6)
    tell.advance("images", "a", 4)
    tell.advance("images", "b", 2)
    assert capsys.readouterr().err.splitlines() == ["images: 6 to do", "images: 6/6 in 0 s (b)"]
