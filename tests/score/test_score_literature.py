"""The literature's names are for the literature's weights."""

from __future__ import annotations

import pytest

from harness.score.literature import INCEPTION, fid_name, lpips_name


@pytest.mark.parametrize("resize", ["tf", "clean", "antialias"])
def test_only_the_inception_of_the_literature_makes_a_fid(resize: str) -> None:
    assert fid_name(INCEPTION, resize) == f"fid_{resize}"
    assert fid_name("", resize) is None and fid_name(INCEPTION[:-1] + "0", resize) is None


def test_only_the_backbones_of_the_literature_make_an_lpips() -> None:
    assert lpips_name("alexnet", "7be5be79" + "0" * 56) == "lpips_alex"
    assert lpips_name("vgg16", "", declared=True) == "lpips_vgg"
    assert lpips_name("alexnet", "397923af" + "0" * 56) is None and lpips_name("vgg16", "") is None
