"""What ``show_code`` prints is run in a process of its own and gives the harness's pixels, to the bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pipelines.test_pipelines_guide import TICKS, pictures_of
from tiny_kandinsky import make_inputs, make_rows, make_settings

from harness.catalog.types import Place
from harness.pipelines.code import show_code
from harness.pipelines.inputs import Inputs
from harness.pipelines.load import Loaded
from harness.pipelines.schedulers import build_scheduler
from harness.plan.types import SchedulerChoice

CASES: dict[str, tuple[SchedulerChoice, Any]] = {
    "the model's own": (SchedulerChoice(label="model default", class_name=None), None),
    "DDPM": (SchedulerChoice(label="DDPM", class_name="DDPMScheduler"), "blurry"),
    "DPM-Solver++ with an override": (
        SchedulerChoice(label="d", class_name="DPMSolverMultistepScheduler", config={"use_karras_sigmas": True}),
        ["blurry", None, "dark"],
    ),
    "Euler in the adapter": (SchedulerChoice(label="e", class_name="EulerDiscreteScheduler"), None),
    "EDM's, on the model's noise": (SchedulerChoice(label="e", class_name="EDMEulerScheduler"), None),
    "noise in DDIM's steps": (
        SchedulerChoice(label="d", class_name="DDIMScheduler", step={"eta": 0.5}), ["dark", None],
    ),
    "a Brownian path for each picture": (SchedulerChoice(label="s", class_name="DPMSolverSDEScheduler"), None),
}  # fmt: skip
#: Where a start in the middle asks most of the adapter.
STARTS = [
    ("2.1", "image-to-image", "two-stage", "HeunDiscreteScheduler"),
    ("2.1", "image-to-image", "combined", "EulerDiscreteScheduler"),
    ("2.2", "controlnet-depth-image-to-image", "two-stage", "PNDMScheduler"),
    ("2.2", "inpainting", "combined", "KDPM2DiscreteScheduler"),
    ("3", "image-to-image", "combined", "LMSDiscreteScheduler"),
]


def save_inputs(inputs: Inputs, folder: Path) -> dict[str, dict[str, Path]]:
    """Every picture and hint as a PNG file."""
    folder.mkdir()
    files: dict[str, dict[str, Path]] = {"pictures": {}, "hints": {}}
    for kind, group in (("pictures", inputs.pictures), ("hints", inputs.hints)):
        for key, picture in group.items():
            files[kind][key] = folder / f"{kind}-{key}.png"
            picture.save(files[kind][key])
    return files


def cases() -> list[tuple[Any, Any, Any, dict[str, Any], Any]]:
    """Version, task, form, changed settings, negative prompts."""
    ticks = [(*tick, {}, ["blurry", None]) for tick in TICKS]
    plain = [("2.1", "text-to-image", "two-stage", {}, None), ("3", "text-to-image", "combined", {}, None)]
    schedulers = [
        ("2.2", "text-to-image", api, {"scheduler": choice}, negative)
        for api, (choice, negative) in zip(cycle(("two-stage", "combined")), CASES.values(), strict=False)
    ]
    schedulers += [
        (version, task, api, {"scheduler": SchedulerChoice(label=name, class_name=name)}, None)
        for version, task, api, name in STARTS
    ]
    oblong = [("2.2", "image-to-image", "two-stage", {"height": 128}, None), ("3", "image-to-image", "combined",
              {"height": 128}, None), ("2.2", "inpainting", "combined", {"width": 128}, "blurry")]  # fmt: skip
    weights = [("2.2", "interpolation", "two-stage", {"weights": (0.5, 0.5, 0.0)}, None)]
    return [*ticks, *plain, *schedulers, *oblong, *weights]


@pytest.mark.slow
def test_the_printed_code_makes_the_same_pixels(loaded_for: Callable[..., Loaded], tmp_path: Path) -> None:
    """Every task of every version in every form, in one process: importing diffusers is what takes the time.

    The inputs have another size than the pictures: all but 2.x's pictures are resized on the way.
    """
    inputs = make_inputs(64, 96)
    files = save_inputs(inputs, tmp_path / "inputs")
    script, expected = "import os\n", {}
    for number, (version, task, api, changes, negative) in enumerate(cases()):
        loaded, settings = loaded_for(version, task, api), make_settings(version, task, api, **changes)
        rows = make_rows(2 if not isinstance(negative, list) else len(negative), negative, task)
        expected[number] = pictures_of(loaded, settings, rows, inputs)
        known = build_scheduler(loaded, settings.scheduler, strength=settings.strength)[1]
        (tmp_path / str(number)).mkdir()
        script += f"os.chdir({str(tmp_path / str(number))!r})\n"
        script += show_code(settings, loaded.model, rows, known, threads=1, **files)
    (tmp_path / "shown.py").write_text(script)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "shown.py")]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    for number, pictures in expected.items():
        made = [np.asarray(Image.open(path)) for path in sorted((tmp_path / str(number)).glob("*.png"))]
        assert np.array_equal(np.stack(made), pictures), cases()[number]


@pytest.mark.parametrize(("version", "task", "api"), TICKS)
def test_the_code_of_every_task_is_python_before_anything_was_made(version: Any, task: Any, api: Any) -> None:
    from tiny_kandinsky import row_of

    files = {
        "pictures": {f"{kind}-{i}": Path(f"{kind}-{i}.png") for kind in ("image", "mask") for i in range(4)},
        "hints": {row.id: Path("depth.png") for row in make_rows(2)},
    }
    settings, rows = make_settings(version, task, api), make_rows(2, ['it\'s "so"', None], task)
    code = show_code(settings, row_of(Path("/m"), version), rows, {}, **files)
    compile(code, "shown", "exec")
    assert "harness" not in code and all(len(line) < 200 for line in code.splitlines())


@pytest.mark.parametrize("negative", [None, "blurry", ["a", None]])
@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("choice", [choice for choice, _ in CASES.values()], ids=list(CASES))
def test_the_code_is_python_and_names_no_harness(
    tiny: Loaded,
    settings_of: Callable[..., Any],
    rows_of: Callable[..., Any],
    choice: SchedulerChoice,
    known: bool,
    negative: Any,
) -> None:
    record = build_scheduler(tiny, choice)[1] if known else {}
    code = show_code(settings_of(scheduler=choice), tiny.model, rows_of(2, negative), record)
    compile(code, "shown", "exec")
    assert "harness" not in code and "KandinskyV22PriorPipeline" in code
    assert ("class KandinskyScheduler" in code) == (choice.class_name is not None and build_scheduler(
        tiny, choice)[1]["adapter"] is not None)  # fmt: skip
    assert all(len(line) < 200 for line in code.splitlines())


def test_a_hub_model_is_shown_by_name_and_revision(
    tiny: Loaded, settings_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    hub = Place(kind="hub", where="kandinsky-community/kandinsky-2-2-decoder", revision="abc", variant="fp16")
    model = tiny.model.model_copy(update={"parts": {**tiny.model.parts, "decoder": hub}})
    code = show_code(settings_of(dtype="float16"), model, rows_of(1), {}, device="cuda:0")
    assert '"kandinsky-community/kandinsky-2-2-decoder", revision="abc", variant="fp16", dtype=torch.float16' in code
    assert '.to("cuda:0")' in code


def test_a_scheduler_from_a_subfolder_is_shown_as_the_guide_loads_it(
    tiny: Loaded, settings_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    choice = SchedulerChoice(label="DDPM", class_name="DDPMScheduler", subfolder="ddpm_scheduler")
    code = show_code(settings_of(scheduler=choice), tiny.model, rows_of(1), {})
    assert "pipeline.scheduler = DDPMScheduler.from_pretrained(" in code and 'subfolder="ddpm_scheduler"' in code
