"""What ``show_code`` prints is run in a process of its own and gives the harness's pixels, to the bit."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from harness.catalog.types import Place
from harness.pipelines.code import show_code
from harness.pipelines.load import Loaded
from harness.pipelines.schedulers import build_scheduler
from harness.pipelines.text_to_image import run_decoder, run_prior
from harness.plan.types import SchedulerChoice

CASES: dict[str, tuple[SchedulerChoice, Any]] = {
    "the model's own": (SchedulerChoice(label="model default", class_name=None), None),
    "DDPM": (SchedulerChoice(label="DDPM", class_name="DDPMScheduler"), "blurry"),
    "DPM-Solver++ with an override": (
        SchedulerChoice(label="d", class_name="DPMSolverMultistepScheduler", config={"use_karras_sigmas": True}),
        ["blurry", None, "dark"],
    ),
}


def _run(code: str, folder: Path) -> list[Any]:
    """Run ``code`` where it may save its pictures."""
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, timeout=300)
    return [np.asarray(Image.open(path)) for path in sorted(folder.glob("*.png"))]


@pytest.mark.slow
def test_the_printed_code_makes_the_same_pixels(
    tiny: Loaded, settings_of: Callable[..., Any], rows_of: Callable[..., Any], tmp_path: Path
) -> None:
    """All cases in one process: importing diffusers is what takes the time."""
    script = "import os\n"
    expected = {}
    for number, (choice, negative) in enumerate(CASES.values()):
        settings, rows = settings_of(scheduler=choice), rows_of(3, negative)
        scheduler, known = build_scheduler(tiny, choice)
        expected[number] = run_decoder(tiny, settings, scheduler, run_prior(tiny, settings, rows))
        (tmp_path / str(number)).mkdir()
        script += f"os.chdir({str(tmp_path / str(number))!r})\n" + show_code(
            settings, tiny.model, rows, known, threads=1
        )
    _run(script, tmp_path)
    for number, pictures in expected.items():
        made = [np.asarray(Image.open(path)) for path in sorted((tmp_path / str(number)).glob("*.png"))]
        assert np.array_equal(np.stack(made), pictures), list(CASES)[number]


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
    assert ("import DPM" in code or ", KandinskyV22PriorPipeline" in code) and all(
        len(line) < 200 for line in code.splitlines()
    )


def test_a_hub_model_is_shown_by_name_and_revision(
    tiny: Loaded, settings_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    hub = Place(kind="hub", where="kandinsky-community/kandinsky-2-2-decoder", revision="abc", variant="fp16")
    model = tiny.model.model_copy(update={"decoder": hub})
    code = show_code(settings_of(dtype="float16"), model, rows_of(1), {}, device="cuda:0")
    assert (
        '"kandinsky-community/kandinsky-2-2-decoder", revision="abc", variant="fp16", torch_dtype=torch.float16' in code
    )
    assert '.to("cuda:0")' in code


def test_a_scheduler_from_a_subfolder_is_shown_as_the_guide_loads_it(
    tiny: Loaded, settings_of: Callable[..., Any], rows_of: Callable[..., Any]
) -> None:
    choice = SchedulerChoice(label="DDPM", class_name="DDPMScheduler", subfolder="ddpm_scheduler")
    code = show_code(settings_of(scheduler=choice), tiny.model, rows_of(1), {})
    assert "pipeline.scheduler = DDPMScheduler.from_pretrained(" in code and 'subfolder="ddpm_scheduler"' in code
