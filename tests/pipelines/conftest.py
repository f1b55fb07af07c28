"""The tiny models as fixtures."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from tiny_kandinsky import GROUP, make_group, make_rows, make_settings, row_of, save_tiny

from harness.catalog.types import Api, ModelRow, Task, Version
from harness.pipelines.load import Loaded, load_group
from harness.plan.types import InputRow, LoadGroup, Settings


@pytest.fixture(scope="session")
def folder_of_version(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Version], Path]:
    """A tiny model's folder, not to be changed."""
    torch.set_num_threads(1)
    return cache(lambda version: save_tiny(tmp_path_factory.mktemp("tiny"), version))


@pytest.fixture(scope="session")
def tiny_folder(folder_of_version: Callable[[Version], Path]) -> Path:
    """2.2's."""
    return folder_of_version("2.2")


@pytest.fixture
def faulty_folder(tiny_folder: Path, tmp_path: Path) -> Path:
    """A copy to plant a fault in."""
    return shutil.copytree(tiny_folder, tmp_path / "faulty")


@pytest.fixture(scope="session")
def model_row() -> Callable[..., ModelRow]:
    """The catalog row of a folder with the parts of a version in it."""
    return row_of


@pytest.fixture(scope="session")
def group() -> LoadGroup:
    """A group of the tiny model in single precision."""
    return GROUP


@pytest.fixture(scope="session")
def tiny(tiny_folder: Path) -> Loaded:
    """The tiny 2.2 for text-to-image, loaded by the harness."""
    return load_group(GROUP, row_of(tiny_folder), "cpu")


@pytest.fixture(scope="session")
def loaded_for(folder_of_version: Callable[[Version], Path]) -> Callable[[Version, Task, Api], Loaded]:
    """Any tiny model for any task in any form, loaded by the harness once."""

    @cache
    def load(version: Version, task: Task, api: Api) -> Loaded:
        return load_group(make_group(version, task, api), row_of(folder_of_version(version), version), "cpu")

    return load


@pytest.fixture(scope="session")
def settings_of() -> Callable[..., Settings]:
    """Settings of a small cell, with changes."""
    return make_settings


@pytest.fixture(scope="session")
def rows_of() -> Callable[..., tuple[InputRow, ...]]:
    """Rows with different prompts and seeds."""
    return make_rows
