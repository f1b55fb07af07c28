"""Where model offloading has each network, stage by stage: the table and the walk, against diffusers' own hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import accelerate.hooks
import diffusers
import pytest
from estimate.cases import footprint_of, tiny_case
from estimate.measured import STAGES, networks_of, run_pipelines
from tiny_kandinsky import make_group, row_of

from harness.catalog.tasks import TASKS
from harness.catalog.types import Api, OptimizationChoice, Task, Version
from harness.pipelines.load import Loaded, load_group
from harness.plan.residence import OFFLOAD_ORDER, resident_for

Id = tuple[str, str]
_NAMES = {
    name
    for row in TASKS.values()
    for version, classes in row.pipelines.items()
    for name in (classes.prior, classes.decoder or classes.combined)
    if name
}


@pytest.mark.parametrize("name", sorted(_NAMES))
def test_the_order_is_diffusers_own(name: str) -> None:
    cls = getattr(diffusers, name)
    assert OFFLOAD_ORDER[name] == cls.model_cpu_offload_seq
    assert "enable_model_cpu_offload" not in vars(cls)
    named = [one.removeprefix("prior_") for one in cls.model_cpu_offload_seq.split("->")]
    assert set(cls._exclude_from_cpu_offload) <= {"prior", "prior_prior"}
    assert "prior" in named or "Combined" in name or not cls._exclude_from_cpu_offload


ASKED: list[tuple[Version, Task, Api, bool]] = [
    ("2.2", "text-to-image", "two-stage", False),
    ("2.2", "text-to-image", "two-stage", True),
    ("2.2", "text-to-image", "combined", False),
    ("2.2", "image-to-image", "combined", False),
    ("2.2", "inpainting", "combined", False),
    ("2.2", "controlnet-depth-image-to-image", "two-stage", False),
    ("2.1", "text-to-image", "two-stage", False),
    ("2.1", "text-to-image", "two-stage", True),
    ("2.1", "text-to-image", "combined", False),
    ("2.1", "text-to-image", "combined", True),
    ("2.1", "inpainting", "two-stage", False),
    ("2.1", "image-to-image", "combined", False),
    ("3", "text-to-image", "combined", False),
    ("3", "image-to-image", "combined", False),
]
OFFLOAD = (OptimizationChoice(name="model-offload"),)


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: "-".join(map(str, asked)))
def test_the_walk_is_that_of_the_hooks(
    folder_for: Callable[[Version], Path], asked: tuple[Version, Task, Api, bool]
) -> None:
    """As the harness applies it; with the processor as the device every hook is set, and moves to where it is."""
    (version, task, api, negative), folder = asked, folder_for(asked[0])
    case = tiny_case(folder, version, task, api, negative=negative)
    group = make_group(version, task, api, optimizations=OFFLOAD)
    loaded, found = load_group(group, row_of(folder, version), "cpu"), footprint_of(case)
    with _seen(loaded) as seen:
        run_pipelines(loaded, case, 2)
    resident = resident_for(case, found, OFFLOAD)
    for stage in found.stages:
        there = {(one.part, one.name) for one in found.networks if resident(one, stage)}
        if negative and stage.name == "prior: image":  # the picture of nothing is not asked for
            assert stage.name not in seen
            continue
        wanted = seen["prior: image"][0] if stage.name == "prior: picture" else seen[stage.name][-1]
        assert there == wanted, stage.name


@contextmanager
def _seen(loaded: Loaded) -> Iterator[dict[str, list[set[Id]]]]:
    """Stage → the networks that the hooks had brought and not yet sent away, in each call of it."""
    networks = networks_of(loaded)
    names = {id(module): key for key, module in networks.items()}
    there = {key for key, module in networks.items() if not hasattr(module, "_hf_hook")}
    seen: dict[str, list[set[Id]]] = {}
    called: list[str] = []
    bring, send = accelerate.hooks.CpuOffload.pre_forward, accelerate.hooks.CpuOffload.init_hook

    def brought(hook: Any, module: Any, *args: Any, **kwargs: Any) -> Any:
        before = hook.prev_module_hook
        if before is not None:  # on a processor the hook sees that it is at home already, and does not call
            there.discard(names[id(before.model)])
        moved = bring(hook, module, *args, **kwargs)
        there.add(names[id(module)])
        seen.setdefault(called[-1], []).append(set(there))
        return moved

    def sent(hook: Any, module: Any) -> Any:
        there.discard(names[id(module)])
        return send(hook, module)

    def noting(call: Any, stage: str, hooked: bool) -> Any:
        def noted(*args: Any, **kwargs: Any) -> Any:
            called.append(stage)
            if not hooked:
                seen.setdefault(stage, []).append(set(there))
            return call(*args, **kwargs)

        return noted

    with ExitStack() as stack:
        stack.enter_context(patch.object(accelerate.hooks.CpuOffload, "pre_forward", brought))
        stack.enter_context(patch.object(accelerate.hooks.CpuOffload, "init_hook", sent))
        for (part, name), module in networks.items():
            for method, stage in STAGES[name].items():
                noted = noting(getattr(module, method), f"{part}: {stage}", hasattr(module, "_hf_hook"))
                stack.enter_context(patch.object(module, method, noted))
        yield seen
