"""How a pipeline is told the size of its pictures. Imports no torch."""

from __future__ import annotations

from harness.catalog.types import Task, Version
from harness.plan.types import Settings


def own_size(task: Task, version: Version) -> bool:
    """Whether the pipeline takes its size from the picture: Kandinsky 3's image-to-image has no height and width."""
    return version == "3" and task == "image-to-image"


def turned(task: Task, version: Version) -> bool:
    """Whether the pipeline takes height for width: 2.2's image-to-image hands them to its ``preprocess`` the wrong way
    round (diffusers 0.42), so that a picture of 128×64 would come out as one of 64×128."""
    return version == "2.2" and task in ("image-to-image", "controlnet-depth-image-to-image")


def size_arguments(settings: Settings, version: Version) -> dict[str, int]:
    """The cell's size, as the pipeline of its task wants to be told."""
    height, width = settings.height, settings.width
    if own_size(settings.task, version):
        return {}
    return {"height": width, "width": height} if turned(settings.task, version) else {"height": height, "width": width}
