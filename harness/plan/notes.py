"""What a person should know of a plan that no number says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from harness.catalog.tasks import TASKS
from harness.catalog.types import Api, ModelRow, Task, Version
from harness.plan.needs import rows_for
from harness.plan.schedulers import scheduler_notes
from harness.plan.types import Cell, InputRow, Settings, TimingPlan
from harness.spec.types import ESTIMATE

_Holds = Callable[[Settings, Version], bool]

_OF_CELLS: tuple[tuple[_Holds, str], ...] = (
    (
        lambda s, version: (s.task, version) == ("image-to-image", "2.1"),
        "2.1's image-to-image noises its start with betas of its own (1e-4 to 0.02), not with the scheduler's: "
        "diffusers does so, and the pictures show it",
    ),
    (
        lambda s, version: (s.task, version) == ("image-to-image", "3"),
        "3's image-to-image takes no size: each picture is brought to the cell's size before",
    ),
    (
        lambda s, version: (s.task, version) == ("inpainting", "2.1"),
        "2.1's inpainting never puts the source back: what is outside the mask is painted anew",
    ),
)
_WITH_A_NEGATIVE_PROMPT: tuple[tuple[_Holds, str], ...] = (
    (
        lambda s, _: s.guidance_scale <= 1,
        "guidance_scale of 1 or less switches guidance off: a negative prompt does nothing there",
    ),
    (
        lambda s, version: (s.api, version) == ("combined", "2.1"),
        "2.1's combined pipelines hand the negative prompt to the prior alone; in two stages the decoder gets it too: "
        "the two forms differ there",
    ),
)


def notes_on(
    cells: Sequence[Cell], models: Mapping[str, ModelRow], rows: Sequence[InputRow], fewest: int, timing: TimingPlan
) -> tuple[str, ...]:
    """All notes, each once; ``fewest``: rows of the cell that has fewest."""
    pairs = [(cell.settings, models[cell.settings.model].version) for cell in cells]
    negative = any(row.negative_prompt for row in rows)
    owed = (*_OF_CELLS, *(_WITH_A_NEGATIVE_PROMPT if negative else ()))
    notes = [text for holds, text in owed if any(holds(settings, version) for settings, version in pairs)]
    notes += _unused(cells, rows)
    notes += _weights([settings for settings, _ in pairs], rows)
    notes += scheduler_notes(cells, models)
    notes += _both_forms([settings for settings, _ in pairs])
    if timing.enabled and timing.batch > fewest:
        notes.append(f"timing.batch is {fewest}: there are no more rows")
    return tuple(notes)


def _unused(cells: Sequence[Cell], rows: Sequence[InputRow]) -> list[str]:
    """What rows bring and no task of theirs looks at, so that nobody thinks it had a part in the pictures."""
    found: dict[str, list[str]] = {}
    for row in rows:
        tasks = dict.fromkeys(cell.settings.task for cell in cells if row in rows_for([row], *_of(cell)))
        taken = {name for task in tasks for name in TASKS[task].inputs}
        estimated = {"image"} if row.hint == ESTIMATE and "hint" in taken else set()
        for name in ("image", "mask", "hint", "mix"):
            if getattr(row, name) and name not in taken | estimated:
                found.setdefault(name, []).append(", ".join(tasks))
    return [
        f"{len(tasks)} of {len(rows)} rows bring {article} {name} and nothing looks at it: {tasks[0]} takes none"
        for name, tasks in found.items()
        for article in ["an" if name == "image" else "a"]
    ]


def _of(cell: Cell) -> tuple[Task, Api]:
    return cell.settings.task, cell.settings.api


def _weights(settings: Sequence[Settings], rows: Sequence[InputRow]) -> list[str]:
    """Of the knob: it comes before the rows' own weights, and is used as it is."""
    given = dict.fromkeys(one.weights for one in settings if one.weights is not None)
    off = [weights for weights in given if abs(sum(weights) - 1) > 1e-6]
    odd = [f"the weights {list(one)} sum to {sum(one):g}, not 1, and are used as they are" for one in off]
    over = ["the spec's `weights` stand in for those of its rows"] if given and any(row.weights for row in rows) else []
    return [*odd, *over]


def _both_forms(settings: Sequence[Settings]) -> list[str]:
    """Where a default is one number in two stages and another combined: diffusers' forms do not always agree."""
    scales: dict[tuple[str, str], dict[str, set[float]]] = {}
    for one in settings:
        forms = scales.setdefault((one.model, one.task), {})
        forms.setdefault(one.api, set()).add(one.guidance_scale)
    return [
        f"{model}, {task}: the two forms' guidance differs here ({_told(forms)}), as diffusers' own defaults do"
        for (model, task), forms in scales.items()
        if len(forms) > 1 and forms["two-stage"] != forms["combined"]
    ]


def _told(forms: Mapping[str, set[float]]) -> str:
    return ", ".join(f"{api} {', '.join(f'{scale:g}' for scale in sorted(found))}" for api, found in forms.items())


def unheld(cells: Sequence[Cell], *, compared: bool) -> list[str]:
    """That optimizations are swept and nothing is held against anything: the audit needs to know what with."""
    if compared or len({cell.settings.optimizations_label for cell in cells}) < 2:
        return []
    return [
        "optimizations are swept and `compare_to` names no reference: no speed-up and no change of the pictures will "
        "be told; `compare_to: {optimizations: none}` names one, `compare_to: first-that-fits` takes the first that "
        "does not fail"
    ]


def alone(cells: Sequence[Cell], refused: int) -> str | None:
    """That one cell is left of several; ``None`` where there is something to compare, or nothing else was asked for.

    ``refused``: combinations that were left out.
    """
    if len(cells) > 1 or not refused:
        return None
    out = "1 combination is" if refused == 1 else f"{refused} combinations are"
    return f"only one cell is left ({out} left out, below): there is nothing to compare"
