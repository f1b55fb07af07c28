"""The footprint of a case: its networks built without weights, and each stage run once on fake tensors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from harness.catalog.optimizations import OPTIMIZATIONS
from harness.errors import HarnessError
from harness.estimate.calls import Call, Kept, Networks, calls_of_case
from harness.estimate.flops import Flops
from harness.estimate.groups import Event, group_bytes, order_of_calls
from harness.estimate.networks import FakeNetwork, bare_networks, fake_network
from harness.estimate.tracker import LiveTensors
from harness.plan.footprint import Answer, Case, Footprint, Network, Stage

GROUPED = OPTIMIZATIONS["group-offload"].may  # networks that may be offloaded in groups


def answer(case: Case) -> Answer:
    """The footprint, or the reason why there is none: one model that cannot be read stops no other's."""
    try:
        return Answer(footprint=footprint(case))
    except HarnessError as error:
        return Answer(reason=error.happened)
    except Exception as error:  # a configuration that its class refuses, in whatever way
        told = " ".join(str(error).split())[:200]
        return Answer(reason=f"its configuration cannot be tried out: {type(error).__name__}: {told}")


def footprint(case: Case) -> Footprint:
    """Parameters, bytes and work of a case; nothing is loaded and no picture is made.

    Raises:
        MissingError: a configuration is not here.
    """
    bare = bare_networks(case)
    with FakeTensorMode(), torch.no_grad():
        networks = [fake_network(one, case.dtype) for one in bare]
        modules = {(network.row.part, network.row.name): network.module for network in networks}
        with ExitStack() as stack:
            orders = {key: stack.enter_context(order_of_calls(modules[key])) for key in modules if key[1] in GROUPED}
            stages = tuple(_stages(calls_of_case(case, modules), modules))
        rows = [_with_groups(network, orders.get((network.row.part, network.row.name))) for network in networks]
    return Footprint(networks=tuple(rows), stages=stages)


def _with_groups(network: FakeNetwork, calls: list[Event] | None) -> Network:
    if not calls:
        return network.row
    return network.row.model_copy(update={"group_bytes": group_bytes(network.module, calls)})


def _stages(calls: list[Call], networks: Networks) -> Iterator[Stage]:
    """Each stage beside what the earlier ones of its part left; from part to part only embeddings are handed on."""
    kept: Kept = {}
    with LiveTensors() as tensors:
        for module in networks.values():  # held beforehand: a view of a weight makes no new bytes
            tensors.hold((*module.parameters(), *module.buffers()))
        weights = tensors.live_bytes
        for before, call in zip((None, *calls), calls, strict=False):
            if before is not None and before.part != call.part:
                kept.clear()
            tensors.restart()
            with Flops() as flops:
                call.run(kept)
            yield _stage(call, tensors.peak_bytes - weights, flops.total)


def _stage(call: Call, active_bytes: int, flops: int) -> Stage:
    return Stage(
        name=call.name,
        part=call.part,
        network=call.network,
        rows=call.rows,
        repeats=call.repeats,
        active_bytes=active_bytes,
        flops=flops,
    )
