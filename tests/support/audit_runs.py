"""Runs of optimizations to report on: every time, picture and piece of evidence is given, so the answer is known."""

from __future__ import annotations

import hashlib
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from PIL import Image
from support.report_runs import RUN_ID, RunBuilder

from harness.catalog.types import OptimizationChoice
from harness.plan.select import UNAVAILABLE
from harness.plan.types import Cell, Refusal, SchedulerChoice, Settings
from harness.report.optimizations.divergence import STAGE
from harness.report.view import RunView, load_view
from harness.store.disturbed import Disturbed
from harness.store.measured import drift_words
from harness.store.records import (
    BatchRef,
    Beside,
    CellRecord,
    Comparison,
    Evidence,
    Failure,
    Interval,
    Memory,
    Score,
    Stages,
    Timing,
)

NOTHING = "none"
_EXTRACTOR = "mini-extractor"
_MIB = 2**20
_MADE = "2026-11-23T09:00:00+00:00"


@dataclass(frozen=True)
class Spec:
    """What a cell is made of; each number is what the report must say.

    ``ratios``: visit by visit, how much faster than a second an image. ``off``: levels that every pixel is moved by.
    ``clipped``: share of the pixels that are set to 255. ``drift``: relative distance of the latents at the last step.
    ``costs``: the verdicts on "latency" and "peak_memory", none where none was asked for. ``moved``: by what share the
    machine drifted while it was timed. ``why``: a reason why the latency is open, beside the drift.
    """

    stack: str = NOTHING
    options: dict[str, str | bool] = field(default_factory=dict)
    dtype: str = "float32"
    model: str = "mini-2.2"
    task: str = "text-to-image"
    ratios: Sequence[float] | None = (1.0, 1.0, 1.0)
    beside: Sequence[float] | None = None  # the same of the reference, as it was called in turn with the cell
    outcome: str | None = "applied"
    observed: str = "as it was asked for"
    part: str = "unet"
    timed_outcome: str | None = None
    off: int = 0
    clipped: float = 0.0
    verdict: str | None = "equivalent"
    costs: dict[str, str] = field(default_factory=dict)
    moved: float = 0.004
    why: str | None = None
    first_s: float | None = 1.4
    peaks_mib: Sequence[float] = (100.0, 100.0, 100.0)
    drift: float = 0.0
    side: int = 64
    energy_j: float | None = None
    disturbances: Sequence[str] = ()
    timing_reason: str | None = None
    timing_failure: Failure | None = None
    reserved_mib: Sequence[float] | None = None  # on a device, where ``peaks_mib`` are allocated
    used_mib: float | None = None
    missing: dict[str, str] = field(default_factory=dict)  # readings that nobody gave while it was timed
    failure: Failure | None = None
    status: str = "done"


class AuditBuilder(RunBuilder):
    """A run whose cells differ in their stack, their dtype, and what else a ``Spec`` says."""

    def __init__(self, root: Path, **kwargs: Any) -> None:
        super().__init__(root, **{"prompts": 8, **kwargs})
        self.plan_changes["compare_to"] = {"optimizations": NOTHING}
        self.plan_changes["name"] = "optimization-audit"
        self.plan_changes["question"] = f"Which optimization helps, and does it change the pictures?{self.text}"
        self.plan_changes["refused"] = ()

    def reference(self, **known: Any) -> str:
        """The cell without an optimization."""
        return self.add(**known)

    def add(self, stack: str = NOTHING, *, versus: str | None = "", **known: Any) -> str:
        """Add a cell. ``versus``: its reference's id; "" is the first cell of its model and task."""
        spec = Spec(stack, **known)
        settings = _settings(spec)
        cell_id = f"{spec.model}-{spec.task}-{spec.dtype}-{settings_label(settings)}"
        cell_id = "".join(c if c.isalnum() or c in ".-" else "_" for c in cell_id)
        reference = self._first_of(spec) if versus == "" else versus
        swept = {"model": spec.model, "task": spec.task, "dtype": spec.dtype, "optimizations": settings_label(settings)}
        label = " · ".join(map(str, swept.values()))
        about = {"settings": settings, "swept": swept, "label": label, "reference": reference}
        about["is_reference"] = reference is None
        self.cells.append(Cell(id=cell_id, group="g", **about))
        record = {"run_id": RUN_ID, "cell_id": cell_id, "status": spec.status, **about}
        if spec.failure is not None:
            record |= {"status": "failed", "failure": spec.failure}
        elif spec.status == "done":
            record |= self._made(spec, cell_id, settings, reference)
        self.records.append(CellRecord(**record))
        return cell_id

    def _first_of(self, spec: Spec) -> str | None:
        same = (c.id for c in self.cells if (c.settings.model, c.settings.task) == (spec.model, spec.task))
        return next(same, None)

    def _made(self, spec: Spec, cell_id: str, settings: Settings, reference: str | None) -> dict[str, Any]:
        pictures = {row.id: _picture(n, spec) for n, row in enumerate(self.rows)}
        key = hashlib.sha256(cell_id.encode()).hexdigest()
        self.store.put("images", key, _archive(pictures))
        sums = [hashlib.sha256(png).hexdigest() for png in pictures.values()]
        batch = BatchRef(key=key, rows=list(pictures), image_sha256=sums, made_in=RUN_ID, made_at=_MADE, reused=False)
        evidence = _evidence(spec, settings, spec.outcome)
        lost = spec.timing_failure.reason if spec.timing_failure else spec.timing_reason
        timed = spec.ratios is not None and lost is None
        return {
            "batches": [batch],
            "features": {_EXTRACTOR: self._features(cell_id, spec)},
            "scores": [self._clip(spec)],
            "comparisons": _comparisons(spec, reference, len(self.rows)),
            "evidence": evidence,
            "timing": self._timing(spec, settings, cell_id, reference) if timed else None,
            "timing_key": cell_id if timed else "",
            "timing_reason": None if timed else lost or "the spec turns timing off",
            "timing_failure": spec.timing_failure,
            "memory": _memory(spec) if timed else None,
            "scheduler": {"class_name": "DDIMScheduler"},
            "weights": {"decoder": {"place": "package", "revision": None, "digest": "abcd1234"}},
            "finished_ms": 1795515300000,
        }

    def _features(self, cell_id: str, spec: Spec) -> str:
        key = hashlib.sha256(f"features {cell_id}".encode()).hexdigest()
        turned = np.full((len(self.rows), 2), (1.0, 0.01 * spec.off), dtype=np.float32)
        self.store.put("features", key, safetensors.numpy.save({"features": turned}))
        return key

    def _clip(self, spec: Spec) -> Score:
        bounds = Interval(low=83.0, high=85.0, level=0.95, method="studentized bootstrap over prompts")
        n = len(self.rows)
        return Score(metric="clip_score", name="clip_score/mini-scorer-1a2b", value=84.0, unit="points",
                     direction="higher", n=n, n_prompts=n, interval=bounds)  # fmt: skip

    def _timing(self, spec: Spec, settings: Settings, cell_id: str, reference: str | None) -> Timing:
        assert spec.ratios is not None
        jitter = (0.999, 1.0, 1.001)
        steady, beside = ([wobble / ratio for ratio in ratios for wobble in jitter]
                          for ratios in (spec.ratios, spec.beside or ()))  # fmt: skip
        rounds = [visit for visit in range(len(spec.ratios)) for _ in jitter]
        besides = Beside(timing_key=reference or "", steady_s=beside, round_of_call=rounds) if beside else None
        middle = float(np.median(steady))
        found = _evidence(spec, settings, spec.timed_outcome or spec.outcome)
        return Timing(
            load_s=[0.8] * len(spec.ratios), steady_s=steady,
            first_call_s=[spec.first_s] * len(spec.ratios) if spec.first_s is not None else [],
            round_of_call=rounds, beside=besides, prior_s=[0.1] * len(steady),
            batch=1, latency_s=middle, throughput_images_per_s=1 / middle, drift=spec.moved,
            latency_interval=Interval(low=0.97 * middle, high=1.03 * middle, level=0.95, method="order statistics"),
            images_match_quality_pass=True, largest_pixel_difference=0, measured_in=RUN_ID,
            measured_at="2026-11-24T10:20:00+00:00", stages=self._stages(spec, cell_id, middle),
            evidence=found, disturbances=list(spec.disturbances), energy_j=spec.energy_j,
            disturbed=Disturbed(seconds=1.0, missing=spec.missing) if spec.missing else None,
            energy_reason=None if spec.energy_j else "a processor has no NVML",
        )  # fmt: skip

    def _stages(self, spec: Spec, cell_id: str, middle: float) -> Stages:
        steps = 10
        latents = np.ones((steps, 4, 8, 8), dtype=np.float32)
        for step in range(steps):
            latents[step] *= 1 + spec.drift * (step + 1) / steps
        key = hashlib.sha256(f"latents {cell_id}".encode()).hexdigest()
        self.store.put(STAGE, key, safetensors.numpy.save({"latents": latents}))
        return Stages(prior_s=0.1 * middle, steps_s=[0.08 * middle] * steps, decode_s=0.1 * middle, latents_key=key)

    def unavailable(self, stack: str, reason: str) -> None:
        """A stack that is refused with that reason."""
        refusal = Refusal(swept={"optimizations": stack + self.text}, reason=reason + self.text)
        self.plan_changes["refused"] = (*self.plan_changes["refused"], refusal)

    def _image_rows(self, record: CellRecord) -> list[dict[str, Any]] | None:
        if record.status != "done":
            return None
        moved = 0.02 if record.reference else 0.0
        return [
            {"row_id": row.id, "prompt_id": row.prompt_id, "clip_score": 84.0 + n % 3 + moved * (-1) ** n}
            for n, row in enumerate(self.rows)
        ]

    def view(self, **kwargs: Any) -> RunView:
        """The run, saved and read again."""
        return load_view(*self.finish(**kwargs))


def settings_label(settings: Settings) -> str:
    """The stack as tables have it."""
    return "+".join(choice.label for choice in settings.optimizations) or NOTHING


def _settings(spec: Spec) -> Settings:
    names = [] if spec.stack == NOTHING else spec.stack.split("+")
    choices = tuple(OptimizationChoice(name=n, options=spec.options if n == names[-1] else {}) for n in names)
    return Settings(
        model=spec.model, task=spec.task, api="two-stage", dtype=spec.dtype, height=spec.side, width=spec.side,
        guidance_scale=4.0, num_inference_steps=10, prior_guidance_scale=4.0, prior_num_inference_steps=25,
        scheduler=SchedulerChoice(label="DDIM", class_name="DDIMScheduler"), optimizations=choices, batch_size=8,
    )  # fmt: skip


def _evidence(spec: Spec, settings: Settings, outcome: str | None) -> list[Evidence]:
    """All of the stack applied, its last as the ``Spec`` says."""
    if outcome is None or not settings.optimizations:
        return []
    *before, last = settings.optimizations
    found = [
        Evidence(requested=c.label, part="unet", observed="as it was asked for", proof="looked at", outcome="applied")
        for c in before
    ]
    return [*found, Evidence(requested=last.label, part=spec.part, observed=spec.observed,
                             proof="the processors of every attention block", outcome=outcome)]  # fmt: skip


def _comparisons(spec: Spec, reference: str | None, n: int) -> list[Comparison]:
    if reference is None:
        return []
    bounds = Interval(low=-0.1, high=0.1, level=0.9, method="studentized bootstrap over prompts")
    known = {"reference": reference, "difference": 0.0, "interval": bounds, "n": n}
    quality = {} if spec.verdict is None else {"clip_score": spec.verdict}
    margins = {"clip_score": 0.3, **dict.fromkeys(spec.costs, 0.05)}
    return [
        Comparison(
            metric=metric, margin=margins[metric], verdict=verdict, reason=_reason(spec, metric, verdict), **known
        )
        for metric, verdict in {**quality, **spec.costs}.items()
    ]


def _reason(spec: Spec, metric: str, verdict: str) -> str | None:
    if metric != "latency" or verdict != "inconclusive":
        return None
    moved = drift_words(spec.moved, 0.05) if spec.moved > 0.05 else None
    return "; ".join(filter(None, (spec.why, moved))) or None


def _memory(spec: Spec) -> Memory:
    peaks = [round(peak * _MIB) for peak in spec.peaks_mib]
    if spec.reserved_mib is not None:
        reserved = [round(peak * _MIB) for peak in spec.reserved_mib]
        used = round(spec.used_mib * _MIB) if spec.used_mib else None
        return Memory(peak_bytes=max(peaks), kind="device-allocated", visit_peaks_bytes=peaks, used_bytes=used,
                      reserved_bytes=max(reserved), visit_reserved_bytes=reserved)  # fmt: skip
    return Memory(peak_bytes=max(peaks), kind="resident-over-idle", idle_bytes=400 * _MIB, visit_peaks_bytes=peaks)


def _picture(number: int, spec: Spec) -> bytes:
    """A square on a ground, moved by ``off`` levels, with its first rows clipped."""
    pixels = np.full((spec.side, spec.side, 3), (90 + 10 * (number % 8), 120, 60), dtype=np.int16)
    pixels[16:48, 16:48] = (200, 80, 40 + 20 * (number % 5))
    pixels[8:56, 8:56] += spec.off if number % 2 == 0 else 0
    pixels[: round(spec.clipped * spec.side)] = 255
    with io.BytesIO() as out:
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(out, "PNG")
        return out.getvalue()


def _archive(pictures: dict[str, bytes]) -> bytes:
    with io.BytesIO() as out:
        with zipfile.ZipFile(out, "w") as archive:
            for row_id, png in pictures.items():
                archive.writestr(f"{row_id}.png", png)
        return out.getvalue()


OUT_OF_MEMORY = Failure(
    kind="out-of-memory", reason="The device ran out of memory (wanted 2.00 GiB beside 14.1 GiB).", do="Lower `size`."
)


def usual(builder: AuditBuilder, **where: Any) -> AuditBuilder:
    """A usual audit: a compile that pays, a no-op, an A/A pair, a ladder, a cell that ran out of memory."""
    builder.reference(**where)
    builder.add("again", ratios=(0.99, 1.004, 1.0), outcome=None, **where)
    seen = f"the processors were these already{builder.text}"
    builder.add("sdpa", ratios=(1.004, 0.997, 1.001), outcome="no-op", observed=seen, **where)
    builder.add("channels-last", ratios=(1.05, 1.06, 1.055), off=1, drift=1e-5, **where)
    builder.add("compile", ratios=(1.30, 1.32, 1.34), off=2, first_s=52.0, drift=1e-4, **where)
    builder.add("channels-last+compile", ratios=(1.40, 1.44, 1.42), off=2, first_s=60.0, drift=2e-4, **where)
    builder.add("compile", options={"assign": "combined"}, ratios=(1.001, 0.998, 1.0), outcome="no-op",
                observed="decoder_pipe.unet, which runs, is not compiled", **where)  # fmt: skip
    builder.add("attention-slicing", ratios=(0.9, 0.91, 0.905), peaks_mib=(70.0, 71.0, 70.5), off=1, **where)
    lost = OUT_OF_MEMORY.model_copy(update={"reason": OUT_OF_MEMORY.reason + builder.text})
    builder.add("plain-attention", failure=lost, **where)
    builder.unavailable(
        "xformers", f"{UNAVAILABLE}, because xFormers' kernels are written for CUDA, and this machine has none"
    )
    builder.unavailable("sdpa+plain-attention", "each puts its own processor in the other's place")
    return builder
