"""What a plan is: the only thing the later stages read of an experiment."""

from __future__ import annotations

from typing import Any

from harness.base import Frozen
from harness.catalog.metrics import METRICS
from harness.catalog.stacks import label_of_stack
from harness.catalog.tasks import TASKS
from harness.catalog.types import Api, DType, ModelRow, OptimizationChoice, Task, WeightsRow
from harness.plan.needs import rows_for
from harness.spec.types import ESTIMATE, Asset, InputRow, ReferenceSet, SchedulerChoice, TimingPlan

__all__ = [
    "Asset",
    "Cell",
    "Forecast",
    "InputRow",
    "LoadGroup",
    "Plan",
    "ReferenceSet",
    "Refusal",
    "SchedulerChoice",
    "Settings",
    "StageCount",
    "TimingPlan",
]


class Settings(Frozen):
    """Every knob of one cell, resolved: nothing is left to a library's default. Names are diffusers' own.

    ``None``: the cell's task or model knows no such knob (for ``weights`` also: each row has its own).
    """

    model: str
    task: Task
    api: Api
    dtype: DType
    height: int
    width: int
    guidance_scale: float
    num_inference_steps: int
    prior_guidance_scale: float | None
    prior_num_inference_steps: int | None
    strength: float | None = None
    prior_strength: float | None = None
    weights: tuple[float, ...] | None = None  # of an interpolation's things, instead of each row's own
    scheduler: SchedulerChoice
    optimizations: tuple[OptimizationChoice, ...]  # a stack, in order of application; () is none
    batch_size: int

    @property
    def optimizations_label(self) -> str:
        """The stack as tables show it."""
        return label_of_stack(self.optimizations)


class Cell(Frozen):
    """One choice for every swept knob; it makes one image for each input row."""

    id: str  # readable and unique in the plan: "DDIM-20-g4" style slug of the swept knobs plus 6 hex of the settings
    label: str  # the swept knobs only, for people: "DDIM · 20 steps · guidance 4"
    settings: Settings
    swept: dict[str, str | int | float]  # knob -> value, only the knobs that vary in this plan
    group: str  # id of the LoadGroup
    reference: str | None  # id of the cell this one is compared with; None for a reference or without compare_to
    is_reference: bool
    converged: str | None = None  # id of the cell whose pictures this one's would become with ever more steps
    unconverged: str | None = None  # why there is no such cell, where the plan's metrics ask for one
    is_converged: bool = False  # it is there only for that: not scored, not timed, compared with nothing
    first: int | None = None  # it makes only the first so many of its rows


class LoadGroup(Frozen):
    """Cells that share a loaded pipeline: the unit of distribution."""

    id: str
    model: str
    task: Task
    api: Api
    dtype: DType
    optimizations: tuple[OptimizationChoice, ...]
    cells: tuple[str, ...]  # cell ids, in the order they are made


class Refusal(Frozen):
    """A combination that cannot exist, and why."""

    swept: dict[str, str | int | float]
    reason: str


class StageCount(Frozen):
    """How many results of one stage the plan needs, and how many of its uses are served by sharing."""

    stage: str  # "prior", "images", "features", "scores", "timing"
    uses: int
    distinct: int


class Forecast(Frozen):
    """What the plan costs. A number that cannot be known is ``None`` with its reason in ``notes``."""

    images: int
    prior_model_calls: int
    decoder_model_calls: int
    loads: int
    stages: tuple[StageCount, ...]
    seconds: float | None
    disk_bytes: int
    notes: tuple[str, ...] = ()


class Plan(Frozen):
    """An experiment, resolved and checked."""

    name: str
    question: str
    spec_path: str
    spec_text: str
    spec_digest: str  # of the resolved meaning, not of the text
    models: dict[str, ModelRow]  # by name, only those used
    assets: dict[str, Asset]  # by key, only those that a row names
    rows: tuple[InputRow, ...]  # of all cells: prompt-major, then seed
    limit: int | None = None  # the first so many rows of each cell only
    cells: tuple[Cell, ...]
    groups: tuple[LoadGroup, ...]
    refused: tuple[Refusal, ...]
    compare_to: dict[str, Any] | None
    first_that_fits: bool = False  # each family is held against its first cell that does not fail
    margins: dict[str, float | str]  # metric -> absolute number in its unit, or "3%"
    metrics: tuple[str, ...]
    weights: dict[str, WeightsRow] = {}  # those that the spec names instead of the models' own, by name
    reference_set: ReferenceSet | None = None  # instead of the statistics beside an extractor's weights
    timing: TimingPlan
    cell_timeout_s: float | None
    device: str  # "auto" | "cpu" | "cuda" | "mps"
    threads: int | None  # CPU threads of a worker; None: the physical cores
    notes: tuple[str, ...] = ()  # what a person should know of the inputs and of diffusers
    resolved_defaults: dict[str, Any]  # knob -> value, those the spec did not name
    forecast: Forecast

    def cell(self, cell_id: str) -> Cell:
        """The cell of that id; ``KeyError`` if there is none."""
        return next(c for c in self.cells if c.id == cell_id)

    @property
    def scored_cells(self) -> tuple[Cell, ...]:
        """Those that are scored, timed and compared: all but the converged solutions."""
        return tuple(cell for cell in self.cells if not cell.is_converged)

    @property
    def audits(self) -> bool:
        """Whether its cells differ in optimizations or dtype: then the latents of their steps are held together."""
        return len({(cell.settings.optimizations_label, cell.settings.dtype) for cell in self.cells}) > 1

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks of its cells, each once."""
        return tuple(dict.fromkeys(cell.settings.task for cell in self.cells))

    def metrics_of(self, cell: Cell) -> tuple[str, ...]:
        """Those of the plan's metrics that the cell's task has; none of a converged solution."""
        if cell.is_converged:
            return ()
        task = cell.settings.task
        return tuple(name for name in self.metrics if name in METRICS and task in METRICS[name].tasks)

    def rows_of(self, cell: Cell) -> tuple[InputRow, ...]:
        """The rows that a cell makes images of; its batches are consecutive slices of them."""
        return rows_for(self.rows, cell.settings.task, cell.settings.api)[: self.limit][: cell.first]

    def estimator_of(self, cell: Cell) -> str | None:
        """Name of the weights that estimate a cell's hints; ``None`` where none is estimated."""
        takes = "hint" in TASKS[cell.settings.task].inputs
        estimated = takes and any(row.hint == ESTIMATE for row in self.rows_of(cell))
        return self.models[cell.settings.model].depth if estimated else None

    def batches(self, cell: Cell) -> list[tuple[InputRow, ...]]:
        """The rows of a cell, cut into its batches, in order."""
        size, rows = cell.settings.batch_size, self.rows_of(cell)
        return [rows[i : i + size] for i in range(0, len(rows), size)]
