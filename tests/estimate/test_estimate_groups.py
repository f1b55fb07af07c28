"""What group offloading has on a device at once, and what layerwise casting stores: against diffusers' own hooks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import torch
from diffusers.hooks import group_offloading
from estimate.cases import footprint_of, tiny_case
from estimate.measured import run_pipelines
from tiny_kandinsky import make_group, row_of

from harness.catalog.types import OptimizationChoice, Version
from harness.optimizations.storage import weight_bytes
from harness.pipelines.load import Loaded, load_group
from harness.plan.footprint import Case, group_key

ModuleGroup = group_offloading.ModuleGroup


@contextmanager
def _moved() -> Iterator[list[int]]:
    """Bytes that groups have brought and not sent back, after each move; nothing really moves."""
    there: set[int] = set()
    sizes: dict[int, int] = {}
    seen: list[int] = []

    def brought(group: Any) -> None:
        if id(group) not in sizes:
            modules = [t for m in group.modules for t in (*m.parameters(), *m.buffers())]
            once = {id(t): t for t in (*modules, *group.parameters, *group.buffers)}  # some are named in both ways
            sizes[id(group)] = sum(t.numel() * t.element_size() for t in once.values())
        there.add(id(group))
        seen.append(sum(sizes[one] for one in there))

    with ExitStack() as stack:
        stack.enter_context(patch.object(ModuleGroup, "onload_", brought))
        stack.enter_context(patch.object(ModuleGroup, "offload_", lambda group: there.discard(id(group))))
        stack.enter_context(patch.object(ModuleGroup, "_init_cpu_param_dict", lambda group: {}))
        yield seen


def _grouped(module: Any, kind: str, stream: bool) -> None:
    """As ``enable_group_offload`` does; a stream that is none, for a processor has none."""
    device, fake = torch.device("cpu"), SimpleNamespace(synchronize=lambda: None)
    config = group_offloading.GroupOffloadingConfig(
        onload_device=device, offload_device=device, offload_type=group_offloading.GroupOffloadingType(kind),
        non_blocking=False, record_stream=False, low_cpu_mem_usage=False, num_blocks_per_group=1,
        stream=fake if stream else None,
    )  # fmt: skip
    group_offloading._apply_group_offloading(module, config)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kind", ["leaf_level", "block_level"])
@pytest.mark.parametrize(("version", "name"), [("2.2", "unet"), ("2.2", "prior"), ("3", "unet")])
def test_a_group_is_there_when_diffusers_has_it_there(
    folder_for: Callable[[Version], Path], version: Version, name: str, kind: str, stream: bool
) -> None:
    case, loaded = _tiny(folder_for, version)
    module = loaded.decoder.unet if name == "unet" else loaded.prior.prior
    with _moved() as seen:
        _grouped(module, kind, stream)
        run_pipelines(loaded, case, 2)  # with a stream the first call only learns the order
    row = next(one for one in footprint_of(case).networks if one.name == name)
    assert row.group_bytes[group_key(kind, stream)] == max(seen) <= row.weight_bytes  # the tiny prior has one block


def _tiny(folder_for: Callable[[Version], Path], version: Version, *stack: OptimizationChoice) -> tuple[Case, Loaded]:
    folder = folder_for(version)
    case = tiny_case(folder, version, "text-to-image")
    return case, load_group(make_group(version, optimizations=stack), row_of(folder, version), "cpu")


@pytest.mark.parametrize("storage", ["float8_e4m3fn", "float8_e5m2"])
def test_cast_layers_are_stored_as_estimated(folder_for: Callable[[Version], Path], storage: str) -> None:
    """Beyond what is stored there is the largest layer in full, as it is used."""
    choice = OptimizationChoice(name="layerwise-casting", options={"storage": storage, "parts": "unet+prior"})
    case, loaded = _tiny(folder_for, "2.2", choice)
    for name, module in (("unet", loaded.decoder.unet), ("prior", loaded.prior.prior)):
        row = next(one for one in footprint_of(case).networks if one.name == name)
        stored = weight_bytes(module)
        assert stored < row.weight_bytes and stored < row.cast_bytes <= stored + row.largest_layer_bytes
