"""Faults that a real worker meets: a C++ compiler that gives up, and memory that runs out."""

from __future__ import annotations

from pathlib import Path

from support.planting import planted_path

RUNS_OUT = "attention-slicing"  # cells with it run out of memory
SPEC = {
    "num_inference_steps": 5, "prior_num_inference_steps": 2, "metrics": ["clip_score"],
    "optimizations": ["none", "compile", RUNS_OUT, "again"], "compare_to": {"optimizations": "none"},
}  # fmt: skip
_COMPILER = """#!/bin/sh
case "$*" in *-fsyntax-only*|*--version*) exec g++ "$@";; esac
echo "planted: the compiler gave up" >&2
exit 1
"""
_PLANTED = """
def plant(module):
    import torch
    call = module._decoder_call
    def decoder_call(loaded, settings, *rest):
        if any(one.name == "%s" for one in settings.optimizations):
            kept = torch.zeros(2**26)
            raise torch.OutOfMemoryError("planted: tried to allocate 900 GiB")
        return call(loaded, settings, *rest)
    module._decoder_call = decoder_call
"""


def plant(folder: Path) -> dict[str, str]:
    """Variables of an environment in which every worker meets both."""
    folder.mkdir()
    compiler = folder / "g++-that-gives-up"
    compiler.write_text(_COMPILER)
    compiler.chmod(0o755)
    path = planted_path(folder, "harness.pipelines.decoder", _PLANTED % RUNS_OUT)
    return {"CXX": str(compiler), **path, "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
