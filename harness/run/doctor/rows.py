"""What each row of the catalogs needs: tables and small functions; which machine opens it is judged elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from harness.catalog.metrics import METRICS
from harness.catalog.models import MODELS
from harness.catalog.optimizations import COMPILERS, OPTIMIZATIONS
from harness.catalog.schedulers import schedulers
from harness.catalog.sizes import weight_bytes
from harness.catalog.tasks import TASKS, default_api, parts_of, task_refusal
from harness.catalog.types import ModelRow, Network, OptimizationRow, Place, TaskRow
from harness.catalog.weights import WEIGHTS
from harness.run.doctor.machine import COMPILER
from harness.run.doctor.packages import MAKING, NEEDED
from harness.run.doctor.requirements import STORE, device, memory, package, package_on, program, weights
from harness.run.doctor.types import Requirement

Needs = tuple[Requirement, ...]


class Entry(NamedTuple):
    """A row of a catalog and its needs. ``refused``: why no machine opens it. ``needs`` of ``None`` are not known."""

    name: str
    needs: Needs | None
    refused: str | None = None


_MAKING: Needs = tuple(map(package, MAKING))
_SCORING: dict[Network, Needs] = {
    "open_clip": tuple(map(package, ("torch", "torchvision", "open-clip-torch", "safetensors", "pillow", "numpy"))),
    "extractor": tuple(map(package, ("torch", "safetensors", "pillow", "numpy", "scipy"))),
    "judge": tuple(map(package, ("torch", "safetensors", "pillow", "numpy"))),
    "depth": tuple(map(package, ("torch", "transformers", "safetensors", "pillow", "numpy"))),
    "pixels": tuple(map(package, ("pillow", "numpy", "scipy"))),
    "perceptual": tuple(map(package, ("torch", "torchvision", "safetensors", "pillow", "numpy"))),
    "preference": tuple(
        map(package, ("torch", "torchvision", "open-clip-torch", "transformers", "safetensors", "pillow", "numpy"))
    ),
}
_CUDA = device("cuda")

#: What opens more than the shipped miniature needs.
EXTRAS: dict[str, Needs] = {
    "torch.compile on a GPU": (package("torch"), package(COMPILERS["cuda"]), program(COMPILER), _CUDA),
    "a GPU's energy (NVML)": (package("nvidia-ml-py"), _CUDA),
    "more than one machine (Ray)": (package("ray"),),
}


def miniature() -> Entry:
    """Everything that the shipped miniature's runs need, from the packages to a place for the results."""
    places = [place for model in MODELS.values() for place in model.parts.values()]
    places += [row.place for row in WEIGHTS.values() if row.place is not None]
    shipped = [weights(place.where) for place in places if place.kind == "package"]
    return Entry("the shipped miniature", (*map(package, NEEDED), device("cpu"), *shipped, STORE))


def models() -> Iterator[Entry]:
    """A model with all its parts; its tasks say what some of them open."""
    for model in MODELS.values():
        yield Entry(model.name, (*_MAKING, *_loaded(model, list(model.parts.values()))))


def tasks() -> Iterator[Entry]:
    """Each task with each model, in the version's usual form."""
    for task in TASKS.values():
        for model in MODELS.values():
            yield _task(task, model)


def _task(task: TaskRow, model: ModelRow) -> Entry:
    name = f"{task.name} with {model.name}"
    refused = task_refusal(model, task.name, default_api(model.version))
    if refused is not None:
        return Entry(name, (), refused)
    return Entry(name, (*_MAKING, *_loaded(model, [model.parts[part] for part in parts_of(model, task.name)])))


def _loaded(model: ModelRow, places: list[Place]) -> Needs:
    """The parts, and memory for the largest of them: each may be loaded when the one before it has gone."""
    sizes = [size for place in places if (size := weight_bytes(place, model.default_dtype)) is not None]
    return (*(weights(place.where) for place in places), *((memory(max(sizes)),) if sizes else ()))


def scheduler_rows() -> Iterator[Entry]:
    """Every class that diffusers exports; one whose package is absent is no refusal but a lack."""
    for row in schedulers().values():
        needs = (*_MAKING, *((package(row.needs),) if row.needs else ()))
        yield Entry(row.name, needs, row.reason if row.verdict == "refused" and row.needs is None else None)


def metrics() -> Iterator[Entry]:
    """Each metric with each of the weights that can make it."""
    for metric in METRICS.values():
        for row in WEIGHTS.values():
            if row.kind == metric.uses:
                needs = _SCORING[row.kind] + ((weights(row.place.where),) if row.place is not None else ())
                bare = row.place is None and not row.closed
                yield Entry(metric.name if bare else f"{metric.name} by {row.name}", needs, row.closed or None)


def devices() -> Iterator[Entry]:
    """The kinds of device that a spec may name."""
    yield from (Entry(kind, (device(kind),)) for kind in ("cpu", "cuda", "mps"))


def optimizations() -> Iterator[Entry]:
    """Those that the catalog has."""
    yield from (Entry(row.name, _of_optimization(row), row.refused or None) for row in OPTIMIZATIONS.values())


def _of_optimization(row: OptimizationRow) -> Needs:
    needs = [package("torch"), *([package(row.needs_package)] if row.needs_package else [])]
    needs += [device(row.needs_device)] if row.needs_device else []
    if row.needs_program:
        needs += [program(COMPILER), *(package_on(kind, name) for kind, name in COMPILERS.items())]
    return tuple(needs)


def extras() -> Iterator[Entry]:
    """What optional packages and programs open."""
    yield from (Entry(name, needs) for name, needs in EXTRAS.items())


CATALOGS: dict[str, Callable[[], Iterator[Entry]]] = {
    "models": models,
    "tasks": tasks,
    "schedulers": scheduler_rows,
    "metrics": metrics,
    "devices": devices,
    "optimizations": optimizations,
    "extras": extras,
}
