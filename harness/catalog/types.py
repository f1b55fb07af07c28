"""The row types of the catalog: plain data, one row a thing."""

from __future__ import annotations

from typing import Any, Literal

from harness.base import Frozen
from harness.catalog.names import DType, Task, Version

__all__ = [
    "Api",
    "DType",
    "InputName",
    "MetricRow",
    "ModelRow",
    "Network",
    "OptimizationChoice",
    "OptimizationRow",
    "PartName",
    "Pipelines",
    "Place",
    "SchedulerRow",
    "SchedulerVariant",
    "Task",
    "TaskRow",
    "Version",
    "WeightsRow",
]

Api = Literal["two-stage", "combined"]
PartName = Literal["prior", "decoder", "inpaint", "controlnet"]
InputName = Literal["image", "mask", "hint", "mix"]
Network = Literal["open_clip", "extractor", "judge", "depth", "pixels", "perceptual", "preference", "own"]
#: whose weights every model's pictures are scored with, where a spec names no others; "own" is a plug-in's function
_FOR_ALL: dict[Network, str] = {"perceptual": "lpips-vgg", "preference": "PickScore_v1"}


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
    """A model: a version at a place. The shipped miniature, the hub's and a local folder are rows of one kind.

    ``parts``: what it is made of. Kandinsky 3 has a decoder only; ``inpaint`` and ``controlnet`` are decoders of their
    own. A task whose part is missing is refused.
    """

    name: str
    version: Version
    parts: dict[PartName, Place]
    size_multiple: int
    default_size: tuple[int, int]  # (height, width), pixels
    default_dtype: DType
    scorer: str  # name of a WeightsRow
    extractor: str | None = None  # likewise; without one there is no Fréchet distance
    judge: str | None = None  # likewise; only for the miniature's world
    depth: str | None = None  # likewise: the estimator that makes ControlNet's hints
    scorers: dict[Network, str] = {}  # the spec's choices, instead of these
    small: bool = False  # a miniature: its pictures take kilobytes, and many fit into a batch
    default_schedulers: dict[PartName, str] = {}  # part -> class name, read from its folder where it can be read
    notes: str = ""

    def weights_of(self, network: Network) -> str | None:
        """Name of the weights that score this model's pictures; ``None`` where the catalog has none."""
        named: dict[Network, str | None] = {
            "open_clip": self.scorer, "extractor": self.extractor, "judge": self.judge, "depth": self.depth,
            **_FOR_ALL, **self.scorers,
        }  # fmt: skip
        return named.get(network, network)


class Pipelines(Frozen):
    """diffusers' classes for one task of one version. ``combined`` may be all that there is (Kandinsky 3)."""

    prior: str | None
    decoder: str | None
    combined: str | None

    def of(self, api: Api) -> str | None:
        """The class that makes pictures in this form of the API; ``None`` if diffusers has none."""
        return self.decoder if api == "two-stage" else self.combined


class TaskRow(Frozen):
    """A task: what it takes beside the prompt, whose weights decode it, and what it is measured by.

    ``defaults``: values of the guide that stand in for diffusers' own. ``refused``: why a version has no such task.
    """

    name: Task
    part: PartName
    inputs: tuple[InputName, ...]
    knobs: tuple[str, ...]  # those that only some tasks have
    pipelines: dict[Version, Pipelines]
    refused: dict[Version, str]
    defaults: dict[str, Any]
    metrics: tuple[str, ...]  # by default, where the model has weights for them


class WeightsRow(Frozen):
    """Weights of a scorer (open_clip), an extractor or a depth estimator, and how pictures are brought to them.

    ``place`` is ``None`` for what is computed from pixels alone.
    """

    name: str
    kind: Network
    place: Place | None
    architecture: str
    embedding_dim: int | None
    resize: str
    verified: bool  # False: could not be run here with the real weights
    literature: str = ""  # the literature's name of what these weights make, if it has one: "pick_score"
    closed: str = ""  # why nothing brings them, and what opens them
    notes: str = ""


class MetricRow(Frozen):
    """A metric: what it needs, which way is better, its unit and least sample size (independent prompts)."""

    name: str
    tasks: tuple[Task, ...]
    direction: Literal["higher", "lower"]
    unit: str
    per_image: bool
    least_n: int | None  # None: follows from the extractor's dimension
    uses: Network
    source: str  # paper or reference implementation
    notes: str = ""
    against_set: bool = False  # it is held against a reference set

    def made_with(self, model: ModelRow) -> str | None:
        """Name of the weights that make it for a model's pictures; ``None`` where the catalog has none."""
        return f"own:{self.name}" if self.uses == "own" else model.weights_of(self.uses)


class SchedulerRow(Frozen):
    """A scheduler that may be named in a spec.

    ``adapter``: what it takes to be right under Kandinsky (``schedulers/adapter.py``). ``none``: it runs bare;
    ``calls``: its calls are mended; ``sigma``: the latents are brought into its scale too; ``edm``: its preconditioning
    is undone as well. ``order``: the one that its authors claim for its defaults, ``None`` for a stochastic one.
    """

    name: str  # class name without the suffix ``Scheduler``
    class_name: str
    adapter: Literal["none", "calls", "sigma", "edm"]
    stochastic: bool
    order: int | None
    calls: Literal["one", "two", "pndm"]  # of the model, for each step
    verdict: Literal["right", "refused"]
    reason: str = ""
    forcible: bool = False  # refused, but runs where ``force: true`` stands beside it
    needs: str | None = None  # a package beyond those of the harness
    parameters: dict[str, Any] = {}  # constructor keyword -> default, from the generated table
    step_parameters: tuple[str, ...] = ()  # keywords of each step that a spec may set


class SchedulerVariant(Frozen):
    """A way to configure a scheduler that is proven by itself: a row of ``docs/schedulers.md``."""

    name: str  # of a SchedulerRow
    config: dict[str, Any] = {}
    step: dict[str, Any] = {}


class OptimizationRow(Frozen):
    """An optimization that may stand in a stack.

    ``rank``: a stack goes upwards in it. ``kind``: of ``attention``, ``storage`` and ``residence`` a stack has one.
    ``parts``: which networks it is applied to, where a spec does not say; ``may``: which it can be.
    ``options``: keyword -> its values, the default first. ``exact``: pictures should stay the same to the bit.
    """

    name: str
    what: str
    rank: int
    kind: Literal["nothing", "precision", "storage", "attention", "layout", "residence", "compile"]
    parts: tuple[str, ...] = ()
    may: tuple[str, ...] = ()
    options: dict[str, tuple[str | bool, ...]] = {}
    exact: bool = False
    needs_device: str | None = None
    why_device: str = ""
    needs_package: str | None = None
    needs_program: bool = False  # a C++ compiler
    refused: str = ""


class OptimizationChoice(Frozen):
    """One optimization of a stack. ``options``: only those that differ from the row's defaults, sorted."""

    name: str
    options: dict[str, str | bool] = {}

    @property
    def label(self) -> str:
        """As in tables: ``compile``, ``compile(mode=max-autotune)``."""
        inside = [f"{key}={str(value).lower() if isinstance(value, bool) else value}"
                  for key, value in sorted(self.options.items())]  # fmt: skip
        return f"{self.name}({', '.join(inside)})" if inside else self.name
