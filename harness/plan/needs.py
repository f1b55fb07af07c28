"""What each task needs of the rows, and which rows lack it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from harness.catalog.tasks import TASKS
from harness.catalog.types import Api, Task
from harness.spec.types import ESTIMATE, InputRow

_HOW = {
    "image": "give each row an `image` under `inputs`",
    "mask": "give each row a `mask` under `inputs`",
    "hint": "give each row a `hint` under `inputs`: a map's file, or `estimate` beside an image",
    "mix": "give each row a `mix` of texts and images under `inputs`",
}


def rows_for(rows: Sequence[InputRow], task: Task, api: Api) -> tuple[InputRow, ...]:
    """The rows that a cell makes images of: all but those that are for another task or another form."""
    return tuple(row for row in rows if row.task in (None, task) and row.api in (None, api))


def needs_refusal(given: Sequence[InputRow], task: Task, api: Api, weights: tuple[float, ...] | None) -> str | None:
    """Why a task cannot be done with these rows, or ``None``: what the first row that lacks something lacks."""
    rows = rows_for(given, task, api)
    if given and not rows:
        return f"no row is for {task} in the form {api}: every row names another"
    for name in TASKS[task].inputs:
        lacking = [row for row in rows if not getattr(row, name)]
        if lacking:
            who = f"{lacking[0].id} has no {name}" if len(lacking) < len(rows) else "no row has one"
            article = "an" if name == "image" else "a"
            return f"{task} needs {article} {name}, and {who}: {_HOW[name]}"
    if task == "interpolation":
        return _weights_refusal(rows, weights)
    bare = [row for row in rows if row.prompt == "" and row.mix]
    return f"{task} needs a prompt, and {bare[0].id} has a mix only" if bare else None


def _weights_refusal(rows: Sequence[InputRow], weights: tuple[float, ...] | None) -> str | None:
    if weights is None:
        bare = [row for row in rows if row.weights is None]
        return f"{bare[0].id} has a mix without weights: give it `weights`, or sweep the knob" if bare else None
    odd = [row for row in rows if len(row.mix) != len(weights)]
    if not odd:
        return None
    things, there = len(odd[0].mix), len(weights)
    return (
        f"{odd[0].id} mixes {things} things, and {there} weights are given: a number stands for two things; "
        f"for {things} write a list in the list, such as [[{', '.join(['…'] * things)}]]"
    )


def used(row: InputRow, task: Task, weights: tuple[float, ...] | None) -> dict[str, Any]:
    """What of a row a task looks at, as JSON: a column that it does not need changes none of its results."""
    found: dict[str, Any] = {"prompt": row.prompt, "negative_prompt": row.negative_prompt, "seed": row.seed}
    for name in TASKS[task].inputs:
        value = getattr(row, name)
        found[name] = [item.model_dump() for item in value] if name == "mix" else value
    if row.hint == ESTIMATE and "hint" in TASKS[task].inputs:
        found["image"] = row.image  # whose depth is estimated
    if task == "interpolation":
        found["weights"] = list(weights or row.weights or ())
    return found


def assets_of(row: InputRow, task: Task) -> tuple[str, ...]:
    """Keys of the assets that a task looks at."""
    seen = used(row, task, None)
    keys = [seen.get("image"), seen.get("mask"), seen.get("hint"), *(item["image"] for item in seen.get("mix", []))]
    return tuple(dict.fromkeys(key for key in keys if key is not None and key != ESTIMATE))
