"""What planning must know of diffusers, written down: `python -m harness.pipelines.probe_catalog` makes the table."""

from __future__ import annotations

import importlib.metadata
import inspect
import json
import sys
from pathlib import Path
from typing import Any

import diffusers

from harness.catalog.diffusers_table import TABLE
from harness.catalog.tasks import TASKS

_KNOBS = (
    "height", "width", "num_inference_steps", "guidance_scale", "strength", "prior_num_inference_steps",
    "prior_guidance_scale",
)  # fmt: skip


def probe() -> dict[str, Any]:
    """Scheduler signatures and pipeline defaults of the installed diffusers."""
    return {
        "diffusers": importlib.metadata.version("diffusers"),
        "schedulers": {name: _parameters(name) for name in scheduler_classes()},
        "pipelines": {name: _defaults(getattr(diffusers, name)) for name in pipeline_classes()},
    }


def pipeline_classes() -> list[str]:
    """Every pipeline class that some task names."""
    found = {name for row in TASKS.values() for classes in row.pipelines.values() for name in vars(classes).values()}
    return sorted(name for name in found if name is not None)


def scheduler_classes() -> list[str]:
    """Every scheduler class that diffusers exports, by name."""
    names = [name for name in dir(diffusers) if name.endswith("Scheduler")]
    return sorted(name for name in names if inspect.isclass(getattr(diffusers, name)))


def _parameters(name: str) -> dict[str, Any]:
    """Constructor keyword → default; defaults that JSON cannot hold are written as their text."""
    signature = inspect.signature(getattr(diffusers, name).__init__).parameters
    return {key: _plain(p.default) for key, p in signature.items() if key not in ("self", "args", "kwargs")}


def _plain(value: Any) -> Any:
    if value is inspect.Parameter.empty:
        return None
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)
    return list(value) if isinstance(value, tuple) else value


def _defaults(pipeline: Any) -> dict[str, Any]:
    signature = inspect.signature(pipeline.__call__).parameters
    return {knob: signature[knob].default for knob in _KNOBS if knob in signature}


def text() -> str:
    """The table as it is committed."""
    return json.dumps(probe(), indent=1, sort_keys=True) + "\n"


def regenerate(path: Path = TABLE) -> None:
    """Write the table."""
    path.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    regenerate(*map(Path, sys.argv[1:]))
