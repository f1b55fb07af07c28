"""The Inception of the Fréchet Inception Distance: not torchvision's, but the one that TensorFlow gave away in 2015.

It differs from torchvision's ``inception_v3`` in its average pools, which leave padding out of the mean, in its last
block, which pools by the maximum, and in how pictures are brought to 299×299.

Source: C. Szegedy et al., Rethinking the Inception architecture, CVPR 2016, as converted by M. Seitzer's pytorch-fid
and as torch-fidelity 0.4's ``inception-v3-compat`` computes it; names of parameters are theirs.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

SIDE, DIMENSION = 299, 2048
_CLASSES = 1008


class Conv(nn.Module):
    """A convolution without a bias, batch normalisation, ReLU."""

    def __init__(self, before: int, after: int, **how: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(before, after, bias=False, **how)
        self.bn = nn.BatchNorm2d(after, eps=0.001)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, h, w) → (n, after, h', w')."""
        return functional.relu(self.bn(self.conv(x)), inplace=True)


def _average(x: torch.Tensor) -> torch.Tensor:
    """TensorFlow's average pool: what was padded is no part of the mean."""
    return functional.avg_pool2d(x, kernel_size=3, stride=1, padding=1, count_include_pad=False)


def _maximum(x: torch.Tensor) -> torch.Tensor:
    """In place of an average: probably a slip of 2015, kept since every FID has it."""
    return functional.max_pool2d(x, kernel_size=3, stride=1, padding=1)


class BlockA(nn.Module):
    """35×35."""

    def __init__(self, before: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(before, 64, kernel_size=1)
        self.branch5x5_1 = Conv(before, 48, kernel_size=1)
        self.branch5x5_2 = Conv(48, 64, kernel_size=5, padding=2)
        self.branch3x3dbl_1 = Conv(before, 64, kernel_size=1)
        self.branch3x3dbl_2 = Conv(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, kernel_size=3, padding=1)
        self.branch_pool = Conv(before, pooled, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, 35, 35) → (n, 224 + pooled, 35, 35)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        five = self.branch5x5_2(self.branch5x5_1(x))
        return torch.cat([self.branch1x1(x), five, double, self.branch_pool(_average(x))], 1)


class BlockB(nn.Module):
    """35×35 → 17×17."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(before, 384, kernel_size=3, stride=2)
        self.branch3x3dbl_1 = Conv(before, 64, kernel_size=1)
        self.branch3x3dbl_2 = Conv(64, 96, kernel_size=3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, kernel_size=3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, 35, 35) → (n, 480 + before, 17, 17)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, functional.max_pool2d(x, kernel_size=3, stride=2)], 1)


class BlockC(nn.Module):
    """17×17."""

    def __init__(self, before: int, inner: int) -> None:
        super().__init__()
        flat: dict[str, Any] = {"kernel_size": (1, 7), "padding": (0, 3)}
        tall: dict[str, Any] = {"kernel_size": (7, 1), "padding": (3, 0)}
        self.branch1x1 = Conv(before, 192, kernel_size=1)
        self.branch7x7_1 = Conv(before, inner, kernel_size=1)
        self.branch7x7_2 = Conv(inner, inner, **flat)
        self.branch7x7_3 = Conv(inner, 192, **tall)
        self.branch7x7dbl_1 = Conv(before, inner, kernel_size=1)
        self.branch7x7dbl_2 = Conv(inner, inner, **tall)
        self.branch7x7dbl_3 = Conv(inner, inner, **flat)
        self.branch7x7dbl_4 = Conv(inner, inner, **tall)
        self.branch7x7dbl_5 = Conv(inner, 192, **flat)
        self.branch_pool = Conv(before, 192, kernel_size=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, 17, 17) → (n, 768, 17, 17)."""
        seven = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([self.branch1x1(x), seven, double, self.branch_pool(_average(x))], 1)


class BlockD(nn.Module):
    """17×17 → 8×8."""

    def __init__(self, before: int) -> None:
        super().__init__()
        self.branch3x3_1 = Conv(before, 192, kernel_size=1)
        self.branch3x3_2 = Conv(192, 320, kernel_size=3, stride=2)
        self.branch7x7x3_1 = Conv(before, 192, kernel_size=1)
        self.branch7x7x3_2 = Conv(192, 192, kernel_size=(1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Conv(192, 192, kernel_size=(7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Conv(192, 192, kernel_size=3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, 17, 17) → (n, 512 + before, 8, 8)."""
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_4(self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x))))
        return torch.cat([three, seven, functional.max_pool2d(x, kernel_size=3, stride=2)], 1)


class BlockE(nn.Module):
    """8×8; the last one pools by the maximum."""

    def __init__(self, before: int, *, last: bool) -> None:
        super().__init__()
        flat: dict[str, Any] = {"kernel_size": (1, 3), "padding": (0, 1)}
        tall: dict[str, Any] = {"kernel_size": (3, 1), "padding": (1, 0)}
        self.branch1x1 = Conv(before, 320, kernel_size=1)
        self.branch3x3_1 = Conv(before, 384, kernel_size=1)
        self.branch3x3_2a = Conv(384, 384, **flat)
        self.branch3x3_2b = Conv(384, 384, **tall)
        self.branch3x3dbl_1 = Conv(before, 448, kernel_size=1)
        self.branch3x3dbl_2 = Conv(448, 384, kernel_size=3, padding=1)
        self.branch3x3dbl_3a = Conv(384, 384, **flat)
        self.branch3x3dbl_3b = Conv(384, 384, **tall)
        self.branch_pool = Conv(before, 192, kernel_size=1)
        self._pool = _maximum if last else _average

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(n, before, 8, 8) → (n, 2048, 8, 8)."""
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        halves = [self.branch3x3_2a(three), self.branch3x3_2b(three)]
        halves += [self.branch3x3dbl_3a(double), self.branch3x3dbl_3b(double)]
        return torch.cat([self.branch1x1(x), *halves, self.branch_pool(self._pool(x))], 1)


class Inception(nn.Module):
    """Pictures (n, 3, 299, 299), levels 0 to 255 → features (n, 2048): the last pool's, before any classes."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, kernel_size=3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, kernel_size=3)
        self.Conv2d_2b_3x3 = Conv(32, 64, kernel_size=3, padding=1)
        self.MaxPool_1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Conv2d_3b_1x1 = Conv(64, 80, kernel_size=1)
        self.Conv2d_4a_3x3 = Conv(80, 192, kernel_size=3)
        self.MaxPool_2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = BlockA(192, 32), BlockA(256, 64), BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b, self.Mixed_6c = BlockC(768, 128), BlockC(768, 160)
        self.Mixed_6d, self.Mixed_6e = BlockC(768, 160), BlockC(768, 192)
        self.Mixed_7a = BlockD(768)
        self.Mixed_7b, self.Mixed_7c = BlockE(1280, last=False), BlockE(2048, last=True)
        self.AvgPool = nn.AdaptiveAvgPool2d(output_size=(1, 1))
        self.fc = nn.Linear(DIMENSION, _CLASSES)  # no part of the features, but of the file of weights

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """(n, 3, 299, 299), levels 0 to 255 → (n, 2048)."""
        x = (pictures - 128) / 128
        for name, layer in self.named_children():
            if name != "fc":
                x = layer(x)
        return torch.flatten(x, 1)
