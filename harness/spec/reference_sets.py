"""The reference set that a spec's pictures are held against: the world, a folder of pictures, or a file."""

from __future__ import annotations

from typing import Any

from harness.catalog.metrics import METRICS
from harness.spec.reader import Reader, is_number, nearest, one_of, shown
from harness.spec.types import ReferenceSet

WORLD = "world"
WORLD_DEFAULTS = {"count": 4096, "seed": 3}  # the set whose statistics are shipped with the miniature's extractor
WORLD_BOUNDS = {"count": (2, 100_000), "seed": (0, 2**32 - 1)}
FILES = (".safetensors", ".npz")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".bin", ".ckpt")
CONVERT_PICKLE = (
    "if you trust it, convert it once, by hand: "
    '`s = torch.load(FILE, weights_only=False); numpy.savez("reference.npz", mu=s["mu"], sigma=s["sigma"])`'
)
_EXPECTED = "world, {world: {count: 4096, seed: 3}}, a folder of pictures, or a .safetensors or .npz file"


def reference_set_of(reader: Reader, data: dict[str, Any], metrics: tuple[str, ...] | None) -> ReferenceSet | None:
    """The reference set that a spec names; ``None`` leaves it to the extractor's own statistics."""
    if "reference_set" not in data:
        return None
    value = data["reference_set"]
    if metrics is not None and not any(METRICS[name].against_set for name in metrics):
        known = ", ".join(name for name, row in METRICS.items() if row.against_set)
        reader.bad(("reference_set",), "a reference set, and no metric that is held against one", f"one of {known}")
    if value == WORLD:
        return ReferenceSet(kind="world", **WORLD_DEFAULTS)
    if isinstance(value, dict) and list(value) == [WORLD]:
        return _world(reader, value[WORLD])
    if isinstance(value, str) and value.strip():
        return _at(reader, value)
    reader.bad(("reference_set",), f"{shown(value)} is no reference set", _EXPECTED)
    return None


def _world(reader: Reader, value: Any) -> ReferenceSet | None:
    place = ("reference_set", WORLD)
    if not isinstance(value, dict):
        reader.bad(place, f"{shown(value)} says nothing of the world's pictures", "such as {count: 4096, seed: 3}")
        return None
    found = dict(WORLD_DEFAULTS)
    for key, one in value.items():
        if key not in WORLD_BOUNDS:
            reader.bad((*place, key), "unknown key", one_of(WORLD_BOUNDS), nearest(key, WORLD_BOUNDS))
            continue
        low, high = WORLD_BOUNDS[key]
        if is_number(one, whole=True) and low <= one <= high:
            found[key] = one
        else:
            reader.bad((*place, key), f"{shown(one)} will not do", f"a whole number from {low} to {high:,}")
    return ReferenceSet(kind="world", **found)


def _at(reader: Reader, value: str) -> ReferenceSet | None:
    place = ("reference_set",)
    try:
        path = (reader.base / reader.path(value)).resolve()
        there, folder = path.exists(), path.is_dir()
    except (OSError, ValueError) as error:
        reader.bad(place, f"{shown(value)} is no path ({error})", _EXPECTED)
        return None
    if not there:
        told = f"there is no {value}; relative paths start at {reader.base}"
        reader.source.fault(place, told, expected=_EXPECTED, missing=True)
        return None
    if folder:
        return ReferenceSet(kind="folder", path=str(path))
    if path.suffix.lower() in FILES:
        return ReferenceSet(kind="file", path=str(path))
    pickled = f" is a pickle, and reading one runs whatever code is in it; {CONVERT_PICKLE}"
    told = pickled if path.suffix.lower() in PICKLES else " is no reference set"
    reader.bad(place, f"{value}{told}", _EXPECTED)
    return None
