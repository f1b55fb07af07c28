"""How making pictures can fail, told in the words of a cell's record; and the device left usable after it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys
from collections.abc import Iterator
from typing import Literal

import torch

from harness.errors import CellError
from harness.measure.memory import resident_bytes

_MEMORY_WORDS = ("out of memory", "can't allocate memory", "cannot allocate memory", "not enough memory")


class PictureError(CellError):
    """A cell's pictures could not be made; ``kind`` and ``peak_bytes`` are those of ``records.Failure``."""

    def __init__(
        self,
        kind: Literal["out-of-memory", "not-a-number"],
        happened: str,
        *,
        do: str,
        peak_bytes: int | None = None,
    ) -> None:
        super().__init__(happened, do=do)
        self.kind: Literal["out-of-memory", "not-a-number"] = kind
        self.peak_bytes = peak_bytes


def not_a_number(what: str, dtype: str) -> PictureError:
    """``what`` (the prior's embeddings, the pictures) holds values that are not finite numbers."""
    cure = "run it in float32 or bfloat16: float16 overflows in some models" if dtype == "float16" else ""
    return PictureError(
        "not-a-number",
        f"{what} hold values that are not finite numbers",
        do=cure or "check the weights, and this scheduler with this number of steps",
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether ``error`` says that memory ran out, on a device or on the host."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error).lower() for words in _MEMORY_WORDS)


@contextlib.contextmanager
def memory_guard(device: torch.device) -> Iterator[None]:
    """Turn running out of memory inside the block into a ``PictureError``, with the device's memory given back."""
    try:
        yield
        return
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0] if str(error).strip() else "no memory left"
        peak = _peak_bytes(device)
    # Outside the except block: the error's frames, and the tensors they hold, are gone by now.
    release(device)
    raise PictureError(
        "out-of-memory",
        f"memory ran out on {device.type}: {reason[:300]}",
        do="lower `batch_size` or `size`, or use `dtype: float16` where the device supports it",
        peak_bytes=peak,
    )


def _peak_bytes(device: torch.device) -> int:
    """What was held when memory ran out: allocated at most on a GPU, resident on a processor."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return resident_bytes()


def release(device: torch.device) -> None:
    """Collect garbage and hand cached memory back, to the device and to the system."""
    gc.collect()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):  # another C library than GNU's has no trim
            ctypes.CDLL(None).malloc_trim(0)
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()
