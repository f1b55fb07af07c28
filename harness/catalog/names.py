"""What has a name in a spec and on the command line; light, so that `harness --help` needs no more to know them."""

from __future__ import annotations

from typing import Literal, get_args

Version = Literal["2.1", "2.2", "3"]
Task = Literal[
    "text-to-image",
    "image-to-image",
    "inpainting",
    "interpolation",
    "controlnet-depth-text-to-image",
    "controlnet-depth-image-to-image",
]
DType = Literal["float32", "float16", "bfloat16"]
DTYPES: tuple[DType, ...] = get_args(DType)
