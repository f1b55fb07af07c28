"""A CUDA device, or a reason why there is none; and every test begins with torch as it was."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from harness.pipelines.failures import release


@pytest.fixture(autouse=True, scope="session")
def _device() -> None:
    if not torch.cuda.is_available():
        pytest.skip("torch finds no CUDA device here")


@pytest.fixture(autouse=True)
def _torch_as_it_was() -> Iterator[None]:
    """Precision flags and compiled graphs belong to the process, and would reach the next test."""
    matmul, cudnn = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    precision = torch.get_float32_matmul_precision()
    yield
    torch.set_float32_matmul_precision(precision)
    torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = matmul, cudnn
    torch._dynamo.reset()
    release(torch.device("cuda"))
