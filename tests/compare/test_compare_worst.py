"""The worst pictures: which they are, and that old, new and difference are what the file shows."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image
from support.compare_runs import keep

from harness.compare.compare import compare
from harness.compare.types import Worst
from harness.compare.worst import triple, worst_of, write_worst
from harness.report.view import load_view
from harness.store.store import Store


def _png(colour: tuple[int, int, int]) -> bytes:
    with io.BytesIO() as out:
        Image.new("RGB", (4, 5), colour).save(out, "PNG")
        return out.getvalue()


def test_a_triple_is_old_new_and_the_amplified_difference() -> None:
    data, factor = triple(_png((10, 20, 30)), _png((10, 25, 28)))
    shown = np.asarray(Image.open(io.BytesIO(data)))
    assert shown.shape == (5, 4 + 8 + 4 + 8 + 4, 3) and factor == 51
    assert [tuple(map(int, shown[0, at])) for at in (0, 12, 24, 5)] == [
        (10, 20, 30), (10, 25, 28), (0, 255, 102), (255, 255, 255),
    ]  # fmt: skip


def _worst(store: Store, folder: Path, **new: object) -> tuple[Worst, ...]:
    views = [load_view(store, keep(store, name, **how)) for name, how in (("old", {}), ("new", {"anew": True, **new}))]
    told, seen = compare(views[0], views[1], places=("old", "new"))
    return write_worst(told, seen, folder)


def test_the_cell_that_regressed_comes_first_and_files_are_there(store: Store, tmp_path: Path) -> None:
    found = _worst(store, tmp_path / "out", unlike=5, shift={1: -1.0})
    assert [one.file for one in found] == ["worst-1.png", "worst-2.png", "worst-3.png"]
    assert {one.cell for one in found} == {"DDPM · 10 steps"} and all("CLIP score worse by 3." in o.harm for o in found)
    assert all((tmp_path / "out" / one.file).read_bytes().startswith(b"\x89PNG") for one in found)


def test_the_row_that_lost_most_is_first(store: Store, tmp_path: Path) -> None:
    found = _worst(store, tmp_path / "out", unlike=16, odd={7: 70.0})
    assert found[0].harm.startswith("CLIP score worse by 40.0 margins")  # 82 points before


def test_identical_pictures_are_never_worst(store: Store, tmp_path: Path) -> None:
    assert _worst(store, tmp_path / "out", shift={1: -1.0}, unlike=0) == ()


def test_pictures_that_look_alike_are_shown_once(store: Store) -> None:
    """Two cells that made the same pictures, as an optimization and none often do."""
    views = [
        load_view(store, keep(store, name, **how)) for name, how in (("a", {}), ("b", {"anew": True, "unlike": 2}))
    ]
    told, seen = compare(views[0], views[1], places=("a", "b"))
    twice = told.model_copy(update={"cells": (told.cells[0], told.cells[0], told.cells[1])})
    found = worst_of(twice, [seen[0], seen[0], seen[1]], shown=6)
    rows = [(one.told.cell, one.told.prompt) for one in found]
    assert len(rows) == len(set(rows)) == 4  # two rows of each of two cells, whose pictures differ by ten levels
