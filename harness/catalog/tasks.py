"""The tasks: every cell of diffusers' guide as a row, and the versions that have it."""

from __future__ import annotations

from typing import Any, get_args

from harness.catalog.diffusers_table import table
from harness.catalog.types import Api, ModelRow, Pipelines, Task, TaskRow, Version

APIS: tuple[Api, ...] = get_args(Api)
_PRIOR_21, _PRIOR_22 = "KandinskyPriorPipeline", "KandinskyV22PriorPipeline"
_EMB2EMB = "KandinskyV22PriorEmb2EmbPipeline"
_ONLY_22 = "ControlNet was trained for Kandinsky 2.2 alone: name a model of that version"
_NO_PRIOR = "Kandinsky 3 has no prior: there are no image embeddings to mix"

TASKS: dict[Task, TaskRow] = {
    row.name: row
    for row in (
        TaskRow(name="text-to-image", part="decoder", inputs=(), knobs=(), refused={}, defaults={},
                pipelines={
                    "2.1": Pipelines(prior=_PRIOR_21, decoder="KandinskyPipeline",
                                     combined="KandinskyCombinedPipeline"),
                    "2.2": Pipelines(prior=_PRIOR_22, decoder="KandinskyV22Pipeline",
                                     combined="KandinskyV22CombinedPipeline"),
                    "3": Pipelines(prior=None, decoder=None, combined="Kandinsky3Pipeline"),
                },
                metrics=("clip_score", "frechet", "world_truth")),
        TaskRow(name="image-to-image", part="decoder", inputs=("image",), knobs=("strength",), refused={},
                defaults={"strength": 0.3},
                pipelines={
                    "2.1": Pipelines(prior=_PRIOR_21, decoder="KandinskyImg2ImgPipeline",
                                     combined="KandinskyImg2ImgCombinedPipeline"),
                    "2.2": Pipelines(prior=_PRIOR_22, decoder="KandinskyV22Img2ImgPipeline",
                                     combined="KandinskyV22Img2ImgCombinedPipeline"),
                    "3": Pipelines(prior=None, decoder=None, combined="Kandinsky3Img2ImgPipeline"),
                },
                metrics=("clip_score", "image_similarity")),
        TaskRow(name="inpainting", part="inpaint", inputs=("image", "mask"), knobs=(),
                refused={"3": "diffusers has no inpainting pipeline for Kandinsky 3"},
                defaults={"num_inference_steps": 150},
                pipelines={
                    "2.1": Pipelines(prior=_PRIOR_21, decoder="KandinskyInpaintPipeline",
                                     combined="KandinskyInpaintCombinedPipeline"),
                    "2.2": Pipelines(prior=_PRIOR_22, decoder="KandinskyV22InpaintPipeline",
                                     combined="KandinskyV22InpaintCombinedPipeline"),
                },
                metrics=("clip_inside", "outside_error", "edge_error")),
        TaskRow(name="interpolation", part="decoder", inputs=("mix",), knobs=("weights",), refused={"3": _NO_PRIOR},
                defaults={},
                pipelines={
                    "2.1": Pipelines(prior=_PRIOR_21, decoder="KandinskyPipeline", combined=None),
                    "2.2": Pipelines(prior=_PRIOR_22, decoder="KandinskyV22Pipeline", combined=None),
                },
                metrics=("mix_position",)),
        TaskRow(name="controlnet-depth-text-to-image", part="controlnet", inputs=("hint",), knobs=(),
                refused={"2.1": _ONLY_22, "3": _ONLY_22}, defaults={"num_inference_steps": 50},
                pipelines={"2.2": Pipelines(prior=_PRIOR_22, decoder="KandinskyV22ControlnetPipeline", combined=None)},
                metrics=("clip_score", "depth_agreement", "depth_error")),
        TaskRow(name="controlnet-depth-image-to-image", part="controlnet", inputs=("image", "hint"),
                knobs=("strength", "prior_strength"), refused={"2.1": _ONLY_22, "3": _ONLY_22},
                defaults={"num_inference_steps": 50, "strength": 0.5, "prior_strength": 0.85},
                pipelines={"2.2": Pipelines(prior=_EMB2EMB, decoder="KandinskyV22ControlnetImg2ImgPipeline",
                                            combined=None)},
                metrics=("clip_score", "image_similarity", "depth_agreement", "depth_error")),
    )
}  # fmt: skip

#: knobs of which only some tasks know, and those of a prior
SPECIAL = ("strength", "prior_strength", "weights")
OF_THE_PRIOR = ("prior_num_inference_steps", "prior_guidance_scale")


def pipelines_of(task: Task, version: Version) -> Pipelines:
    """The classes of a task that the version has; ``KeyError`` if it has none."""
    return TASKS[task].pipelines[version]


def default_api(version: Version) -> Api:
    """The guide's first form: two stages where there are two."""
    return "combined" if version == "3" else "two-stage"


def applies(knob: str, task: Task, version: Version) -> bool:
    """Whether a task of a version knows the knob at all."""
    if knob in OF_THE_PRIOR:
        return version != "3"
    return knob not in SPECIAL or knob in TASKS[task].knobs


def task_refusal(model: ModelRow, task: Task, api: Api) -> str | None:
    """Why a model cannot do a task in this form of the API, or ``None``."""
    row = TASKS[task]
    if model.version in row.refused:
        return row.refused[model.version]
    found = row.pipelines[model.version]
    if found.of(api) is None:
        if api == "two-stage":
            return "Kandinsky 3 has one stage and no prior: its form is `api: combined`"
        return f"diffusers has no combined pipeline for {task}: its form is `api: two-stage`"
    lacking = [part for part in parts_of(model, task) if part not in model.parts]
    return f"{model.name} has no {lacking[0]} part" if lacking else None


def parts_of(model: ModelRow, task: Task) -> tuple[Any, ...]:
    """The parts that a task loads: the prior where there is one, and the task's decoder."""
    found = TASKS[task].pipelines.get(model.version)
    return (("prior",) if found is not None and found.prior is not None else ()) + (TASKS[task].part,)


def defaults(task: Task, version: Version, api: Api) -> dict[str, Any]:
    """Knob → what the guide says, or else what diffusers' own pipeline takes when it is not given."""
    own, classes = table()["pipelines"], pipelines_of(task, version)
    if api == "combined" and version != "3":
        known = dict(own[classes.combined])
    else:
        prior = own[classes.prior] if classes.prior else {}
        known = {**own[classes.of(api)], **{f"prior_{knob}": prior[knob] for knob in prior if knob in _SHARED}}
        if classes.prior == _EMB2EMB:
            known["prior_strength"] = prior["strength"]
    return {**known, **TASKS[task].defaults}


_SHARED = ("num_inference_steps", "guidance_scale")
