"""What a cell's pipelines hold and work, as data: the question, the answer, and the sums over it. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from harness.base import Frozen
from harness.catalog.types import Api, DType, PartName, Task, Version

Repeats = Literal["once", "prior steps", "decoder calls"]


class Case(Frozen):
    """All that decides on a footprint: cells with the same case hold the same bytes and do the same work a call."""

    version: Version
    task: Task
    api: Api
    parts: dict[PartName, str]  # part -> a folder with its configurations, or "hub:" and a repository
    dtype: DType
    height: int  # pixels
    width: int
    batch: int  # rows that the decoder makes together
    guided: bool  # the decoder sees each row twice
    prior_guided: bool
    negative: bool  # the rows have negative prompts, which the prior imagines as well


class Network(Frozen):
    """One network of a part, as it lies in memory."""

    part: PartName
    name: str  # the component's, as in the part's folder
    class_name: str
    parameters: int
    weight_bytes: int  # buffers included
    largest_layer_bytes: int  # of the module that has most of its own
    group_bytes: dict[str, int]  # ``group_key`` -> of its weights at most with group offloading; none where it has none
    cast_bytes: int  # of its weights if those of convolutions and linear layers are kept in 8 bits, and one is cast up
    source: str  # of the configuration


class Stage(Frozen):
    """Calls of one network: what they hold beside weights, and what one does."""

    name: str  # "prior: prompt", "prior: step", "decoder: step", …
    part: PartName
    network: str
    rows: int  # that go through it together
    repeats: Repeats
    active_bytes: int  # peak of live tensors in the call, its inputs included, weights not
    flops: int  # of one call for all its rows, guidance included


class Footprint(Frozen):
    """A case's networks, in the order they load, and its stages, in the order they run."""

    networks: tuple[Network, ...]
    stages: tuple[Stage, ...]

    @property
    def parameters(self) -> int:
        """Of all networks."""
        return sum(network.parameters for network in self.networks)

    @property
    def weight_bytes(self) -> int:
        """Of all networks."""
        return sum(network.weight_bytes for network in self.networks)

    @property
    def peak_bytes(self) -> int:
        """With everything loaded, as the harness loads it."""
        return peak_bytes(self, lambda network, stage: network.weight_bytes)

    @property
    def step_flops(self) -> int:
        """One call of the decoder's network, for all its rows."""
        return next(stage.flops for stage in self.stages if stage.repeats == "decoder calls")

    def image_flops(self, prior_calls: int, decoder_calls: int) -> int:
        """For one picture."""
        times: dict[Repeats, int] = {"once": 1, "prior steps": prior_calls, "decoder calls": decoder_calls}
        return round(sum(stage.flops / stage.rows * times[stage.repeats] for stage in self.stages))


def group_key(offload_type: str, use_stream: bool) -> str:
    """Names a way of group offloading by its options."""
    return f"{offload_type}, {'with' if use_stream else 'without'} a stream"


Resident = Callable[[Network, Stage], int]
"""Bytes of a network's weights that are on the device while a stage runs."""


def stage_bytes(footprint: Footprint, stage: Stage, resident: Resident) -> int:
    """Weights on the device and live tensors at the stage's peak."""
    return stage.active_bytes + sum(resident(network, stage) for network in footprint.networks)


def peak_bytes(footprint: Footprint, resident: Resident) -> int:
    """The highest of all stages."""
    return max(stage_bytes(footprint, stage, resident) for stage in footprint.stages)


class Answer(Frozen):
    """The footprint of a case, or why there is none."""

    footprint: Footprint | None = None
    reason: str | None = None
