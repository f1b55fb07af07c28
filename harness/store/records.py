"""What a run leaves behind: versioned JSON, one file for the run and one for each cell."""

from __future__ import annotations

from typing import Any, Literal

from harness.base import Frozen
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.plan.types import Plan, Settings
from harness.store.disturbed import Disturbed

SCHEMA_VERSION = 1
#: Why a cell has no timing while the timing pass is under way, or was stopped.
NOT_TIMED_YET = "not timed yet: the timing pass is not over"
#: Of 255 levels: what another batch's rounding may move a pixel by; with ten bits of mantissa or less, by more.
_ROUNDED, _ROUNDED_ROUGHLY = 8, 40

CellStatus = Literal["pending", "done", "failed"]
Outcome = Literal["applied", "no-op", "partly", "failed"]
RunStatus = Literal["running", "finished", "failed-cells", "interrupted"]


class Interval(Frozen):
    """A confidence interval: ``level`` 0.95 means 95 %; ``method`` names how it was made."""

    low: float
    high: float
    level: float
    method: str


class Score(Frozen):
    """A number with everything that makes it one. ``value`` is ``None`` with a ``reason``, never zero."""

    metric: str  # catalog name: "clip_score"
    name: str  # with what made it: "clip_score/mini-scorer-1a2b3c4d"
    value: float | None
    unit: str
    direction: Literal["higher", "lower"]
    n: int  # images
    n_prompts: int
    interval: Interval | None
    reason: str | None = None
    failed: bool = False  # there should be a value: making it broke
    made_by: dict[str, Any] = {}  # weights digest, architecture, resize, library versions, reference-set digest and n


class Comparison(Frozen):
    """A cell against its reference, paired by prompt and seed; ``harm`` is positive when the cell is worse.

    ``difference`` is cell minus reference in the metric's unit (for latency and memory the ratio minus one).
    The verdict is Holm-adjusted over the run's comparisons; the interval is the plain 90 % one of ``difference``.
    """

    metric: str
    reference: str  # cell id
    difference: float | None
    interval: Interval | None
    margin: float  # in the unit of ``difference``
    verdict: Literal["improved", "regressed", "equivalent", "inconclusive"]
    leaning_worse: bool = False
    p_sign_flip: float | None = None
    n: int  # independent units
    unit: Literal["prompt", "visit"] = "prompt"  # a visit of the timing pass, for what it measures
    n_to_settle: int | None = None  # units
    settles_unchanged: bool = False  # that number is the need if nothing changed, else the one at the effect seen
    sd: float | None = None  # of one unit's harm, a log ratio for latency and memory; what later plans forecast from
    smallest_effect: float | None = None  # the least harm, as ``difference``, that was called in 80 % of such runs
    reason: str | None = None


class Evidence(Frozen):
    """What was found of one requested optimization on one network of the pipeline that ran.

    ``outcome``: ``applied``; ``no-op``: it was so before, or nothing that runs changed; ``partly``: some of it is;
    ``failed``: it is not there.
    """

    requested: str  # as in a stack: "compile(mode=max-autotune)"
    part: str  # "unet", "prior", "movq", "process"
    observed: str
    proof: str  # what was looked at
    outcome: Outcome


class Stages(Frozen):
    """One instrumented call, apart from the timed ones: where its seconds go, and what ran.

    ``prepare_s``: before the decoder's network is called first; in a combined pipeline the prior is in it.
    ``steps_s``: from one step of the scheduler to the next, the network's call in it; the first is slowed by a
    profiler. ``decode_s``: from the last step to the pictures. ``kernels``: how often each kind of attention kernel,
    and each compiled region, ran in the first call of the network. ``latents_key``: of the stored latents of its first
    row after each step.
    """

    prior_s: float | None
    prepare_s: float | None = None
    steps_s: list[float]
    decode_s: float
    kernels: dict[str, int] = {}
    latents_key: str = ""

    @property
    def usual_steps_s(self) -> list[float]:
        """The steps but the first, which the profiler slows; that one where there is no other."""
        return self.steps_s[1:] or self.steps_s


class Beside(Frozen):
    """The calls of a cell's reference that a second worker made in turn with the cell's own, one next to each.

    ``timing_key`` is that of the reference's own timing: by it the two are known to belong together.
    """

    timing_key: str
    steady_s: list[float]  # per call, all visits; of as many images as the cell's own calls
    round_of_call: list[int]  # which visit each call belongs to; a visit may have none
    largest_pixel_difference: int | None = None  # of its pictures from its quality pass's


class Timing(Frozen):
    """Seconds of the timing pass. Each list holds one value per call, in the order made."""

    load_s: list[float]  # one per visit
    first_call_s: list[float]  # one for each visit that this cell was the first of; after another cell all is warm
    steady_s: list[float]  # per call, all visits; divide by ``batch`` for one image
    round_of_call: list[int]  # which visit each steady call belongs to
    prior_s: list[float]  # the part of each steady call spent in the prior
    beside: Beside | None = None  # where the reference was called in turn with it
    batch: int
    latency_s: float  # median seconds per image
    latency_interval: Interval | None
    throughput_images_per_s: float
    drift: float | None  # largest relative change of the bracketing baseline, within a visit and between visits
    images_match_quality_pass: bool | None
    largest_pixel_difference: int | None  # against the quality pass, 0..255
    measured_in: str  # run id
    measured_at: str
    stages: Stages | None = None
    evidence: list[Evidence] = []  # of the pipelines that were timed
    disturbances: list[str] = []  # what else ran or throttled while it was timed, in words
    disturbed: Disturbed | None = None  # the readings themselves, and why one of them could not be had
    energy_j: float | None = None  # for each image
    energy_reason: str | None = None  # why there is none


class Memory(Frozen):
    """Bytes at the peak of steady calls: warm-ups, and a compiler at work in them, are over by then.

    ``peak_bytes`` is allocated device memory, or on a CPU resident memory over the worker's idle. ``reserved_bytes`` is
    what the device's allocator held: code that replays CUDA graphs is compared by it (``store/measured.py``).
    """

    peak_bytes: int
    kind: Literal["device-allocated", "resident-over-idle"]
    reserved_bytes: int | None = None
    used_bytes: int | None = None  # of the whole device, with its context and whatever else is on it
    idle_bytes: int | None = None
    visit_peaks_bytes: list[int] = []  # one for each visit; ``peak_bytes`` is the largest
    visit_reserved_bytes: list[int] = []  # likewise of ``reserved_bytes``
    visit_idle_bytes: list[int] = []  # likewise of ``idle_bytes``; none in records that have the largest only


class Failure(Frozen):
    """Why a cell has no result."""

    kind: Literal["out-of-memory", "not-a-number", "timeout", "missing", "disk", "worker-died", "error"]
    reason: str
    do: str = ""
    peak_bytes: int | None = None  # held when memory ran out: allocated on a GPU, resident on a processor


class BatchRef(Frozen):
    """One batch of a cell's images: where the result lies and who made it."""

    key: str
    rows: list[str]  # row ids, in order
    image_sha256: list[str]  # of the PNG bytes, same order
    made_in: str  # run id
    made_at: str
    reused: bool
    prior_key: str = ""
    prior_made_in: str = ""  # run id; of pictures made in this run

    def entry(self, names: list[str], row_id: str) -> str | None:
        """The name of a row's picture among those of the stored archive.

        It goes by place: pictures are kept by what made them, and another run may have named the same rows otherwise.
        """
        return names[self.rows.index(row_id)] if len(names) == len(self.rows) else None

    def sum_of(self, row_id: str) -> str:
        """The SHA-256 of a row's PNG bytes when it was made."""
        return self.image_sha256[self.rows.index(row_id)]


class CellRecord(Frozen):
    """Everything known of one cell in one run."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    cell_id: str
    label: str
    settings: Settings
    swept: dict[str, str | int | float]
    reference: str | None
    is_reference: bool
    status: CellStatus
    failure: Failure | None = None
    batches: list[BatchRef] = []
    inputs: dict[str, str] = {}  # "RGB 1a2b3c of ROW" and the like -> key of the stored picture
    hints: dict[str, str] = {}  # row id -> key of the depth that was estimated for it
    truncated: dict[str, dict[str, str]] = {}  # row id -> which text encoder -> the words that it dropped
    features: dict[str, str] = {}  # weights name -> key of the stored feature file
    reference_set: str = ""  # identity of the set that it was held against, where the spec names one
    reference_features: dict[str, str] = {}  # weights name -> key of that set's stored features
    features_made_in: dict[str, str] = {}  # weights name -> run id
    scoring: str = ""  # digest of what turned the features into scores; empty in older records
    scoring_code: str = ""  # the part of it that is the harness's own code, whatever metrics were asked for
    scheduler: dict[str, Any] = {}  # resolved: class name and full configuration, read from the loaded pipeline
    weights: dict[str, Any] = {}  # part -> {"place", "revision", "digest"}
    scores: list[Score] = []
    comparisons: list[Comparison] = []
    evidence: list[Evidence] = []  # of each optimization of the stack, found on the pipeline that made the pictures
    timing: Timing | None = None
    timing_key: str = ""
    timing_reason: str | None = None  # why there is no timing
    timing_failure: Failure | None = None  # what broke the timing pass, where something did
    memory: Memory | None = None
    notes: list[str] = []
    started_ms: int | None = None  # Unix milliseconds; what tracking replays
    finished_ms: int | None = None

    def batch_of(self, row_id: str) -> BatchRef | None:
        """The batch that a row's picture is of; ``None``: it was not made."""
        return next((batch for batch in self.batches if row_id in batch.rows), None)

    @property
    def timed_apart(self) -> int | None:
        """By how many of 255 levels a timed picture is off the quality pass's, where that is no rounding any more."""
        return self.beyond_rounding(self.timing.largest_pixel_difference) if self.timing is not None else None

    def beyond_rounding(self, levels: int | None) -> int | None:
        """A difference of so many levels between two makings of its pictures, where that is no rounding any more."""
        kinds = {OPTIMIZATIONS[one.name].kind for one in self.settings.optimizations}
        rough = self.settings.dtype != "float32" or bool(kinds & {"precision", "storage"})
        return levels if (levels or 0) > (_ROUNDED_ROUGHLY if rough else _ROUNDED) else None


Turns = Literal["call", "visit"]  # how two environments are timed in turns


class Pair(Frozen):
    """One side of two environments that made the same plan, timed in turns: which, and whose other half.

    ``id`` is of both. ``turns``: whether their workers of a round lived at once and took turns call by call, or came
    one after the other. ``installed``: every package of the environment → its version.
    """

    id: str
    side: Literal["a", "b"]
    other: str  # run id
    environment: str  # its name
    python: str
    turns: Turns = "visit"
    installed: dict[str, str] = {}


class RunRecord(Frozen):
    """One execution of one plan in one environment."""

    schema_version: int = SCHEMA_VERSION
    run_id: str
    name: str
    plan: Plan
    command: str
    started_ms: int
    finished_ms: int | None = None
    status: RunStatus = "running"
    environment: dict[str, Any] = {}  # hardware, versions, threads, git revision, governor, load …
    environment_digest: str = ""
    reused: dict[str, int] = {}  # stage -> results taken from the store
    made: dict[str, int] = {}  # stage -> results computed
    timed_calls: int = 0  # of the model, so far, in a timing pass that is not over
    calls_to_time: int = 0  # of the model, in that pass; 0 before it and after it
    resumed: int = 0  # how often the same command continued this run
    pair: Pair | None = None  # of `harness ab`
