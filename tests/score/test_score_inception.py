"""The FID's Inception is torchvision's with three pools exchanged: block by block, on small maps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.nn import functional
from torchvision.models import inception as torchvisions

from harness.score.inception import BlockA, BlockB, BlockC, BlockD, BlockE, Inception

Pool = Callable[..., torch.Tensor]


def _average(x: torch.Tensor, **how: Any) -> torch.Tensor:
    return _AVERAGE(x, **how, count_include_pad=False)


def _maximum(x: torch.Tensor, **how: Any) -> torch.Tensor:
    return functional.max_pool2d(x, **how)


_AVERAGE = functional.avg_pool2d
BLOCKS = {
    "A": (lambda: BlockA(16, 8), lambda: torchvisions.InceptionA(16, 8), 9, _average),
    "B": (lambda: BlockB(16), lambda: torchvisions.InceptionB(16), 9, None),
    "C": (lambda: BlockC(16, 12), lambda: torchvisions.InceptionC(16, 12), 9, _average),
    "D": (lambda: BlockD(16), lambda: torchvisions.InceptionD(16), 9, None),
    "E": (lambda: BlockE(16, last=False), lambda: torchvisions.InceptionE(16), 5, _average),
    "last E": (lambda: BlockE(16, last=True), lambda: torchvisions.InceptionE(16), 5, _maximum),
}


@pytest.mark.parametrize("name", BLOCKS)
def test_each_block_is_torchvisions_with_another_pool(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, make_theirs, side, pool = BLOCKS[name]
    torch.manual_seed(0)
    ours, theirs = make().eval(), make_theirs().eval()
    theirs.load_state_dict(ours.state_dict())
    x = torch.randn(2, 16, side, side)
    with torch.inference_mode():
        found, unpatched = ours(x), theirs(x)
        if pool is not None:
            monkeypatch.setattr(torchvisions.F, "avg_pool2d", pool)
        wanted = theirs(x)
    assert torch.allclose(found, wanted, atol=1e-5) and found.shape == wanted.shape
    assert torch.allclose(found, unpatched, atol=1e-5) == (pool is None)


def test_the_whole_has_the_parameters_of_the_literatures_file() -> None:
    """566 entries, as the published file has; every block in its place gives maps that the next one takes."""
    with torch.device("meta"):
        net = Inception()
        features = net.eval()(torch.zeros(1, 3, 299, 299))
    assert len(net.state_dict()) == 566 and features.shape == (1, 2048)
    assert net.state_dict()["fc.weight"].shape == (1008, 2048)
