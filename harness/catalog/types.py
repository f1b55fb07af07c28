"""The row types of the catalog: plain data, one row a thing."""

from __future__ import annotations

from typing import Any, Literal

from harness.base import Frozen

Task = Literal["text-to-image"]
Version = Literal["2.2"]
DType = Literal["float32", "float16", "bfloat16"]


class Place(Frozen):
    """Where one part of a model lives.

    ``package``: a folder shipped inside the distribution, ``where`` relative to ``harness/``.
    ``folder``: a folder on this machine, ``where`` absolute.
    ``hub``: a Hugging Face repository id; ``revision`` is a commit or ``None`` (resolved at first download).
    """

    kind: Literal["package", "folder", "hub"]
    where: str
    revision: str | None = None
    variant: str | None = None


class ModelRow(Frozen):
    """A model: a version at a place. The shipped miniature, the hub's and a local folder are rows of one kind."""

    name: str
    version: Version
    decoder: Place
    prior: Place
    tasks: tuple[Task, ...]
    size_multiple: int
    default_size: tuple[int, int]  # (height, width), pixels
    default_dtype: DType
    default_metrics: tuple[str, ...]
    scorer: str  # name of a WeightsRow
    extractor: str | None = None  # likewise; without one there is no Fréchet distance
    judge: str | None = None  # likewise; only for the miniature's world
    default_scheduler: str | None = None  # class name read from the model's folder where it can be read, else None
    notes: str = ""

    def weights_of(self, network: Literal["open_clip", "extractor", "judge"]) -> str | None:
        """Name of the weights that score this model's pictures; ``None`` where the catalog has none."""
        return {"open_clip": self.scorer, "extractor": self.extractor, "judge": self.judge}[network]


class WeightsRow(Frozen):
    """A scorer's (open_clip) or an extractor's weights: name, place, and how pictures are brought to it."""

    name: str
    kind: Literal["open_clip", "extractor", "judge"]
    place: Place
    architecture: str
    embedding_dim: int | None
    resize: str
    verified: bool  # False: could not be run here with the real weights
    notes: str = ""


class MetricRow(Frozen):
    """A metric: what it needs, which way is better, its unit and least sample size (independent prompts)."""

    name: str
    tasks: tuple[Task, ...]
    direction: Literal["higher", "lower"]
    unit: str
    per_image: bool
    least_n: int | None  # None: follows from the extractor's dimension
    uses: Literal["open_clip", "extractor", "judge"]
    source: str  # paper or reference implementation
    notes: str = ""


class SchedulerRow(Frozen):
    """A scheduler that may be named in a spec."""

    name: str  # class name without the suffix ``Scheduler``
    class_name: str
    stochastic: bool
    model_calls_per_step: int
    verdict: Literal["right", "refused"]
    reason: str = ""
    parameters: dict[str, Any] = {}  # constructor keyword -> default, from the generated table
