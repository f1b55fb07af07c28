"""A tiny model, loaded with any stack, and called."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tiny_kandinsky import make_group, make_rows, make_settings, row_of, save_tiny

from harness.catalog.types import OptimizationChoice
from harness.pipelines.decoder import run_decoder
from harness.pipelines.load import Loaded, load_group
from harness.pipelines.prior import run_prior
from harness.pipelines.schedulers import build_scheduler
from harness.run.bench import Bench  # noqa: F401

Stack = tuple[OptimizationChoice, ...]


def choice(name: str, **options: str | bool) -> OptimizationChoice:
    """One optimization of a stack."""
    return OptimizationChoice(name=name, options=options)


@pytest.fixture(scope="session")
def folder_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Any], Path]:
    """A tiny model's folder, not to be changed."""
    torch.set_num_threads(1)
    made: dict[str, Path] = {}

    def folder(version: Any) -> Path:
        if version not in made:
            made[version] = save_tiny(tmp_path_factory.mktemp("tiny"), version)
        return made[version]

    return folder


@pytest.fixture
def load(folder_for: Callable[[Any], Path]) -> Callable[..., Loaded]:
    """``load(stack, version, **group)``."""

    def loaded(*stack: OptimizationChoice, version: Any = "2.2", **group: Any) -> Loaded:
        made = make_group(version, optimizations=stack, **group)
        return load_group(made, row_of(folder_for(version), version), "cpu")

    return loaded


def picture(loaded: Loaded, steps: int = 2) -> NDArray[np.uint8]:
    """One picture of a loaded group."""
    version = loaded.model.version
    settings = make_settings(
        version, api=loaded.group.api, num_inference_steps=steps, optimizations=loaded.group.optimizations
    )
    scheduler, _ = build_scheduler(loaded, settings.scheduler)
    rows = make_rows(1)
    prior = None if loaded.combined is not None else run_prior(loaded, settings, rows)
    return run_decoder(loaded, settings, scheduler, prior, rows)


@pytest.fixture
def compiled_quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch.compile with a backend that makes graphs and no code: what is looked at is the same, without minutes."""
    compile_ = torch.compile

    def quick(model: Any, *, mode: str, **keywords: Any) -> Any:
        assert mode == "default"
        return compile_(model, backend="eager", **keywords)

    monkeypatch.setattr(torch, "compile", partial(quick))
    torch._dynamo.reset()
