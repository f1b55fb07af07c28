"""Footprints with round numbers, so that what fits can be told by hand."""

from __future__ import annotations

from typing import Any

from harness.catalog.types import OptimizationChoice
from harness.plan.footprint import Answer, Case, Footprint, Network, Stage, group_key

GIB = 2**30


def make_case(**changes: Any) -> Case:
    """A case of 2.2's text-to-image, but for the changes."""
    known: dict[str, Any] = {
        "version": "2.2", "task": "text-to-image", "api": "two-stage", "parts": {"prior": "/p", "decoder": "/d"},
        "dtype": "float16", "height": 512, "width": 512, "batch": 1, "guided": True, "prior_guided": True,
        "negative": False,
    }  # fmt: skip
    return Case(**{**known, **changes})


def make_footprint(case: Case) -> Footprint:
    """Weights in GiB at half precision: prior 2, its encoders 4 and 1, UNet 3, MoVQ 1; the decode takes 1 a row."""
    wide = 2 if case.dtype == "float32" else 1

    def network(part: str, name: str, size: int) -> Network:
        weights = size * GIB * wide
        return Network(part=part, name=name, class_name=name, parameters=size * GIB // 2, weight_bytes=weights,
                       largest_layer_bytes=weights // 8, cast_bytes=weights * 5 // 8, group_bytes=_groups(weights),
                       source="here")  # type: ignore[arg-type] # fmt: skip

    def stage(name: str, network: str, active: int, repeats: str = "once", flops: int = 10) -> Stage:
        rows = case.batch
        return Stage(name=name, part=name.partition(":")[0], network=network, rows=rows, repeats=repeats,
                     active_bytes=active * rows * wide, flops=flops * rows)  # type: ignore[arg-type] # fmt: skip

    networks = (("prior", "prior", 2), ("prior", "image_encoder", 4), ("prior", "text_encoder", 1),
                ("decoder", "unet", 3), ("decoder", "movq", 1))  # fmt: skip
    return Footprint(
        networks=tuple(network(*one) for one in networks if one[0] in case.parts),
        stages=(
            stage("prior: prompt", "text_encoder", 0),
            stage("prior: step", "prior", 0, "prior steps", 20),
            stage("prior: image", "image_encoder", 0),
            stage("decoder: step", "unet", GIB // 4, "decoder calls", 100),
            stage("decoder: decode", "movq", GIB),
        ),
    )


def _groups(weights: int) -> dict[str, int]:
    """A sixteenth and an eighth by leaf, a quarter and a half by block."""
    shares = {("leaf_level", False): 16, ("leaf_level", True): 8, ("block_level", False): 4, ("block_level", True): 2}
    return {group_key(kind, stream): weights // share for (kind, stream), share in shares.items()}


def stack_of(*names: str, **options: str | bool) -> tuple[OptimizationChoice, ...]:
    """A stack from names; the options are the last one's."""
    return tuple(OptimizationChoice(name=n, options=options if n == names[-1] else {}) for n in names)


def look(case: Case) -> Answer:
    """The footprint with round numbers."""
    return Answer(footprint=make_footprint(case))
