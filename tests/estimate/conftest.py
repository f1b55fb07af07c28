"""Tiny models, saved once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tiny_kandinsky import save_tiny

from harness.catalog.types import Version


@pytest.fixture(scope="session")
def folder_for(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Version], Path]:
    """A version's folder, not to be changed."""
    torch.set_num_threads(1)
    made: dict[Version, Path] = {}

    def folder(version: Version) -> Path:
        if version not in made:
            made[version] = save_tiny(tmp_path_factory.mktemp("tiny"), version)
        return made[version]

    return folder
