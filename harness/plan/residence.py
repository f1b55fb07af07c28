"""Where weights are while a stage runs, for each way that a stack may keep them. Imports no torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.catalog.optimizations import RESIDENCES
from harness.catalog.tasks import pipelines_of
from harness.plan.footprint import Case, Footprint, Network, Resident, Stage

_Id = tuple[str, str]  # part, component
_Stored = Callable[[Network], int]

_DECODER, _DECODER_WITH_TEXT = "unet->movq", "text_encoder->unet->movq"
_COMBINED_22 = "prior_text_encoder->prior_image_encoder->unet->movq"
_COMBINED_21 = "prior_text_encoder->prior_image_encoder->prior_prior->text_encoder->unet->movq"
#: Pipeline class -> the order in which diffusers 0.42.1 offloads its networks: each sends the one before it away. A
#: network that is not in it sends none away, and leaves with the call of the pipeline; a prior outside it stays.
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
    "KandinskyCombinedPipeline": "text_encoder->unet->movq->prior_prior->prior_image_encoder->prior_text_encoder",
    "KandinskyImg2ImgCombinedPipeline": _COMBINED_21,
    "KandinskyInpaintCombinedPipeline": _COMBINED_21,
    "KandinskyV22CombinedPipeline": _COMBINED_22,
    "KandinskyV22InpaintCombinedPipeline": _COMBINED_22,
    "Kandinsky3Pipeline": _DECODER_WITH_TEXT,
    "Kandinsky3Img2ImgPipeline": "text_encoder->movq->unet->movq",
}
#: Combined pipelines that hand the call on to their inner ones.
_HANDS_ON = ("KandinskyV22Img2ImgCombinedPipeline",)


def resident_for(case: Case, footprint: Footprint, stack: Sequence[str]) -> Resident:
    """What of each network is on the device in each stage, under a stack of optimizations by name.

    Those that move no weights change nothing here; ``int8-weights`` is not estimated, and counts as not there.
    """
    where = next((name for name in stack if name in RESIDENCES), None)
    stored = _stored(stack)
    if where == "release-prior":
        return lambda network, stage: stored(network) if network.part == stage.part else 0
    if where == "model-offload":
        there = _offloaded(case, footprint)
        return lambda network, stage: stored(network) if _id(network) in there[stage.name] else 0
    if where == "sequential-offload":
        return lambda network, stage: network.weight_bytes if _prior(network) else _layer(network, stage)
    if where == "group-offload":
        return lambda network, stage: _layer(network, stage) if network.name == "unet" else stored(network)
    return lambda network, stage: stored(network)


def _stored(stack: Sequence[str]) -> _Stored:
    """Bytes of a network's weights as they are stored: 8-bit floats where layers are cast as they are used."""
    if "layerwise-casting" not in stack:
        return lambda network: network.weight_bytes
    return lambda network: network.cast_bytes if network.name == "unet" else network.weight_bytes


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
    whole = case.api == "combined" and classes.combined not in _HANDS_ON
    there: set[_Id] = set()
    found: dict[str, set[_Id]] = {}
    part: str | None = None
    for stage in footprint.stages:
        if not whole and part not in (None, stage.part):
            there = set()  # a pipeline's call ends by sending everything away
        part, called = stage.part, (stage.part, stage.network)
        name = classes.combined if whole else classes.prior if part == "prior" else classes.decoder
        order = _order(str(name), part, everything)
        place = order.index(called) if called in order else 0
        there = there - set(order[max(place - 1, 0) : place]) | {called} | _staying(whole, order, everything)
        found[stage.name] = set(there)
    return found


def _order(pipeline: str, part: str, everything: Sequence[_Id]) -> list[_Id]:
    """The networks that a pipeline sends away in turn, each once: a combined one names the prior's by a prefix."""
    whole = "Combined" in pipeline or pipeline.startswith("Kandinsky3")
    decoder = next(one for one, _ in everything if one != "prior")
    names = OFFLOAD_ORDER[pipeline].split("->")
    named = [("prior", name.removeprefix("prior_")) if name.startswith("prior_") else (decoder if whole else part, name)
             for name in names]  # fmt: skip
    return list(dict.fromkeys(one for one in named if one in everything))


def _staying(whole: bool, order: Sequence[_Id], everything: Sequence[_Id]) -> set[_Id]:
    """A combined pipeline excludes the prior's transformer, unless its order names it."""
    prior = ("prior", "prior")
    return {prior} if whole and prior in everything and prior not in order else set()
