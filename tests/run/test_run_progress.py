"""Progress in logs: lines that tell what is left, and no division by what needed no work."""

from __future__ import annotations

import pytest

from harness.run import progress
from harness.run.progress import PlainReporter


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


def test_a_stage_with_nothing_to_do_is_silent(capsys: pytest.CaptureFixture[str]):
    PlainReporter().begin("timing", total=0)
    assert capsys.readouterr().err == ""


def test_a_step_may_count_for_many(capsys: pytest.CaptureFixture[str]):
    tell = PlainReporter()
    tell.begin("images", total=6)
    tell.advance("images", "a", 4)
    tell.advance("images", "b", 2)
    assert capsys.readouterr().err.splitlines() == ["images: 6 to do", "images: 6/6 in 0 s (b)"]
