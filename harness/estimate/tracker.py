"""Bytes of live tensors, followed from the operations that make them: of real tensors as of fake ones."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode


class LiveTensors(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Follows every tensor that an operation makes while the mode is on, until its storage dies.

    ``live_bytes`` are held now, ``peak_bytes`` were held at most since the start or the last ``restart``. A storage
    counts once, however many tensors look at it, with all the bytes that it holds. What was there before the mode is
    counted if it is given to ``hold``, or if an operation gives it back. Not seen: what a kernel takes for itself
    while it works, and what an allocator keeps without a tensor in it.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.live_bytes = self.peak_bytes = 0
        self._held: dict[int, tuple[weakref.ref[Any], int]] = {}  # by the storage's address -> itself, its bytes

    def hold(self, tensors: Iterable[torch.Tensor]) -> None:
        """Count tensors that are already there, such as weights."""
        for tensor in tensors:
            self._see(tensor)

    def restart(self) -> None:
        """Begin a new peak, from what is live now."""
        self.peak_bytes = self.live_bytes

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run the operation, then look at what it gave back."""
        made = func(*args, **(kwargs or {}))
        self.hold(tensors_in(made))
        return made

    def _see(self, tensor: torch.Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        known = self._held.get(key)
        if known is not None and known[0]() is not None:
            self._resized(key, storage)
            return
        self._held[key] = (weakref.ref(storage, lambda gone: self._forget(key, gone)), storage.nbytes())
        self._add(storage.nbytes())

    def _resized(self, key: int, storage: Any) -> None:
        reference, size = self._held[key]
        if storage.nbytes() != size:
            self._held[key] = (reference, storage.nbytes())
            self._add(storage.nbytes() - size)

    def _forget(self, key: int, gone: weakref.ref[Any]) -> None:
        """Another storage may have taken the address before word of this one's death came."""
        known = self._held.get(key)
        if known is not None and known[0] is gone:
            del self._held[key]
            self.live_bytes -= known[1]

    def _add(self, size: int) -> None:
        self.live_bytes += size
        self.peak_bytes = max(self.peak_bytes, self.live_bytes)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """The tensors of an operation's result, or of nested lists, tuples and mappings."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        yield from tensors_in(tuple(value.values()))
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from tensors_in(one)
