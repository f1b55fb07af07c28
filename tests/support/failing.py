"""Faults that a real worker meets: a C++ compiler that gives up, and memory that runs out."""

from __future__ import annotations

import os
from pathlib import Path

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
import importlib.abc, importlib.util, sys

def plant(module):
    import torch
    call = module._decoder_call
    def decoder_call(loaded, settings, *rest):
        if any(one.name == "%s" for one in settings.optimizations):
            kept = torch.zeros(2**26)
            raise torch.OutOfMemoryError("planted: tried to allocate 900 GiB")
        return call(loaded, settings, *rest)
    module._decoder_call = decoder_call

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "harness.pipelines.decoder":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        run = spec.loader.exec_module
        def exec_module(module):
            run(module)
            plant(module)
        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


def plant(folder: Path) -> dict[str, str]:
    """Variables of an environment in which every worker meets both."""
    folder.mkdir()
    compiler = folder / "g++-that-gives-up"
    compiler.write_text(_COMPILER)
    compiler.chmod(0o755)
    (folder / "sitecustomize.py").write_text(_PLANTED % RUNS_OUT)
    path = os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH", "")]))
    return {"CXX": str(compiler), "PYTHONPATH": path, "TORCHINDUCTOR_CACHE_DIR": str(folder / "inductor")}
