"""Sweeps of schedulers and steps to report on: every difference, verdict and time is given, so the answer is known."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from support.report_runs import RunBuilder

from harness.catalog.types import Task
from harness.report.view import RunView, load_view
from harness.store.records import CellRecord, Comparison, Interval, Score

_JUDGED_BY = {"inpainting": "clip_inside", "image-to-image": "image_similarity"}


class SweepBuilder(RunBuilder):
    """A run whose cells differ in scheduler and steps (and model, and guidance), against DDIM at 50 steps."""

    def __init__(self, root: Path, **kwargs: Any) -> None:
        super().__init__(root, **{"prompts": 32, **kwargs})
        self.values: dict[str, list[float]] = {}
        self.plan_changes["compare_to"] = {"scheduler": "DDIM", "num_inference_steps": 50}

    def reference(self, *, latency: float | None = None, status: str = "done", **where: Any) -> str:
        """DDIM at 50 steps; ``where`` is its guidance and model."""
        return self.point("DDIM", 50, None, latency=latency, status=status, **where)

    def point(
        self,
        scheduler: str,
        steps: int,
        difference: float | None,
        verdict: str = "equivalent",
        *,
        spread: float = 0.2,
        guidance: float = 4,
        model: str = "mini-2.2",
        latency: float | None = None,
        latency_verdict: str = "improved",
        latency_reason: str | None = None,
        n_to_settle: int | None = None,
        distance: float | str | None = None,
        status: str = "done",
        is_solution: bool = False,
    ) -> str:
        """Add a cell whose CLIP score is, prompt by prompt, the reference's plus ``difference`` ± ``spread``.

        ``difference`` ``None`` is the reference; ``distance`` a number, or why there is none.
        """
        swept = {
            "model": model,
            "scheduler": scheduler + self.text,
            "num_inference_steps": steps,
            "guidance_scale": guidance,
        }
        versus = None if difference is None else self._id("DDIM", 50, guidance, model)
        values = [84.0 + i % 5 + (difference or 0.0) + spread * (-1) ** i for i in range(len(self.rows))]
        own = [84.0 + i % 5 for i in range(len(self.rows))] if difference is None else values
        self.cell(
            scheduler, steps, sum(own) / len(own), guidance=guidance, versus=versus, verdict=verdict,
            difference=difference or 0.0, n_to_settle=n_to_settle, latency=latency, latency_verdict=latency_verdict,
            status=status, swept=swept,
        )  # fmt: skip
        cell_id = self._id(scheduler, steps, guidance, model)
        self.values[cell_id] = own
        changes: dict[str, Any] = {"settings": self.records[-1].settings.model_copy(update={"model": model})}
        changes["is_reference"] = difference is None and not is_solution
        planned = {**changes, "id": cell_id, "is_converged": is_solution, "first": 4 if is_solution else None}
        self.cells[-1] = self.cells[-1].model_copy(update=planned)
        record = self.records[-1].model_copy(update={**changes, "cell_id": cell_id})
        self.records[-1] = self._with(record, distance, latency_reason)
        return cell_id

    def _id(self, scheduler: str, steps: int, guidance: float, model: str) -> str:
        known = f"{model}-{scheduler}-{steps}-g{guidance:g}"
        return re.sub(r"[^A-Za-z0-9._-]", lambda found: f"x{ord(found[0]):x}", known)

    def _with(self, record: CellRecord, distance: float | str | None, latency_reason: str | None) -> CellRecord:
        comparisons = [
            c.model_copy(update={"reason": latency_reason}) if c.metric == "latency" else c for c in record.comparisons
        ]
        scores = [*record.scores, self._distance(distance)] if distance is not None else record.scores
        return record.model_copy(update={"comparisons": comparisons, "scores": scores})

    def _distance(self, distance: float | str) -> Score:
        value, reason = (distance, None) if not isinstance(distance, str) else (None, distance)
        bounds = Interval(low=0.9 * value, high=1.1 * value, level=0.95, method="t") if value else None
        return Score(metric="converged_distance", name="converged_distance/250", value=value, unit="levels",
                     direction="lower", n=4, n_prompts=4, interval=bounds, reason=reason)  # fmt: skip

    def judged_besides(self, cell_id: str, metric: str, verdict: str) -> None:
        """Give a cell a verdict on one more metric."""
        at = next(n for n, record in enumerate(self.records) if record.cell_id == cell_id)
        record = self.records[at]
        more = Comparison(metric=metric, reference=record.reference or "", difference=0.0, interval=None, margin=0.05,
                          verdict=verdict, n=32)  # fmt: skip
        self.records[at] = record.model_copy(update={"comparisons": [*record.comparisons, more]})

    def of_task(self, at: int, task: Task) -> None:
        """Make a cell one of another task, with that task's own weights, and swept by it instead of by guidance."""
        record = self.records[at]
        swept = {k: v for k, v in record.swept.items() if k != "guidance_scale"} | {"task": task}
        known = {"swept": swept, "settings": record.settings.model_copy(update={"task": task})}
        self.cells[at] = self.cells[at].model_copy(update=known)
        if task == "inpainting":
            known["weights"] = {
                "prior": {"digest": "aaaa", "revision": None}, "inpaint": {"revision": "0123456789abcdef"},
            }  # fmt: skip
        self.records[at] = record.model_copy(update=known)

    def unjudged(self) -> None:
        """As in a run that was stopped before its comparisons."""
        self.records = [record.model_copy(update={"comparisons": []}) for record in self.records]

    def view(self, **kwargs: Any) -> RunView:
        """The run, saved and read again."""
        return load_view(*self.finish(**kwargs))

    def _image_rows(self, record: CellRecord) -> list[dict[str, Any]] | None:
        if record.status != "done":
            return None
        values = self.values[record.cell_id]
        metric = _JUDGED_BY.get(record.settings.task, "clip_score")
        return [
            {"row_id": row.id, "prompt_id": row.prompt_id, metric: value}
            for row, value in zip(self.rows, values, strict=True)
        ]


def usual(builder: SweepBuilder, *, timed: bool = True, **where: Any) -> SweepBuilder:
    """The usual case: DDIM holds from 16 steps, DPMSolverMultistep from 8, DDPM nowhere."""
    rows: list[tuple[str, int, float, str, float]] = [
        ("DDIM", 4, -9.0, "regressed", 0.08), ("DDIM", 8, -0.4, "inconclusive", 0.15),
        ("DDIM", 16, -0.1, "equivalent", 0.3),
        ("DPMSolverMultistep", 4, -12.0, "regressed", 0.09), ("DPMSolverMultistep", 8, 0.05, "equivalent", 0.16),
        ("DPMSolverMultistep", 16, 0.1, "equivalent", 0.31), ("DDPM", 4, -20.0, "regressed", 0.08),
        ("DDPM", 8, -5.0, "regressed", 0.15), ("DDPM", 16, -1.0, "regressed", 0.3),
    ]  # fmt: skip
    for scheduler, steps, difference, verdict, latency in rows:
        need = 90 if verdict == "inconclusive" else None
        builder.point(
            scheduler, steps, difference, verdict, latency=latency if timed else None, n_to_settle=need, **where
        )
    builder.reference(latency=1.0 if timed else None, **where)
    return builder


def crowded(builder: SweepBuilder) -> SweepBuilder:
    """Nine schedulers at five counts of steps, timed and near each other: as full as the shipped comparison."""
    names = ("DDIM", "DDPM", "EulerDiscrete", "EulerAncestralDiscrete", "HeunDiscrete", "DPMSolverMultistep",
             "DPMSolverMultistep(use_karras_sigmas=true)", "UniPCMultistep", "DEISMultistep")  # fmt: skip
    for name, worse in zip(names, (9, 20, 10, 14, 5, 6, 5, 3.5, 4), strict=True):
        for steps in (4, 6, 10, 16, 25):
            lost = worse * (4 / steps) ** 2.3
            verdict = "regressed" if lost > 0.75 else "inconclusive" if lost > 0.35 else "equivalent"
            seconds = 0.02 + 0.012 * steps * (2 if name == "HeunDiscrete" else 1) * (1 + worse / 200)
            builder.point(name, steps, -lost, verdict, spread=0.8, latency=seconds)
    builder.reference(latency=0.7)
    return builder


def of_two_tasks(builder: SweepBuilder) -> SweepBuilder:
    """Image-to-image and inpainting, judged by metrics that only one of them has."""
    builder.plan_changes["metrics"] = ("image_similarity", "clip_inside")
    builder.plan_changes["margins"] = {"image_similarity": 0.5, "clip_inside": 0.5}
    for guidance, task in ((4, "image-to-image"), (5, "inpainting")):
        builder.point("DDPM", 8, -0.1, guidance=guidance)
        builder.reference(guidance=guidance)
        for at in (-2, -1):
            builder.of_task(at, task)
    return builder
