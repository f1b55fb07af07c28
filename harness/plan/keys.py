"""Stage keys: each a digest of everything that determines a result, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.base import Frozen, digest
from harness.plan.types import InputRow, Settings


class Identity(Frozen):
    """What in an environment can change a result's bits: the device, the libraries, flags, threads, our own source."""

    device: str  # its model: "NVIDIA H200", or the CPU's
    versions: dict[str, str | None]  # package → version (and CUDA build)
    flags: dict[str, Any]  # determinism, TF32, matmul precision
    threads: int
    source: str  # digest of our own code that makes the result


def prior_key(settings: Settings, rows: Sequence[InputRow], weights: Mapping[str, str], identity: Identity) -> str:
    """Of a batch's image embeddings, and of each generator's state after them.

    The decoder's knobs have no part in it: cells that differ in them share a prior.
    """
    return digest(
        {
            "stage": "prior",
            "task": settings.task,
            "dtype": settings.dtype,
            "guidance_scale": settings.prior_guidance_scale,
            "num_inference_steps": settings.prior_num_inference_steps,
            "optimizations": list(settings.optimizations),
            "rows": _rows(rows),
            "weights": weights["prior"],
            "identity": identity.model_dump(mode="json"),
        }
    )


def images_key(
    settings: Settings, rows: Sequence[InputRow], weights: Mapping[str, str], identity: Identity, prior: str
) -> str:
    """Of a batch's pictures, given the key of its prior."""
    return digest(
        {
            "stage": "images",
            "height": settings.height,
            "width": settings.width,
            "guidance_scale": settings.guidance_scale,
            "num_inference_steps": settings.num_inference_steps,
            "scheduler": settings.scheduler.model_dump(mode="json", exclude={"label"}),
            "optimizations": list(settings.optimizations),
            "dtype": settings.dtype,
            "rows": _rows(rows),
            "weights": weights["decoder"],
            "identity": identity.model_dump(mode="json"),
            "prior": prior,
        }
    )


def features_key(image_keys: Sequence[str], prompts: Sequence[str], weights: str, identity: Identity) -> str:
    """Of pictures' features under one network, with their prompts' where it reads text."""
    return digest(
        {
            "stage": "features",
            "images": list(image_keys),
            "prompts": list(prompts),
            "weights": weights,
            "identity": identity.model_dump(mode="json"),
        }
    )


def timing_key(settings: Settings, rows: Sequence[InputRow], weights: Mapping[str, str], fingerprint: str) -> str:
    """Of a cell's timing: the whole environment's fingerprint stands in for the identity."""
    return digest(
        {
            "stage": "timing",
            # The weights' digests stand for the model's name; a batch of the quality pass is no part of a timed call.
            "settings": settings.model_dump(
                mode="json", exclude={"model": True, "batch_size": True, "scheduler": {"label"}}
            ),
            "rows": _rows(rows),
            "weights": dict(weights),
            "fingerprint": fingerprint,
        }
    )


def _rows(rows: Sequence[InputRow]) -> list[list[Any]]:
    """What of a row reaches a pipeline; their order is the batch's."""
    return [[row.prompt, row.negative_prompt, row.seed] for row in rows]
