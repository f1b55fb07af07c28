"""Where weights are while a stage runs, for each way that a stack may keep them. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.catalog.optimizations import RESIDENCES
from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.tasks import pipelines_of
from harness.catalog.types import OptimizationChoice
from harness.plan.footprint import Case, Footprint, Network, Resident, Stage, group_key

_Id = tuple[str, str]  # part, component
_Stored = Callable[[Network], int]

_DECODER, _DECODER_WITH_TEXT = "unet->movq", "text_encoder->unet->movq"
#: Pipeline class -> the order in which diffusers 0.42.1 offloads its networks: each sends the one before it away. A
#: network that is not in it sends none away, and leaves with the call of the pipeline. The harness offloads the
#: pipelines that run: in a combined one of 2.x its inner prior and decoder, each by its own order.
OFFLOAD_ORDER: dict[str, str] = {
    "KandinskyPriorPipeline": "text_encoder->prior",
    "KandinskyV22PriorPipeline": "text_encoder->image_encoder->prior",
    "KandinskyV22PriorEmb2EmbPipeline": "text_encoder->image_encoder->prior",
    "KandinskyPipeline": _DECODER_WITH_TEXT,
    "KandinskyImg2ImgPipeline": _DECODER_WITH_TEXT,
    "KandinskyInpaintPipeline": _DECODER_WITH_TEXT,
    "KandinskyV22Pipeline": _DECODER,
    "KandinskyV22Img2ImgPipeline": _DECODER,
    "KandinskyV22InpaintPipeline": _DECODER,
    "KandinskyV22ControlnetPipeline": _DECODER,
    "KandinskyV22ControlnetImg2ImgPipeline": _DECODER,
    "Kandinsky3Pipeline": _DECODER_WITH_TEXT,
    "Kandinsky3Img2ImgPipeline": "text_encoder->movq->unet->movq",
}


def resident_for(case: Case, footprint: Footprint, stack: Sequence[OptimizationChoice]) -> Resident:
    """What of each network is on the device in each stage, under a stack of optimizations.

    Those that move no weights change nothing here; ``int8-weights`` is not estimated, and counts as not there.
    """
    where = next((one for one in stack if one.name in RESIDENCES), None)
    stored, name = _stored(stack), None if where is None else where.name
    if name == "release-prior":
        return lambda network, stage: stored(network) if network.part == stage.part else 0
    if name == "model-offload":
        there = _offloaded(case, footprint)
        return lambda network, stage: stored(network) if _id(network) in there[stage.name] else 0
    if name == "sequential-offload":
        return lambda network, stage: network.weight_bytes if _prior(network) else _layer(network, stage)
    if where is not None and name == "group-offload":
        return _grouped(where, stored)
    return lambda network, stage: stored(network)


def _stored(stack: Sequence[OptimizationChoice]) -> _Stored:
    """Bytes of a network's weights as they are stored: 8-bit floats where layers are cast as they are used."""
    cast = {part for one in stack if one.name == "layerwise-casting" for part in parts_of_choice(one)}
    return lambda network: network.cast_bytes if network.name in cast else network.weight_bytes


def _grouped(choice: OptimizationChoice, stored: _Stored) -> Resident:
    """Of a grouped network that runs, its largest groups, as if nothing were stored small; the others stay whole."""
    key = group_key(str(option(choice, "offload_type")), bool(option(choice, "use_stream")))
    parts = parts_of_choice(choice)

    def resident(network: Network, stage: Stage) -> int:
        if network.name not in parts:
            return stored(network)
        return network.group_bytes[key] if _id(network) == (stage.part, stage.network) else 0

    return resident


def _layer(network: Network, stage: Stage) -> int:
    """Of the network that runs, one layer at a time is on the device."""
    return network.largest_layer_bytes if _id(network) == (stage.part, stage.network) else 0


def _prior(network: Network) -> bool:
    """diffusers excludes the prior's transformer from sequential offloading: it stays, whoever runs."""
    return network.part == "prior" and network.name == "prior"


def _id(network: Network) -> _Id:
    return network.part, network.name


def _offloaded(case: Case, footprint: Footprint) -> dict[str, set[_Id]]:
    """Stage → the networks on the device in it, as the hooks of ``enable_model_cpu_offload`` move them."""
    classes, everything = pipelines_of(case.task, case.version), [_id(network) for network in footprint.networks]
    there: set[_Id] = set()
    found: dict[str, set[_Id]] = {}
    part: str | None = None
    for stage in footprint.stages:
        if part not in (None, stage.part):  # a pipeline's call ends by sending everything away
            there = {_PRIOR} & there if _forgets_its_prior(case) else set()
        part, called = stage.part, (stage.part, stage.network)
        name = classes.prior if part == "prior" else classes.decoder or classes.combined
        order = [one for one in _order(str(name), part) if one in everything]
        place = order.index(called) if called in order else 0
        there = there - set(order[max(place - 1, 0) : place]) | {called}
        found[stage.name] = set(there)
    return found


_PRIOR: _Id = ("prior", "prior")
_FROM_TEXTS_ALONE = ("interpolation", "controlnet-depth-image-to-image")


def _forgets_its_prior(case: Case) -> bool:
    """Given a negative prompt, 2.1's prior pipeline ends without sending its networks away."""
    return case.version == "2.1" and case.negative and case.task not in _FROM_TEXTS_ALONE


def _order(pipeline: str, part: str) -> list[_Id]:
    """The networks that a pipeline sends away in turn, each once."""
    return list(dict.fromkeys((part, name) for name in OFFLOAD_ORDER[pipeline].split("->")))
