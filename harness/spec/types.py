"""What a checked spec is."""

from __future__ import annotations

from typing import Any, Literal

from harness.base import Frozen
from harness.catalog.types import Api, ModelRow, Network, Task, WeightsRow

ESTIMATE = "estimate"  # a hint that the model's depth estimator makes of the row's image


class Asset(Frozen):
    """A picture, a mask or a map that rows name by its ``key``: the SHA-256 of its mode, size and pixels.

    ``source`` says how to make it again: ``{"file": path}``, ``{"url": address}``, ``{"world": caption, "seed": n}``,
    ``{"box": [left, top, right, bottom], "size": [width, height]}``; ``as`` what it is (image, mask, hint), and what
    is done to it (``resize``, ``channel``, ``invert``). ``pending``: it stands in the web and was not fetched, so that
    its key stands for the source and its size is 0; a run fetches it first.
    """

    key: str
    mode: Literal["RGB", "L"]
    width: int
    height: int
    source: dict[str, Any]
    pending: bool = False


class MixItem(Frozen):
    """One thing of a mix: a text, or a picture by its asset's key."""

    text: str | None = None
    image: str | None = None


class InputRow(Frozen):
    """One image to make in every cell; a task takes of it what it needs.

    ``id`` is stable: it depends on the row's content (or its ``id`` column), never on its position.
    """

    id: str  # "<prompt_id>-s<seed>"; "<prompt_id>-i<digits>-s<seed>" with pictures
    prompt_id: str  # what is independent of other rows: the prompt with its pictures; seeds of it are averaged first
    prompt: str
    negative_prompt: str | None
    seed: int
    image: str | None = None  # an asset's key, as the next
    image_caption: str | None = None  # what the image shows; no picture is made from it
    mask: str | None = None  # white (255) is repainted
    hint: str | None = None  # a key, or "estimate"
    mix: tuple[MixItem, ...] = ()
    weights: tuple[float, ...] | None = None  # one for each thing of the mix
    task: Task | None = None  # a row for this task only, as the next
    api: Api | None = None


class SchedulerChoice(Frozen):
    """The decoder's scheduler of a cell. ``class_name`` ``None``: the model's own default, recorded when loaded.

    ``config`` holds the overrides only; the rest comes from the model folder's scheduler configuration. ``step`` are
    arguments of each of its steps. ``force``: it runs although it suits no model that was not made for it.
    """

    label: str  # as in tables: "DDIM", "DPMSolverMultistep(use_karras_sigmas=true)", "model default"
    class_name: str | None
    config: dict[str, Any] = {}
    step: dict[str, Any] = {}  # {"eta": 0.5}
    force: bool = False
    subfolder: str | None = None  # e.g. "ddpm_scheduler": take the base configuration from there


class TimingPlan(Frozen):
    """The timing pass. ``repeats`` steady calls in each of ``rounds`` visits, after ``warmups`` calls of a shape."""

    enabled: bool
    repeats: int
    rounds: int
    warmups: int
    batch: int


class ConvergedPlan(Frozen):
    """The converged solutions: each scheduler's own pictures at ``num_inference_steps``, of its ``first`` rows.

    ``first`` is rounded up to whole batches; ``None``: all rows.
    """

    num_inference_steps: int
    first: int | None


class ReferenceSet(Frozen):
    """What sets of pictures are held against. ``path``: of a folder of pictures, or of a file, absolute.

    ``count`` and ``seed``: of the miniature's world, whose held-out captions are drawn.
    """

    kind: Literal["world", "folder", "file"]
    path: str | None = None
    count: int | None = None
    seed: int | None = None

    @property
    def label(self) -> str:
        """For people."""
        if self.kind == "world":
            return f"{self.count:,} pictures of the world's held-out captions, seed {self.seed}"
        return f"the {'pictures in' if self.kind == 'folder' else 'file'} {self.path}"


class Spec(Frozen):
    """An experiment as asked for, every key checked.

    ``sweeps``: knob → its values in canonical form, only for knobs that the file names. ``models`` holds the row of
    every model named anywhere in it. ``cases`` and ``exclude`` are partial sweeps of the same form; ``case_places``:
    where in the file each case comes from, for a ladder that steps the dtype makes several of one.
    """

    path: str
    text: str
    name: str
    question: str
    models: dict[str, ModelRow]
    sweeps: dict[str, tuple[Any, ...]]
    cases: tuple[dict[str, tuple[Any, ...]], ...]
    case_places: tuple[str, ...]
    exclude: tuple[dict[str, tuple[Any, ...]], ...]
    compare_to: dict[str, Any] | None
    first_that_fits: bool = False  # the reference: the first of each family that does not fail
    rows: tuple[InputRow, ...]
    assets: dict[str, Asset]  # by key
    notes: tuple[str, ...]  # what a person should know of the inputs: weights that do not sum to 1, say
    margins: dict[str, float | str]
    metrics: tuple[str, ...] | None
    converged: ConvergedPlan | None = None  # where ``metrics`` names what looks at them
    scorers: dict[Network, WeightsRow] = {}  # instead of the models' own weights
    reference_set: ReferenceSet | None = None  # instead of the statistics beside an extractor's weights
    timing: TimingPlan
    batch_size: int | None
    device: str
    threads: int | None
    cell_timeout_s: float | None
    strict: bool
    lines: dict[str, int]  # dotted place → line, for what only planning can find
