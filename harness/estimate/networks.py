"""A case's networks as fake tensors: their shapes and types are those of a real load, and they take no memory."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN
from torch import nn

from harness.catalog.optimizations import NOT_CAST
from harness.catalog.types import DType, PartName, Version
from harness.errors import MissingError
from harness.estimate.groups import LAYERS
from harness.pipelines.full_size import REPOSITORIES, Component, build
from harness.pipelines.places import WEIGHTED, components
from harness.plan.footprint import Case, Network

HUB = "hub:"
_ENCODERS: dict[tuple[bool, Version], dict[str, str]] = {
    (True, "2.1"): {"text_encoder": "CLIPTextModelWithProjection", "image_encoder": "CLIPVisionModelWithProjection"},
    (True, "2.2"): {"text_encoder": "CLIPTextModelWithProjection", "image_encoder": "CLIPVisionModelWithProjection"},
    (False, "2.1"): {"text_encoder": "MultilingualCLIP"},
    (False, "2.2"): {},
    (False, "3"): {"text_encoder": "T5EncoderModel"},
}


@dataclass(frozen=True)
class FakeNetwork:
    """A network of a part, without weights, and what is known of it."""

    row: Network
    module: Any


class BareNetwork(NamedTuple):
    """A network of a part on the meta device: shapes, in the type that its class makes them."""

    part: PartName
    name: str
    component: Component
    module: Any


def bare_networks(case: Case) -> list[BareNetwork]:
    """Every network of a case, in the order they load; built outside of a ``FakeTensorMode``, which slows it much.

    Raises:
        MissingError: a configuration is not here.
    """
    found = {part: components_of(where, part, case.version) for part, where in case.parts.items()}
    with torch.device("meta"):
        return [
            BareNetwork(part, name, component, build(component).eval())
            for part, components in found.items()
            for name, component in components.items()
        ]


def fake_network(bare: BareNetwork, dtype: DType) -> FakeNetwork:
    """The network as a load in ``dtype`` would leave it; under a ``FakeTensorMode`` it takes no memory."""
    part, name, component, module = bare
    _materialise(module, getattr(torch, dtype))
    tensors = [*module.parameters(), *module.buffers()]
    row = Network(
        part=part,
        name=name,
        class_name=component.class_name,
        parameters=sum(parameter.numel() for parameter in module.parameters()),
        weight_bytes=bytes_of(tensors),
        largest_layer_bytes=max(bytes_of(_own(layer)) for layer in module.modules()),
        group_bytes={},  # known once it has been called
        cast_bytes=_cast_bytes(module, bytes_of(tensors)),
        source=component.source,
    )
    return FakeNetwork(row, module)


def bytes_of(tensors: Iterable[torch.Tensor]) -> int:
    """Their elements' bytes; a tensor that is there twice counts twice."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def _cast_bytes(module: nn.Module, whole: int) -> int:
    """With 8-bit storage, of either kind, of the layers that are cast as they are used; the largest is there whole."""
    own = getattr(module, "_skip_layerwise_casting_patterns", None) or ()
    skipped = (*DEFAULT_SKIP_MODULES_PATTERN, *NOT_CAST, *own)
    layers = [
        layer
        for name, layer in module.named_modules()
        if isinstance(layer, LAYERS) and not any(re.search(pattern, name) for pattern in skipped)
    ]
    full = [bytes_of(_own(layer)) for layer in layers]
    stored = sum(tensor.numel() for layer in layers for tensor in _own(layer))
    return whole - sum(full) + stored + max(full, default=0)


def _own(layer: nn.Module) -> list[torch.Tensor]:
    return [*layer.parameters(recurse=False), *layer.buffers(recurse=False)]


def _materialise(module: nn.Module, dtype: torch.dtype) -> None:
    """Tensors of the default device in place of the meta device's; shared ones stay shared."""
    made: dict[int, nn.Parameter] = {}
    kept = _kept_single(module, dtype)
    for path, layer in module.named_modules():
        for name, parameter in layer._parameters.items():
            if parameter is None:
                continue
            wanted = torch.float32 if kept & set(f"{path}.{name}".split(".")) else dtype
            if id(parameter) not in made:
                made[id(parameter)] = nn.Parameter(_like(parameter, wanted), requires_grad=False)
            layer._parameters[name] = made[id(parameter)]
        for name, buffer in layer._buffers.items():
            if buffer is not None:
                layer._buffers[name] = _like(buffer, dtype)


def _like(tensor: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    return torch.empty(tensor.shape, dtype=dtype if tensor.is_floating_point() else tensor.dtype)


def _kept_single(module: nn.Module, dtype: torch.dtype) -> set[str]:
    """Modules that the libraries load in single precision whatever is asked, such as T5's ``wo``."""
    if dtype == torch.float32:
        return set()
    always = set(getattr(module, "_keep_in_fp32_modules_strict", None) or ())
    return always | (set(getattr(module, "_keep_in_fp32_modules", None) or ()) if dtype == torch.float16 else set())


def components_of(where: str, part: PartName, version: Version) -> dict[str, Component]:
    """Component → its class and configuration: of a folder, or as published for a repository of the hub.

    Raises:
        MissingError: the configuration is not here.
    """
    names = [name for name in components(part, version) if name in WEIGHTED]
    if not where.startswith(HUB):
        return {name: _configured(Path(where), name, part, version) for name in names}
    known = REPOSITORIES.get(where.removeprefix(HUB), {})
    lacking = [name for name in names if name not in known]
    if lacking:
        raise MissingError(
            f"The configuration of {where.removeprefix(HUB)} ({', '.join(lacking)}) is not on this machine.",
            expected="a downloaded model, a folder, or a repository whose configuration is published in the harness",
            do="`harness fetch` brings it",
        )
    return {name: known[name] for name in names}


def _configured(folder: Path, name: str, part: PartName, version: Version) -> Component:
    path = folder / name / "config.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        config = {key: value for key, value in found.items() if not key.startswith("_")}
        class_name = _ENCODERS[part == "prior", version].get(name) or found["_class_name"]
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise MissingError(
            f"The configuration {path} cannot be read ({type(error).__name__}).",
            expected="the config.json that `save_pretrained` writes",
            do="download or save the model again",
        ) from error
    return Component(class_name=class_name, config=config, source=str(path))
