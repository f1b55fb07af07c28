"""What the harness costs beside the bare code of the guide, and what a batch saves."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from tiny_kandinsky import make_settings

from harness.base import digest
from harness.plan.types import InputRow, SchedulerChoice
from harness.run.bench import Bench
from harness.run.protocol import Make
from harness.run.worker_ops import perform

SETTINGS = make_settings(
    model="mini-2.2",
    num_inference_steps=10,
    prior_num_inference_steps=10,
    scheduler=SchedulerChoice(label="DDIM", class_name="DDIMScheduler"),
)
PROMPT = "a small red star on the left of a blue background"
ROWS = tuple(
    InputRow(id=f"p0-s{seed}", prompt_id="p0", prompt=PROMPT, negative_prompt=None, seed=seed) for seed in range(8)
)
_numbers = itertools.count()


def test_the_harness_beside_bare_diffusers(bench: Bench, compare: Callable[..., None], tmp_path: Path) -> None:
    calls = {
        "bare diffusers, 8 PNG files": lambda: _bare(bench, tmp_path),
        "the harness, prior and pictures stored": lambda: _make(bench, ROWS),
    }
    compare("A batch of 8, prior and decoder, 10 steps each", calls)


def test_one_by_one_beside_a_batch(bench: Bench, compare: Callable[..., None]) -> None:
    calls = {
        "8 batches of 1": lambda: [_make(bench, (row,)) for row in ROWS],
        "1 batch of 8": lambda: _make(bench, ROWS),
    }
    compare("8 pictures, prior and decoder, 10 steps each", calls)


def _bare(bench: Bench, folder: Path) -> None:
    """As diffusers' guide writes it, on the pipelines that the harness has loaded."""
    prior, decoder = bench.loaded.prior, bench.loaded.decoder
    decoder.scheduler = bench.loaded.own_scheduler
    generators = [torch.Generator().manual_seed(row.seed) for row in ROWS]
    prompts = [row.prompt for row in ROWS]
    wanted, unwanted = prior(prompts, generator=generators, num_inference_steps=10, guidance_scale=4.0).to_tuple()
    images: list[Any] = decoder(
        image_embeds=wanted, negative_image_embeds=unwanted, generator=generators, height=64, width=64,
        num_inference_steps=10, guidance_scale=4.0,
    ).images  # fmt: skip
    for row, image in zip(ROWS, images, strict=True):
        image.save(folder / f"{row.id}.png")


def _make(bench: Bench, rows: tuple[InputRow, ...]) -> None:
    """A worker's whole operation under keys that the store has not seen."""
    keys = [digest([stage, next(_numbers)]) for stage in ("prior", "images")]
    request = Make(settings=SETTINGS, rows=rows, prior_key=keys[0], images_key=keys[1], made_in="bench", fresh=True)
    perform(bench, request)()
