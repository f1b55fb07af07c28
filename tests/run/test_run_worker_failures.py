"""Every error becomes a failure of the right kind, told in a line; the log has the traceback."""

from __future__ import annotations

import errno

import pytest

from harness.errors import HarnessError, MissingError, StoreError
from harness.pipelines.failures import not_a_number
from harness.run.worker_failures import failure_of

_CASES: list[tuple[Exception, str, str]] = [
    (MissingError("No folder.", expected="a folder", do="make one"), "missing", "No folder. Expected: a folder."),
    (StoreError("The disk is full."), "disk", "The disk is full."),
    (HarnessError("Wrong."), "error", "Wrong."),
    (not_a_number("the pictures", "float16"), "not-a-number", "not finite"),
    (ModuleNotFoundError("No module named 'open_clip'", name="open_clip"), "missing", "open_clip"),
    (OSError(errno.ENOSPC, "No space left on device"), "disk", "No space left"),
    (MemoryError("unable to allocate"), "out-of-memory", "unable to allocate"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "out-of-memory", "allocate"),
    (ValueError("first\nsecond\nthird\nfourth " + "x" * 9999), "error", "ValueError: first second third"),
    (ValueError(""), "error", "ValueError"),
]


@pytest.mark.parametrize(("error", "kind", "words"), _CASES)
def test_the_kind_and_the_reason(error: Exception, kind: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    failure = failure_of(error)
    assert failure.kind == kind and words in failure.reason
    assert "\n" not in failure.reason and "fourth" not in failure.reason and len(failure.reason) <= 600
    assert type(error).__name__ in capfd.readouterr().err


def test_half_precision_gets_its_own_advice() -> None:
    assert "float32" in failure_of(not_a_number("the pictures", "float16")).do
    assert "scheduler" in failure_of(not_a_number("the pictures", "float32")).do
