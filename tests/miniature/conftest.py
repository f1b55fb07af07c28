"""A workshop of a few pictures, in which parts are finished without training."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from support.workshops import finish

from harness.catalog.world import scenes
from harness.miniature.data import Pictures, drawn
from harness.miniature.workshop import Workshop


@pytest.fixture(scope="session")
def some_pictures() -> Pictures:
    """A few training pictures, several of each caption: one shape at five places."""
    torch.set_num_threads(1)
    like = [scene for scene in scenes() if (scene.shape, scene.colour) == ("circle", "red") and not scene.held_out()]
    return drawn(like[:12], 48, seed=6)


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory, some_pictures: Pictures) -> Workshop:
    """One for all tests; parts are finished in it by ``support.workshops.finish``, never trained."""
    made = Workshop(tmp_path_factory.mktemp("workshop"))
    made.__dict__["pictures"] = some_pictures
    return made


@pytest.fixture(scope="session")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where all tests export to, by ``support.workshops.exported``."""
    return tmp_path_factory.mktemp("weights")


@pytest.fixture
def new_shop(tmp_path: Path, shop: Workshop) -> Callable[..., Workshop]:
    """Workshops of the same pictures, with the named parts finished, to train in."""

    def make(name: str, parts: tuple[str, ...]) -> Workshop:
        finish(shop, *parts)
        made = Workshop(tmp_path / name)
        made.__dict__["pictures"] = shop.pictures
        files = [shop.part_file(part) for part in parts] + list((shop.folder / "caches").glob("*"))
        for path in files:
            link = made.folder / path.relative_to(shop.folder)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.hardlink_to(path)
        return made

    return make
