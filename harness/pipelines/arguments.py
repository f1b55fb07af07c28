"""What a decoder is called with, task by task: the guide's keywords, and the places where diffusers needs care."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.catalog.tasks import TASKS
from harness.catalog.types import Version
from harness.errors import UsageError
from harness.pipelines.inputs import Inputs, hint_tensor, mask_array, resized
from harness.pipelines.load import Loaded
from harness.pipelines.sizes import own_size, size_arguments
from harness.pipelines.steps import require_steps
from harness.plan.types import InputRow, Settings


def require_possible(settings: Settings, version: Version) -> None:
    """Refuse what the pipelines cannot do, before they fail without a word that helps.

    Raises:
        UsageError: a strength that leaves no step; an oblong picture where diffusers can only make square ones.
    """
    require_steps(settings.num_inference_steps, settings.strength)
    if version == "2.1" and settings.task == "image-to-image" and settings.height != settings.width:
        raise UsageError(
            f"Kandinsky 2.1's image-to-image makes square pictures only, not {settings.height}×{settings.width}: "
            "diffusers turns its source by a right angle.",
            expected="height and width that are the same",
        )


def decoder_arguments(loaded: Loaded, settings: Settings, rows: Sequence[InputRow], inputs: Inputs) -> dict[str, Any]:
    """Keywords of a call that makes ``rows``, but for prompts, embeddings and generators."""
    known: dict[str, Any] = {
        "num_inference_steps": settings.num_inference_steps,
        "guidance_scale": settings.guidance_scale,
        **size_arguments(settings, loaded.model.version),
    }
    if settings.strength is not None:
        known["strength"] = settings.strength
    for name in TASKS[settings.task].inputs:
        known.update(_ARGUMENTS[name](loaded, settings, rows, inputs))
    return known


def _images(loaded: Loaded, settings: Settings, rows: Sequence[InputRow], inputs: Inputs) -> dict[str, Any]:
    pictures = [inputs.pictures[str(row.image)] for row in rows]
    if own_size(settings.task, loaded.model.version):
        pictures = [resized(picture, settings.height, settings.width) for picture in pictures]
    return {"image": pictures}


def _masks(loaded: Loaded, settings: Settings, rows: Sequence[InputRow], inputs: Inputs) -> dict[str, Any]:
    del loaded
    return {"mask_image": [mask_array(inputs.pictures[str(row.mask)], settings.height, settings.width) for row in rows]}


def _hints(loaded: Loaded, settings: Settings, rows: Sequence[InputRow], inputs: Inputs) -> dict[str, Any]:
    """In the UNet's type: the pipeline itself sees to that only with guidance."""
    hints = [hint_tensor(inputs.hints[row.id], settings.height, settings.width) for row in rows]
    return {"hint": [hint.to(loaded.device, loaded.decoder.unet.dtype) for hint in hints]}


def _nothing(loaded: Loaded, settings: Settings, rows: Sequence[InputRow], inputs: Inputs) -> dict[str, Any]:
    """A mixture is the prior's."""
    del loaded, settings, rows, inputs
    return {}


_ARGUMENTS = {"image": _images, "mask": _masks, "hint": _hints, "mix": _nothing}
