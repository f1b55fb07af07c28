"""What a miniature's pipelines really hold and work, stage by stage: real weights, real tensors, real pictures."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from estimate.cases import footprint_of, full_case
from tiny_kandinsky import make_group, make_inputs, make_rows, make_settings

from harness.catalog.models import MODELS
from harness.estimate.tracker import LiveTensors
from harness.pipelines.decoder import run_decoder
from harness.pipelines.load import Loaded, load_group
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.plan.footprint import Case, Footprint

Peaks = dict[str, int]
ROOT = Path(__file__).parents[2]
STORED = ROOT / "docs" / "full-size.json"


def load_mini(case: Case) -> Loaded:
    """The miniature's own weights, as a run loads them."""
    group = make_group(case.version, case.task, case.api, dtype=case.dtype)
    return load_group(group, MODELS[f"mini-{case.version}"], "cpu")


def measured_peaks(loaded: Loaded, case: Case, steps: int = 3) -> Peaks:
    """Stage → bytes of live tensors at its peak beyond all weights, in one run of the harness's own pipelines."""
    with LiveTensors() as tensors, _watched(loaded, tensors) as peaks:
        tensors.hold(weights_of(loaded))
        peaks["weights"] = tensors.live_bytes
        run_pipelines(loaded, case, steps)
    return peaks


def run_pipelines(loaded: Loaded, case: Case, steps: int = 3) -> None:
    """One batch of the case, from prompts to pictures."""
    settings = make_settings(
        case.version, case.task, case.api, dtype=case.dtype, batch_size=case.batch, num_inference_steps=steps
    )
    rows = make_rows(case.batch, "blurry" if case.negative else None, case.task)
    if case.version == "3":  # it cuts a prompt's states to its words, and an estimate cannot know how many there are
        rows = tuple(row.model_copy(update={"prompt": "star " * 140}) for row in rows)
    scheduler, _ = build_scheduler(loaded, settings.scheduler, strength=settings.strength)
    prior = run_prior(loaded, settings, rows, make_inputs()) if case.api == "two-stage" else None
    run_decoder(loaded, settings, scheduler, prior, rows, make_inputs())


def weights_of(loaded: Loaded) -> list[torch.Tensor]:
    """Parameters and buffers of everything loaded."""
    return [tensor for module in networks_of(loaded).values() for tensor in (*module.parameters(), *module.buffers())]


def networks_of(loaded: Loaded) -> dict[tuple[str, str], Any]:
    """(part, component) → its network."""
    pipes = {"prior": loaded.prior, loaded.part: loaded.decoder}
    return {
        (part, name): component
        for part, pipe in pipes.items()
        if pipe is not None
        for name, component in pipe.components.items()
        if isinstance(component, torch.nn.Module)
    }


#: Component -> the method that begins a stage -> the stage's name.
STAGES: dict[str, dict[str, str]] = {
    "text_encoder": {"forward": "prompt"},
    "image_encoder": {"forward": "image"},
    "prior": {"forward": "step"},
    "unet": {"forward": "step"},
    "movq": {"encode": "encode", "decode": "decode"},
}


@contextmanager
def _watched(loaded: Loaded, tensors: LiveTensors) -> Iterator[Peaks]:
    """Each network's call begins a peak and ends it."""
    peaks: Peaks = {}
    with ExitStack() as stack:
        for (part, name), module in networks_of(loaded).items():
            for method, stage in STAGES[name].items():
                watched = _peak_of(getattr(module, method), f"{part}: {stage}", tensors, peaks)
                stack.enter_context(patch.object(module, method, watched))
        yield peaks


def _peak_of(call: Callable[..., Any], stage: str, tensors: LiveTensors, peaks: Peaks) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        tensors.restart()
        made = call(*args, **kwargs)
        peaks[stage] = max(peaks.get(stage, 0), tensors.peak_bytes - peaks["weights"])
        return made

    return watched


def stored_decoder(stored: dict[str, Any]) -> Footprint:
    """The estimate of what docs/full-size.json measured: 2.2's decoder alone."""
    whole = footprint_of(full_case("2.2", stored["dtype"], side=stored["height"]))
    networks = tuple(one for one in whole.networks if one.part == "decoder")
    return Footprint(networks=networks, stages=tuple(one for one in whole.stages if one.part == "decoder"))


def idle_bytes() -> int:
    """Resident memory of a process that is about to load: it has imported what the full-size session imports."""
    code = (
        "import torch, harness.pipelines.decoder, harness.pipelines.load, harness.pipelines.schedulers\n"
        "from harness.measure.memory import resident_bytes\nprint(resident_bytes())"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    return int(subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout)
