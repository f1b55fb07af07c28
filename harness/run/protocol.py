"""What the parent asks of a worker process and what it answers: one JSON object a line, over a pair of pipes.

The parent owns the plan, the clock and the records; a worker owns nothing but what it has loaded. Any worker may
die at any time. Requests carry an ``id``; replies repeat it and come in the order of the requests.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from harness.base import Frozen
from harness.catalog.types import ModelRow, Task, WeightsRow
from harness.plan.types import InputRow, LoadGroup, ReferenceSet, Settings
from harness.store.disturbed import Disturbed
from harness.store.records import Evidence, Failure, Stages


class Hello(Frozen):
    """Import everything, choose the device, pin the threads. Answer: ``HelloDone``."""

    op: Literal["hello"] = "hello"
    store: str
    device: str  # "cpu", "cuda:0", "mps"
    threads: int
    uses: Literal["pipelines", "scorers"] = "pipelines"  # what to import now; the rest is imported when it is needed


class HelloDone(Frozen):
    """The environment as torch sees it."""

    environment: dict[str, Any]
    idle_bytes: int


class Describe(Frozen):
    """Say what is installed where this worker runs. Answer: ``DescribeDone``."""

    op: Literal["describe"] = "describe"
    packages: tuple[str, ...]  # whose builds are wanted


class DescribeDone(Frozen):
    """Every installed package's version, the wanted ones' builds, and diffusers' table as the catalog keeps it."""

    installed: dict[str, str]
    identities: dict[str, str | None]
    table: dict[str, Any]


class Load(Frozen):
    """Load the pipelines of a group (dropping what was loaded). Answer: ``LoadDone``."""

    op: Literal["load"] = "load"
    group: LoadGroup
    model: ModelRow
    cold: bool = False  # compile without what was compiled before, so that a first call is one


class LoadDone(Frozen):
    """How long it took, and the model's own scheduler configuration."""

    load_s: float
    default_scheduler: dict[str, Any]


class Hints(Frozen):
    """Depth that is to be estimated: by whom, and for each row the key of its result (``None``: nothing for this row).

    What the store has is not estimated again.
    """

    estimator: WeightsRow | None = None
    keys: tuple[str | None, ...] = ()  # none at all: nothing is estimated
    fresh: bool = False  # read no stored result but this worker's own


class Make(Frozen):
    """Make one batch of images: the prior (from the store if ``prior_key`` is there), then the decoder; store both.

    ``made_in`` (run id) goes into the ZIP's archive comment as JSON ``{"made_in", "made_at", "scheduler", "seconds",
    "prior_made_in", "truncated", "evidence"}`` (``made_at`` ISO 8601 UTC; ``truncated`` for each row: text encoder →
    the words that it dropped; ``evidence`` of each optimization), so that a later run that reuses the pictures can say
    whose they are and what made them.
    """

    op: Literal["make"] = "make"
    settings: Settings
    rows: tuple[InputRow, ...]
    hints: Hints = Hints()
    prior_key: str | None  # None: the prior's result is nobody else's
    images_key: str
    made_in: str
    fresh: bool = False  # read no stored prior


class MakeDone(Frozen):
    """What was stored."""

    image_sha256: list[str]
    prior_reused: bool
    scheduler: dict[str, Any]  # class name and full configuration as used
    seconds: float
    evidence: list[Evidence] = []


class Time(Frozen):
    """Time one cell: ``warmups`` untimed calls, then ``repeats`` timed ones of the first ``batch`` rows.

    Before warm-ups memory is given back. What only a first call needs, a compiler's memory above all, is given back
    after them: one more untimed call of a compiled cell then fetches what a steady one takes.
    """

    op: Literal["time"] = "time"
    settings: Settings
    rows: tuple[InputRow, ...]
    hints: Hints = Hints()
    warmups: int
    repeats: int
    images_key: str | None  # of the quality pass's batch that holds these rows, to compare the pictures with


class TimeDone(Frozen):
    """Seconds of each call, the first one apart; device memory and what disturbed are of the timed calls alone."""

    first_call_s: float | None  # of this request, warm-up or not
    steady_s: list[float]
    prior_s: list[float]
    peak_device_bytes: int | None  # allocated
    reserved_device_bytes: int | None
    used_device_bytes: int | None = None  # of the whole device, when the calls had ended
    largest_pixel_difference: int | None
    disturbed: Disturbed | None = None


class Watch(Frozen):
    """One instrumented call of a cell that is loaded and warm. Answer: ``WatchDone``."""

    op: Literal["watch"] = "watch"
    settings: Settings
    rows: tuple[InputRow, ...]
    hints: Hints = Hints()
    latents_key: str = ""  # where the latents of its steps go; "": nowhere


class WatchDone(Frozen):
    """Where its seconds went, and what each optimization of the stack came to."""

    stages: Stages
    evidence: list[Evidence] = []
    energy_j: float | None = None  # for each image, over a block of calls
    energy_reason: str | None = None  # why it is not known


class Extract(Frozen):
    """Features of stored images: one stored file for each weights. Answer: ``ExtractDone``."""

    op: Literal["extract"] = "extract"
    weights: WeightsRow
    image_keys: tuple[str, ...]
    converged_keys: tuple[str, ...] = ()  # of what the first of the images would become; none: nothing to hold against
    task: Task
    rows: tuple[InputRow, ...]  # one for each image: what it is held against
    hints: Hints = Hints()
    features_key: str
    made_in: str = ""  # run id; kept with the features


class ExtractSet(Frozen):
    """Features of a reference set's pictures under one network. Answer: ``ExtractDone``.

    ``content``: the digest that a folder's pictures must have; ``None`` for what is drawn.
    """

    op: Literal["extract-set"] = "extract-set"
    weights: WeightsRow
    asked: ReferenceSet
    content: str | None
    features_key: str
    made_in: str = ""


class ExtractDone(Frozen):
    """``seconds`` the extraction took."""

    seconds: float


class Bye(Frozen):
    """Leave."""

    op: Literal["bye"] = "bye"


Request = Hello | Describe | Load | Make | Time | Watch | Extract | ExtractSet | Bye
Answer = HelloDone | DescribeDone | LoadDone | MakeDone | TimeDone | WatchDone | ExtractDone


class Envelope(Frozen):
    """One line from the parent."""

    id: int
    request: Annotated[Request, Field(discriminator="op")]


class Reply(Frozen):
    """An answer, or the reason there is none."""

    id: int
    answer: dict[str, Any] | None = None
    failure: Failure | None = None
