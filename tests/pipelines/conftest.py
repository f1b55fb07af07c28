"""The tiny model as fixtures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_kandinsky import GROUP, make_rows, make_settings, row_of, save_tiny

from harness.catalog.types import ModelRow
from harness.pipelines.load import Loaded, load_group
from harness.plan.types import InputRow, LoadGroup, Settings


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model's folder, not to be changed."""
    torch.set_num_threads(1)
    return save_tiny(tmp_path_factory.mktemp("tiny-2.2"))


@pytest.fixture
def faulty_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy to plant a fault in."""
    return shutil.copytree(tiny_folder, tmp_path / "faulty")


@pytest.fixture(scope="session")
def model_row() -> Callable[[Path], ModelRow]:
    """The catalog row of a folder with ``prior`` and ``decoder`` in it."""
    return row_of


@pytest.fixture(scope="session")
def group() -> LoadGroup:
    """A group of the tiny model in single precision."""
    return GROUP


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Loaded:
    """The tiny model, loaded by the harness."""
    return load_group(GROUP, row_of(tiny_folder), "cpu")


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., Settings]:
    """Settings of a small cell, with changes."""
    return make_settings


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., tuple[InputRow, ...]]:
    """Rows with different prompts and seeds."""
    return make_rows
