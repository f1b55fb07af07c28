"""Whatever goes wrong in a worker, as a failure that a person can read. The whole story goes to the worker's log."""

from __future__ import annotations

import errno
import traceback
from contextlib import suppress

from harness.errors import HarnessError, MissingError, StoreError
from harness.store.records import Failure

_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
_REASON_CHARACTERS = 500
IN_THE_LOG = "the worker's log has the whole story"  # whose place only the process that started the worker knows


def failure_of(error: Exception) -> Failure:
    """``error`` in a record's words; its traceback is printed to standard error, the worker's log."""
    with suppress(OSError):  # the log lies on the disk that may just have said no
        traceback.print_exception(error)
    if isinstance(error, HarnessError):
        return _of_house(error)
    if isinstance(error, ModuleNotFoundError):
        return Failure(kind="missing", reason=str(error), do=f"install the package that has {error.name}")
    if isinstance(error, OSError) and error.errno in _DISK:
        return Failure(kind="disk", reason=_line(error), do="free space, or name another store, and run it again")
    if _memory_ran_out(error):
        return Failure(kind="out-of-memory", reason=_line(error), do="use a smaller batch, size or dtype")
    return Failure(kind="error", reason=_line(error), do=IN_THE_LOG)


def _of_house(error: HarnessError) -> Failure:
    reason = f"{error.happened} Expected: {error.expected}." if error.expected else error.happened
    kind = getattr(error, "kind", None)  # a PictureError knows its own
    if kind is None:
        kind = "missing" if isinstance(error, MissingError) else "disk" if isinstance(error, StoreError) else "error"
    return Failure(kind=kind, reason=reason, do=error.do, peak_bytes=getattr(error, "peak_bytes", None))


def _memory_ran_out(error: Exception) -> bool:
    from harness.pipelines.failures import is_out_of_memory

    return is_out_of_memory(error)


def _line(error: Exception) -> str:
    """The error's kind and its first lines."""
    text = " ".join(line.strip() for line in str(error).strip().splitlines()[:3])
    return f"{type(error).__name__}: {text}"[:_REASON_CHARACTERS]
