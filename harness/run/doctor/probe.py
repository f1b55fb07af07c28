"""The process that imports packages and computes on devices, and may die of it: one JSON line for each thing asked.

`python -m harness.run.doctor.probe TARGET…`; a target is a module, a module with a name in it (``module:name``), or
``devices``. Nothing but the standard library is imported before a target is.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
from typing import Any

DEVICES = "devices"
_SIDE = 8
_LONGEST = 300


def main(targets: list[str]) -> None:
    """Answer each target in turn; whatever a package prints goes to standard error."""
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as out:
        os.dup2(2, 1)
        for target in targets:
            print(json.dumps(answer(target)), file=out, flush=True)


def answer(target: str) -> dict[str, Any]:
    """``error``: why it fails, or ``None``; ``content``: of ``devices`` what there is."""
    try:
        content = _devices() if target == DEVICES else _imported(target)
    except (Exception, SystemExit) as error:
        return {"target": target, "error": told(error), "content": None}
    return {"target": target, "error": None, "content": content}


def told(error: BaseException) -> str:
    """The error at the root of a chain, in one line: a library's wrapping tells less."""
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or ["no reason given"]
    return f"{type(error).__name__}: {lines[0][:_LONGEST]}"


def _imported(target: str) -> dict[str, Any]:
    module, _, name = target.partition(":")
    found = importlib.import_module(module)
    if name:
        getattr(found, name)
    return {}


def _devices() -> dict[str, Any]:
    import torch

    from harness.measure.environment import torch_flags

    kinds = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
    kinds += ["mps"] if torch.backends.mps.is_available() else []
    return {
        "torch": {**torch_flags("cpu"), "version": torch.__version__, "hip_build": torch.version.hip},
        "devices": [_device(name) for name in kinds],
        "no_cuda": _no_cuda() if len(kinds) == 1 else None,
    }


def _device(name: str) -> dict[str, Any]:
    """What torch says of a device, and why it cannot compute there."""
    from harness.measure.environment import device_facts

    found: dict[str, Any] = {"name": name}
    try:
        facts = device_facts(name)
        found |= {**facts, "name": name, "model": facts["name"], "free_bytes": _free(name)}
        _compute(name)
    except Exception as error:
        found["error"] = told(error)
    return found


def _compute(name: str) -> None:
    """A product of two matrices: that a device is listed does not say that this build of torch has code for it."""
    import torch

    ones = torch.ones(_SIDE, _SIDE, device=name)
    total = float((ones @ ones).sum())
    if total != _SIDE**3:
        raise ArithmeticError(f"a product of ones sums to {total}, not {_SIDE**3}")


def _free(name: str) -> int | None:
    import torch

    return int(torch.cuda.mem_get_info(name)[0]) if name.startswith("cuda") else None


def _no_cuda() -> str:
    """Torch's own words on why there is no CUDA device."""
    import torch

    try:
        torch.cuda.init()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    except Exception as error:
        return told(error)
    return "torch sees no CUDA device"


if __name__ == "__main__":
    main(sys.argv[1:])
