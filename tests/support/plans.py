"""A plan as the planning stage would make it: schedulers × steps on the miniature."""

from __future__ import annotations

from harness.base import digest
from harness.catalog.types import ModelRow, Place
from harness.plan.types import (
    Cell,
    Forecast,
    InputRow,
    LoadGroup,
    Plan,
    Refusal,
    SchedulerChoice,
    Settings,
    StageCount,
    TimingPlan,
)

BATCH = 4
SIZE = 64
COLOURS = {"red": (214, 48, 49), "green": (39, 174, 96), "blue": (41, 98, 255), "yellow": (241, 196, 15)}
SCORER, EXTRACTOR = "mini-scorer", "mini-extractor"
_SHAPES = ("star", "square", "circle", "triangle")
_SCHEDULERS = ("DDIM", "DDPM", "DPMSolverMultistep", "UniPC")
_PRIOR = Place(kind="package", where="miniature/weights/mini-2.2/prior")
_DECODER = Place(kind="package", where="miniature/weights/mini-2.2/decoder")
MODEL = ModelRow(
    name="mini-2.2",
    version="2.2",
    parts={"decoder": _DECODER, "prior": _PRIOR},
    size_multiple=8,
    default_size=(SIZE, SIZE),
    default_dtype="float32",
    scorer=SCORER,
    extractor=EXTRACTOR,
    small=True,
    default_schedulers={"decoder": "DDIMScheduler"},
)


def make_plan(
    *, name: str = "which-scheduler", cells: int = 2, rows: int = 4, seeds: int = 1, timed: bool = True
) -> Plan:
    """A plan as the planning stage would make it: schedulers × steps on the miniature."""
    inputs, made = _rows(rows, seeds), tuple(_cell(place) for place in range(cells))
    text = f"name: {name}\nmodel: mini-2.2\nscheduler: [{', '.join(_SCHEDULERS[:cells])}]\nnum_inference_steps: 10\n"
    batches = -(-rows // BATCH)
    return Plan(
        name=name,
        question="Which scheduler is good in the fewest steps?",
        spec_path=f"experiments/{name}.yaml",
        spec_text=text,
        spec_digest=digest([text, cells, rows, seeds]),
        models={"mini-2.2": MODEL},
        assets={},
        rows=inputs,
        cells=made,
        groups=(
            LoadGroup(
                id="g1",
                model="mini-2.2",
                task="text-to-image",
                api="two-stage",
                dtype="float32",
                optimizations=(),
                cells=tuple(cell.id for cell in made),
            ),
        ),
        refused=(Refusal(swept={"scheduler": "EulerDiscrete"}, reason="works on another noise scale"),),
        compare_to={"scheduler": "DDIM"},
        margins={"clip_score": 0.3, "latency": "3%"},
        metrics=("clip_score", "frechet"),
        timing=TimingPlan(enabled=timed, repeats=3, rounds=2, warmups=1, batch=1),
        cell_timeout_s=None,
        device="auto",
        threads=None,
        resolved_defaults={"dtype": "float32", "guidance_scale": 4.0},
        forecast=Forecast(
            images=rows * cells,
            prior_model_calls=25 * rows,
            decoder_model_calls=10 * rows * cells,
            loads=1,
            stages=(StageCount(stage="images", uses=cells * batches, distinct=cells * batches),),
            seconds=12.0,
            disk_bytes=6_000 * rows * cells,
        ),
    )


def _rows(rows: int, seeds: int) -> tuple[InputRow, ...]:
    names = list(COLOURS)
    prompts = [
        f"a {names[i % 4]} {_SHAPES[i // 4 % 4]} on a grey background{f', number {i}' if i > 15 else ''}"
        for i in range(rows // seeds)
    ]
    return tuple(
        InputRow(id=f"p{i:03d}-s{seed}", prompt_id=f"p{i:03d}", prompt=prompt, negative_prompt=None, seed=seed)
        for i, prompt in enumerate(prompts)
        for seed in range(seeds)
    )


def _cell(place: int) -> Cell:
    scheduler, steps = _SCHEDULERS[place % 4], 10 * (1 + place // 4)
    settings = Settings(
        model="mini-2.2",
        task="text-to-image",
        api="two-stage",
        dtype="float32",
        height=SIZE,
        width=SIZE,
        guidance_scale=4.0,
        num_inference_steps=steps,
        prior_guidance_scale=4.0,
        prior_num_inference_steps=25,
        scheduler=SchedulerChoice(label=scheduler, class_name=f"{scheduler}Scheduler"),
        optimizations=(),
        batch_size=BATCH,
    )
    return Cell(
        id=_cell_id(place),
        label=f"{scheduler} · {steps} steps",
        settings=settings,
        swept={"scheduler": scheduler, "num_inference_steps": steps},
        group="g1",
        reference=None if place == 0 else _cell_id(0),
        is_reference=place == 0,
    )


def _cell_id(place: int) -> str:
    scheduler, steps = _SCHEDULERS[place % 4], 10 * (1 + place // 4)
    return f"{scheduler}-{steps}-{digest([scheduler, steps])[:6]}"
