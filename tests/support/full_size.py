"""2.2's decoder at its real size, with random weights: saved, loaded and run as a user's would be, and measured.

``nox -s full-size`` writes docs/full-size.json with it and docs/models.md anew. It takes minutes, 3 GB of disk for
a while, and the processors: on a busy machine its times mean little, its memory as much as ever.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from harness.catalog.models import MODELS
from harness.catalog.models_page import MEASURED, PAGE, write
from harness.catalog.types import ModelRow, Place
from harness.measure.environment import machine
from harness.measure.memory import ResidentMemory
from harness.plan.types import InputRow, LoadGroup, SchedulerChoice, Settings

ROOT = Path(__file__).parents[2]
BAR_BYTES = 24 * 2**30
SIDE, STEPS, DTYPE = 256, 2, "bfloat16"
_ROW = InputRow(id="random-s0", prompt_id="random", prompt="", negative_prompt=None, seed=0)
_EMBEDDING = 1280  # of ViT-bigG-14's pictures


@dataclass(frozen=True)
class Made:
    """One cell on the CPU: seconds to load and to make its picture, and the picture's spread in levels of 255."""

    parameters: int
    load_s: float
    steps_s: float
    spread: float


def main() -> int:
    """Measure and write; 1 if the bar is not kept."""
    if len(sys.argv) == 3:
        return _child(sys.argv[1], Path(sys.argv[2]))
    before = machine()
    with tempfile.TemporaryDirectory(prefix="full-size-") as scratch:
        folder = Path(scratch) / "decoder"
        _watched("save", folder)
        told, peak = _watched("make", folder)
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    found = record(Made(**json.loads(told)), size, peak, before)
    (ROOT / MEASURED).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write(ROOT / PAGE, ROOT / MEASURED)
    return 0 if peak < BAR_BYTES else 1


def _child(verb: str, folder: Path) -> int:
    """Building and running have a process each: what building takes is not what a user's run takes."""
    if verb == "save":
        from harness.pipelines.full_size import MOVQ, UNET_22

        save(folder, UNET_22, MOVQ)
    else:
        print(json.dumps(asdict(make(folder, SIDE))))
    return 0


def _watched(verb: str, folder: Path) -> tuple[str, int]:
    """What the process said, and its peak of resident memory in bytes, seen from outside it."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.support.full_size", verb, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    with ResidentMemory(process.pid, every_s=0.1) as memory:
        told, _ = process.communicate()
        peak = memory.peak_bytes
    if process.returncode != 0:
        sys.exit(f"{verb} left with {process.returncode}")
    return told, peak


def save(folder: Path, unet: dict[str, Any], movq: dict[str, Any]) -> None:
    """A decoder's folder with random weights, as ``save_pretrained`` writes it."""
    import torch
    from diffusers import DDIMScheduler, KandinskyV22Pipeline, UNet2DConditionModel, VQModel

    torch.manual_seed(0)
    scheduler = DDIMScheduler(beta_schedule="linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
                              set_alpha_to_one=False, steps_offset=1)  # fmt: skip
    networks = _random(UNet2DConditionModel, unet), _random(VQModel, movq)
    KandinskyV22Pipeline(unet=networks[0], scheduler=scheduler, movq=networks[1]).save_pretrained(folder)


def _random(cls: Any, config: dict[str, Any]) -> Any:
    """A network whose layers keep the scale of what goes through them; no memory is taken but its own."""
    import torch

    with torch.device("meta"):
        network = torch.nn.Module.to(cls(**config), getattr(torch, DTYPE))  # diffusers' own warns
    network = network.to_empty(device="cpu").eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                parameter.normal_(std=parameter[0].numel() ** -0.5)
            else:
                parameter.fill_(float(name.endswith("weight")))  # a norm's; biases are zero
    return network


def make(folder: Path, side: int) -> Made:
    """Load the folder and make one picture of ``side`` pixels from random image embeddings, through the harness."""
    import torch

    from harness.pipelines.decoder import run_decoder
    from harness.pipelines.load import Loaded, _pipeline, folder_of
    from harness.pipelines.prior_result import PriorResult
    from harness.pipelines.schedulers import build_scheduler

    model, group = _model(folder), _group()
    began = time.perf_counter()
    decoder = _pipeline(folder_of(model.parts["decoder"], "decoder", model.version), "decoder", model, group)
    load_s = time.perf_counter() - began
    loaded = Loaded(group, model, torch.device("cpu"), None, decoder, None, decoder.scheduler, folder)
    settings = _settings(side)
    scheduler, _ = build_scheduler(loaded, settings.scheduler, strength=settings.strength)
    generator = torch.Generator().manual_seed(_ROW.seed)
    embeds = torch.randn(2, 1, _EMBEDDING, generator=generator).to(getattr(torch, DTYPE))
    prior = PriorResult(embeds[0], embeds[1], generator.get_state()[None])
    began = time.perf_counter()
    pictures = run_decoder(loaded, settings, scheduler, prior, [_ROW])
    steps_s = time.perf_counter() - began
    parameters = sum(p.numel() for network in (decoder.unet, decoder.movq) for p in network.parameters())
    return Made(parameters, load_s, steps_s, float(np.std(pictures)))


def _model(folder: Path) -> ModelRow:
    return MODELS["kandinsky-2.2"].model_copy(update={"parts": {"decoder": Place(kind="folder", where=str(folder))}})


def _group() -> LoadGroup:
    return LoadGroup(
        id="g", model="kandinsky-2.2", task="text-to-image", api="two-stage", dtype=DTYPE, optimizations=(), cells=()
    )


def _settings(side: int) -> Settings:
    return Settings(
        model="kandinsky-2.2", task="text-to-image", api="two-stage", dtype=DTYPE, height=side, width=side,
        guidance_scale=4.0, num_inference_steps=STEPS, prior_guidance_scale=4.0, prior_num_inference_steps=25,
        scheduler=SchedulerChoice(label="model default", class_name=None), optimizations=(), batch_size=1,
    )  # fmt: skip


def record(made: Made, file_bytes: int, peak_bytes: int, before: dict[str, Any]) -> dict[str, Any]:
    """What is written down."""
    packages, hardware = before["software"]["packages"], before["hardware"]
    return {
        "built": "2.2's decoder UNet and MoVQ", "dtype": DTYPE, "height": SIDE, "width": SIDE, "steps": STEPS,
        "parameters": made.parameters, "file_bytes": file_bytes, "load_s": made.load_s, "steps_s": made.steps_s,
        "peak_bytes": peak_bytes,
        "picture": f"finite; its levels spread by {made.spread:.1f} of 255",
        "machine": f"{hardware['cpu_model']}, {hardware['cores_usable']} usable cores, "
                   f"{hardware['memory_bytes'] / 2**30:.0f} GiB; load average before: "
                   f"{before['state']['load_average'][0]:.2f}; measured on {datetime.now(UTC):%Y-%m-%d}",
        "versions": ", ".join(f"{name} {packages[name]}" for name in ("torch", "diffusers", "transformers")),
    }  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
