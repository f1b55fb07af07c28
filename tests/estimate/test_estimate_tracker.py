"""Live tensors are counted byte by byte, whoever looks at them, and a leaked one is seen."""

from __future__ import annotations

import contextlib

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from harness.estimate.tracker import LiveTensors


@pytest.fixture(params=["real", "fake"])
def kind(request: pytest.FixtureRequest) -> contextlib.AbstractContextManager[object]:
    """Tensors with data, or without."""
    return FakeTensorMode() if request.param == "fake" else contextlib.nullcontext()


def test_bytes_live_from_making_to_death(kind: contextlib.AbstractContextManager[object]) -> None:
    with kind, LiveTensors() as tensors:
        first = torch.zeros(1000)
        assert tensors.live_bytes == 4000
        second = first + 1
        assert tensors.live_bytes == tensors.peak_bytes == 8000
        del first
        assert (tensors.live_bytes, tensors.peak_bytes) == (4000, 8000)
        tensors.restart()
        assert tensors.peak_bytes == 4000
        third = second.to(torch.float16)
        assert (tensors.live_bytes, third.dtype) == (6000, torch.float16)


def test_views_make_no_bytes_and_keep_the_whole_storage_alive(kind: contextlib.AbstractContextManager[object]) -> None:
    with kind, LiveTensors() as tensors:
        whole = torch.zeros(10, 100)
        row = whole.t().reshape(1000).view(50, 20)[0]  # the reshape copies, the rest looks
        assert tensors.live_bytes == 8000
        del whole
        assert tensors.live_bytes == 4000
        del row
        assert tensors.live_bytes == 0


def test_what_dies_inside_an_expression_is_in_the_peak() -> None:
    with LiveTensors() as tensors:
        kept = ((torch.zeros(1000) + 1) * 2).sum()
        assert (tensors.live_bytes, tensors.peak_bytes) == (4, 8000)
    del kept


def test_weights_are_counted_when_they_are_held_and_once() -> None:
    layer = torch.nn.Linear(10, 20)
    with LiveTensors() as tensors, torch.no_grad():
        tensors.hold(layer.parameters())
        tensors.hold(layer.parameters())
        assert tensors.live_bytes == (10 * 20 + 20) * 4
        layer(torch.zeros(3, 10))
        assert tensors.peak_bytes == (10 * 20 + 20 + 3 * 10 + 3 * 20) * 4, "the transposed weight is a view"


def test_a_leaked_tensor_raises_the_peak() -> None:
    """The planted fault: a step that keeps what it should drop."""

    def peak_of_steps(leaked: list[torch.Tensor] | None) -> int:
        with LiveTensors() as tensors:
            latents = torch.zeros(1000)
            for _ in range(5):
                noise = latents * 0.5
                if leaked is not None:
                    leaked.append(noise)
                latents = latents - noise
            return tensors.peak_bytes

    assert peak_of_steps(None) == 4 * 3000  # the last noise dies as the next is bound, not before
    assert peak_of_steps([]) == 4 * (1000 + 5000 + 1000)


def test_a_storage_that_grows_is_counted_anew() -> None:
    with LiveTensors() as tensors:
        tensor = torch.zeros(10)
        tensor.resize_(1000)
        assert tensors.live_bytes == 4000
