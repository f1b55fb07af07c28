"""Stage keys: each a digest of everything that determines a result, and of nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from harness.base import Frozen, digest
from harness.catalog.stacks import label_of_stack, touching_prior
from harness.plan.needs import used
from harness.plan.types import InputRow, Settings


class Identity(Frozen):
    """What in an environment can change a result's bits: the device, the libraries, flags, threads, our own source."""

    device: str  # its model: "NVIDIA H200", or the CPU's
    versions: dict[str, str | None]  # package → version (and CUDA build)
    flags: dict[str, Any]  # determinism, TF32, matmul precision
    threads: int
    source: str  # digest of our own code that makes the result


def prior_key(
    settings: Settings, rows: Sequence[InputRow], weights: Mapping[str, str], identity: Identity
) -> str | None:
    """Of a batch's image embeddings, and of each generator's state after them; ``None`` where there is no such result.

    The decoder's knobs have no part in it: cells that differ in them share a prior, and so do tasks that ask the same
    of it. A combined pipeline keeps its prior's result to itself; Kandinsky 3 has no prior.
    """
    if settings.api == "combined" or "prior" not in weights:
        return None
    return digest({"stage": "prior", **_of_the_prior(settings, rows, weights, identity)})


def _of_the_prior(
    settings: Settings, rows: Sequence[InputRow], weights: Mapping[str, str], identity: Identity
) -> dict[str, Any]:
    mixes, edits = settings.task == "interpolation", settings.prior_strength is not None
    looked_at = ("negative_prompt", "seed", *(("mix", "weights") if mixes else ("prompt",)),
                 *(("image",) if edits else ()))  # fmt: skip
    return {
        "how": "interpolate" if mixes else "edit" if edits else "imagine",
        "dtype": settings.dtype,
        "guidance_scale": settings.prior_guidance_scale,
        "num_inference_steps": settings.prior_num_inference_steps,
        "strength": settings.prior_strength,
        "optimizations": label_of_stack(touching_prior(settings.optimizations)),
        "rows": [{name: row.get(name) for name in looked_at} for row in _rows(settings, rows)],
        "weights": weights["prior"],
        "identity": identity.model_dump(mode="json"),
    }


def images_key(
    settings: Settings,
    rows: Sequence[InputRow],
    weights: Mapping[str, str],
    identity: Identity,
    prior: str | None,
    hints: Sequence[str | None],
) -> str:
    """Of a batch's pictures, given the key of its prior and those of the hints that are estimated for it."""
    if prior is None and "prior" in weights:
        prior = digest(_of_the_prior(settings, rows, weights, identity))
    return digest(
        {
            "stage": "images",
            "task": settings.task,
            "api": settings.api,
            "height": settings.height,
            "width": settings.width,
            "guidance_scale": settings.guidance_scale,
            "num_inference_steps": settings.num_inference_steps,
            "strength": settings.strength,
            "scheduler": settings.scheduler.model_dump(mode="json", exclude={"label", "force"}),
            "optimizations": label_of_stack(settings.optimizations),
            "dtype": settings.dtype,
            "rows": _rows(settings, rows),
            "hints": list(hints),
            "weights": {part: weights[part] for part in sorted(weights) if part != "prior"},
            "identity": identity.model_dump(mode="json"),
            "prior": prior,
        }
    )


def hint_key(image: str, weights: str, identity: Identity) -> str:
    """Of the depth that an estimator sees in a picture, by the picture's and the estimator's digests."""
    return digest({"stage": "hints", "image": image, "weights": weights, "identity": identity.model_dump(mode="json")})


def features_key(
    settings: Settings,
    rows: Sequence[InputRow],
    image_keys: Sequence[str],
    hints: Sequence[str | None],
    weights: str,
    identity: Identity,
    converged: Sequence[str] = (),
) -> str:
    """Of pictures' features under one network, with those of their prompts and of what else they are held against.

    ``converged``: keys of the pictures that the first of them would become, where they are held against those.
    """
    looked_at = [
        {**used_of_it, "seed": None, "image_caption": row.image_caption if used_of_it.get("image") else None}
        for row, used_of_it in zip(rows, _rows(settings, rows), strict=True)
    ]  # the pictures' keys know the seeds, and nothing of captions
    return digest(
        {
            "stage": "features",
            "images": list(image_keys),
            "converged": list(converged),
            "task": settings.task,
            "rows": looked_at,
            "hints": list(hints),
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
                mode="json", exclude={"model": True, "batch_size": True, "scheduler": {"label", "force"}}
            ),
            "rows": _rows(settings, rows),
            "weights": dict(weights),
            "fingerprint": fingerprint,
        }
    )


def _rows(settings: Settings, rows: Sequence[InputRow]) -> list[dict[str, Any]]:
    """What of a row reaches a pipeline; their order is the batch's."""
    return [used(row, settings.task, settings.weights) for row in rows]
