"""The page of the real models and of each task's defaults: `python -m harness.catalog.models_page` writes it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from harness.catalog.models import MODELS
from harness.catalog.sizes import VERIFIED, parameters_of, table, weight_bytes
from harness.catalog.tasks import APIS, TASKS, defaults
from harness.catalog.types import ModelRow, PartName

PAGE, MEASURED = Path("docs/models.md"), Path("docs/full-size.json")
_PARTS = ("model", "part", "repository", "revision", "variant", "dtype", "size multiple", "default size", "parameters",
          "weights at its dtype", "weights at float32")  # fmt: skip
_NETWORKS = ("repository", "component", "class", "parameters", "source of the configuration")
_KNOBS = ("num_inference_steps", "guidance_scale", "prior_num_inference_steps", "prior_guidance_scale", "height",
          "width", "strength", "prior_strength")  # fmt: skip


def text(measured: dict[str, Any] | None) -> str:
    """The page; ``measured`` is what the full-size session wrote down, where it has run."""
    made_with = ", ".join(f"{name} {version}" for name, version in sorted(table()["versions"].items()))
    sections = (
        _HEAD.format(versions=made_with, verified=VERIFIED), _lines(_PARTS, _parts()),
        "## Networks\n", _lines(_NETWORKS, _networks()),
        _DEFAULTS, _lines(("version", "task", "api", *_KNOBS), _defaults()),
        _FULL_SIZE, _lines(("what", "measured"), _measured(measured)),
    )  # fmt: skip
    return "\n".join(sections)


def _lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _parts() -> list[list[str]]:
    real = [row for row in MODELS.values() if not row.small]
    return [_part(row, part) for row in real for part in row.parts]


def _part(row: ModelRow, part: PartName) -> list[str]:
    place = row.parts[part]
    height, width = row.default_size
    kept = (weight_bytes(place, row.default_dtype), weight_bytes(place, "float32"))
    return [row.name, part, place.where, place.revision or "null: resolved at first download", place.variant or "null",
            row.default_dtype, str(row.size_multiple), f"{height}×{width}",
            _count(sum((parameters_of(place) or {}).values())), *(_gigabytes(size) for size in kept)]  # fmt: skip


def _networks() -> list[list[str]]:
    return [
        [repository, name, f"`{one['class']}`", _count(one["parameters"]), one["source"]]
        for repository, parts in sorted(table()["repositories"].items())
        for name, one in sorted(parts.items())
    ]


def _defaults() -> list[list[str]]:
    forms = [(version, task, api) for task, row in TASKS.items() for version in row.pipelines for api in APIS
             if row.pipelines[version].of(api) is not None]  # fmt: skip
    rows = []
    for version, task, api in sorted(forms):
        known = defaults(task, version, api)
        rows.append([version, task, api, *(f"{known[knob]:g}" if knob in known else "–" for knob in _KNOBS)])
    return rows


def _measured(found: dict[str, Any] | None) -> list[list[str]]:
    if found is None:
        return [["nothing yet", "run `nox -s full-size`"]]
    return [
        ["built", f"{found['built']}, random {found['dtype']} weights"],
        ["parameters", _count(found["parameters"])],
        ["bytes of its files", _gigabytes(found["file_bytes"])],
        ["loading", f"{found['load_s']:.1f} s"],
        [f"{found['steps']} steps at {found['height']}×{found['width']}", f"{found['steps_s']:.1f} s"],
        ["peak resident memory", f"{found['peak_bytes'] / 2**30:.2f} GiB (bar: under 24 GiB)"],
        ["picture", found["picture"]],
        ["machine", found["machine"]],
        ["versions", found["versions"]],
    ]


def _count(parameters: int) -> str:
    return f"{parameters:,}" if parameters else "unknown"


def _gigabytes(size: int | None) -> str:
    return "unknown" if size is None else f"{size / 1e9:.2f} GB"


def measured_in(path: Path) -> dict[str, Any] | None:
    """What the full-size session wrote down; ``None`` before its first run."""
    if not path.is_file():
        return None
    content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return content


def write(page: Path = PAGE, measured: Path = MEASURED) -> None:
    """Write the page."""
    page.write_text(text(measured_in(measured)), encoding="utf-8")


_HEAD = """# The real models

Written by `nox -s models` from the catalog; a test tells when it is stale.

## Parts

Parameters and bytes are {verified}: each network is built without weights from its
published configuration ({versions}) and counted. A repository's files
may hold another precision than the row's dtype: without a variant a download can be as large as the last column says. A
`null` revision is resolved at first download, and written into each run's record.
"""
_DEFAULTS = """## Defaults

What a cell takes where a spec says nothing: the guide's value where it gives one, otherwise that of diffusers' own
pipeline. A size that the pipeline does not default is the model's default size. – means that there is no such knob.
"""
_FULL_SIZE = """## Measured at full size

Written by `nox -s full-size`: 2.2's decoder at its real size with random weights, saved as a model's folder, loaded and
run on the CPU. It shows that the size works, and what it takes; the picture means nothing.
"""

if __name__ == "__main__":
    write(*map(Path, sys.argv[1:]))
