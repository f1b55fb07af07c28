"""What there is to see of one picture, and what a maker of features makes of it."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from numpy.typing import NDArray
from PIL import Image

from harness.catalog.types import WeightsRow

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class View:
    """A picture, its prompt, and of its row only what its task takes: features follow from nothing else.

    ``image``: what it started from, and ``caption`` what that shows. ``mask``: "L" or "RGB", white is repainted.
    ``hint``: a depth map, bright is near. ``mix``: texts and pictures, in order. None of them need have the picture's
    size. ``converged``: what the picture would become with ever more steps; of its size.
    """

    picture: Image.Image
    prompt: str
    image: Image.Image | None = None
    caption: str | None = None
    mask: Image.Image | None = None
    hint: Image.Image | None = None
    mix: tuple[str | Image.Image, ...] = ()
    converged: Image.Image | None = None


class FeatureMaker(Protocol):
    """Loaded weights, ready to look at pictures."""

    made_by: dict[str, str]  # what a feature file's metadata say: weights, resize, library versions

    def __call__(self, views: Sequence[View]) -> Arrays:
        """The arrays of a feature file, one line a view; what a view lacks is not a number there."""
        ...


def called_as(metric: str) -> str:
    """Under which key a feature file says that a metric made from it bears the literature's name, and which."""
    return f"called_{metric}"


def made_by(
    row: WeightsRow, resize: str, *libraries: str, quantisation: str = "8-bit RGB", architecture: str = ""
) -> dict[str, str]:
    """A feature file's metadata: whose features they are, and the versions of the libraries that made them.

    ``quantisation``: where values are rounded to levels. ``architecture``: as loaded; "" for the row's.
    """
    versions = {library: importlib.metadata.version(library) for library in libraries}
    return {
        "weights": row.name,
        "architecture": architecture or row.architecture,
        "resize": resize,
        "quantisation": quantisation,
        **versions,
    }
