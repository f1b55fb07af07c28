"""Where a run will happen and whose weights it will use: found out once, remembered in the store, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import harness
from harness.base import digest
from harness.catalog.metrics import CONVERGED, METRICS
from harness.catalog.scheduler_rows import READS_VARIANCE, RIGHT
from harness.catalog.schedulers import SPACINGS
from harness.catalog.tasks import parts_of
from harness.catalog.types import ModelRow, PartName, WeightsRow
from harness.catalog.weights import weights_row
from harness.measure.environment import machine
from harness.pipelines.places import check_model
from harness.plan.keys import Identity
from harness.plan.types import Cell, Plan
from harness.run.keybook import KeyBook
from harness.run.probing import LASTING, look
from harness.run.progress import Reporter
from harness.run.reference_sets import KnownSet, find_set
from harness.run.station import Post
from harness.run.weights import Weights, model_weights, scorer_weights
from harness.store.digests import digest_file, digest_source, package_identity
from harness.store.installed_files import is_touched
from harness.store.store import Store

MAKERS = (
    "torch", "diffusers", "transformers", "accelerate", "safetensors", "tokenizers", "numpy", "pillow",
    "scipy", "torchsde", "torchao", "xformers",
)  # fmt: skip
_SCORERS = (
    "torch", "torchvision", "open-clip-torch", "transformers", "tokenizers", "safetensors", "numpy", "pillow", "scipy",
)  # fmt: skip

ESTIMATORS = ("torch", "transformers", "safetensors", "numpy", "pillow")


@dataclass(frozen=True)
class Survey:
    """The environment, its identity, the posts of the workers, and the weights."""

    environment: dict[str, Any]
    identity: Identity
    score_identity: Identity
    hint_identity: Identity
    fingerprint: str
    posts: list[Post]
    models: dict[str, ModelRow]
    scorers: dict[str, WeightsRow]
    model_weights: dict[str, Weights]
    scorer_weights: dict[str, Weights]
    reference_set: KnownSet | None = None


def survey(
    store: Store, plan: Plan, devices: str | None, tell: Reporter, *, fresh: bool = False, remembered: bool = False
) -> Survey:
    """Look at the machine and at the weights.

    ``fresh`` trusts no earlier look at the machine; ``remembered`` takes no new one.

    Raises:
        MissingError: weights that are not here, not whole, pickled only, or cannot be had; a device that is not there.
        UsageError: devices that make no sense, or a model that wants foreign code.
    """
    # Where only what is remembered counts, that comes before gigabytes of weights are read for nothing.
    seen = look(store, plan, devices, tell, remembered=True) if remembered else None
    models, scorers = _weights(store, plan)
    reference_set = find_set(store, plan)
    posts, environment = seen or look(store, plan, devices, tell, fresh=fresh)
    lasting = {key: environment[key] for key in LASTING}
    package = Path(harness.__file__).parent
    adapted = [{name: known.adapter for name, known in RIGHT.items()}, SPACINGS, READS_VARIANCE]
    making = digest([digest_source([package / name for name in ("pipelines", "schedulers", "optimizations")]), adapted])
    measuring = digest([making, digest_source([package / "measure"])])
    builds = _builds()
    edited = {name: build for name, build in builds.items() if is_touched(build)}
    return Survey(
        environment={**environment, **machine(), **({"edited_packages": edited} if edited else {})},
        identity=_identity(environment, {name: builds[name] for name in MAKERS}, making),
        score_identity=_identity(
            environment, {name: builds[name] for name in _SCORERS}, digest_source([package / "score"])
        ),
        hint_identity=_identity(
            environment, {name: builds[name] for name in ESTIMATORS}, digest_file(package / "score" / "depth.py")
        ),
        fingerprint=digest([lasting, measuring, *([edited] if edited else [])]),
        posts=posts,
        models={name: row for name, (row, _) in models.items()},
        scorers={name: row for name, (row, _) in scorers.items()},
        model_weights={name: found for name, (_, found) in models.items()},
        scorer_weights={name: found for name, (_, found) in scorers.items()},
        reference_set=reference_set,
    )


def _weights(
    store: Store, plan: Plan
) -> tuple[dict[str, tuple[ModelRow, Weights]], dict[str, tuple[WeightsRow, Weights]]]:
    """Every model and every scorer of the plan, found and named by content; folders are checked first."""
    parts = needed_parts(plan)
    for row in plan.models.values():
        check_model(row, parts[row.name])
    rows = {name: weights_row(name, plan.weights) for name in sorted(scorers_of(plan))}
    needed = [row.parts[part] for row in plan.models.values() for part in parts[row.name]]
    needed += [row.place for row in rows.values() if row.place is not None]
    models = {name: model_weights(store, row, parts[name], needed) for name, row in plan.models.items()}
    return models, {name: scorer_weights(store, row, needed) for name, row in rows.items()}


def needed_parts(plan: Plan) -> dict[str, tuple[PartName, ...]]:
    """Model -> the parts that its cells load: what no cell needs may be missing."""
    found: dict[str, dict[PartName, None]] = {name: {} for name in plan.models}
    for cell in plan.cells:
        found[cell.settings.model] |= dict.fromkeys(parts_of(plan.models[cell.settings.model], cell.settings.task))
    return {name: tuple(parts) for name, parts in found.items()}


def keybook(plan: Plan, found: Survey) -> KeyBook:
    """The keys that follow from a survey."""
    return KeyBook(
        plan=plan,
        identity=found.identity,
        score_identity=found.score_identity,
        hint_identity=found.hint_identity,
        fingerprint=found.fingerprint,
        models=found.model_weights,
        scorers=found.scorer_weights,
        reference_set=found.reference_set,
    )


def scorers_of(plan: Plan) -> set[str]:
    """The weights that the plan's metrics need, over all its cells, and those that estimate its hints."""
    judging = {name for cell in plan.cells for name in weights_for(plan, cell).values()}
    return judging | {name for cell in plan.cells if (name := plan.estimator_of(cell)) is not None}


def weights_for(plan: Plan, cell: Cell) -> dict[str, str]:
    """Metric → name of the weights that make it, for the metrics of a cell; none for what it has nothing to be held
    against."""
    model = plan.models[cell.settings.model]
    held = [metric for metric in plan.metrics_of(cell) if metric != CONVERGED or cell.converged is not None]
    found = {metric: METRICS[metric].made_with(model) for metric in held}
    return {metric: name for metric, name in found.items() if name is not None}


@cache
def _builds() -> dict[str, str | None]:
    """Each package's identity, looked at once a process: thousands of files are read for it."""
    return {name: package_identity(name) for name in dict.fromkeys((*MAKERS, *_SCORERS, *ESTIMATORS))}


def _identity(environment: dict[str, Any], builds: dict[str, str | None], source: str) -> Identity:
    flags = {k: v for k, v in environment["torch"].items() if k not in ("device", "threads")}
    return Identity(
        device=str(environment["device"]["name"]),
        versions=builds,
        flags=flags,
        threads=environment["torch"]["threads"],
        source=source,
    )
