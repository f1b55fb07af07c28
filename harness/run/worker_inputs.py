"""What a worker's pictures start from: read from the store, and depth estimated once for each picture."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from PIL import Image

from harness.plan.needs import assets_of
from harness.plan.types import InputRow
from harness.run.protocol import Hints

if TYPE_CHECKING:
    from harness.catalog.types import Task, WeightsRow
    from harness.pipelines.inputs import Inputs
    from harness.run.bench import Bench


def inputs_of(bench: Bench, task: Task, rows: Sequence[InputRow], hints: Hints) -> Inputs:
    """The pictures that a task looks at, by their keys, and each row's hint."""
    from harness.pipelines.inputs import Inputs

    pictures = pictures_of_rows(bench, task, rows)
    return Inputs(pictures=pictures, hints=_hints(bench, rows, hints, pictures))


def pictures_of_rows(bench: Bench, task: Task, rows: Sequence[InputRow]) -> dict[str, Image.Image]:
    """Asset's key → picture."""
    keys = dict.fromkeys(key for row in rows for key in assets_of(row, task))
    return {key: _opened(bench.kept.get("inputs", key)) for key in keys}


def _opened(png: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(png))
    picture.load()
    return picture


def _hints(
    bench: Bench, rows: Sequence[InputRow], hints: Hints, pictures: dict[str, Image.Image]
) -> dict[str, Image.Image]:
    """Row id → its map, read or estimated."""
    found = {row.id: pictures[row.hint] for row in rows if row.hint in pictures}
    for row, key in zip(rows, hints.keys or [None] * len(rows), strict=True):
        if key is not None:
            assert hints.estimator is not None and row.image is not None
            again = hints.fresh and key not in bench.estimated
            found[row.id] = _estimated(bench, hints.estimator, key, pictures[row.image], again=again)
    return found


def _estimated(bench: Bench, estimator: WeightsRow, key: str, picture: Image.Image, *, again: bool) -> Image.Image:
    bench.estimated.add(key)
    stored = None if again else bench.kept.blobs.find("hints", key)
    if stored is None:
        depth: Image.Image = _estimator(bench, estimator)(picture)
        with io.BytesIO() as png:
            depth.save(png, "PNG")
            stored = png.getvalue()
        bench.kept.put("hints", key, stored)
    return _opened(stored)


def _estimator(bench: Bench, row: WeightsRow) -> Any:
    """The loaded estimator, kept for the next picture."""
    from harness.score.depth import load_depth_estimator
    from harness.score.features import weights_folder

    name = f"estimate {row.model_dump_json()}"
    if name not in bench.makers:
        assert row.place is not None
        bench.makers[name] = load_depth_estimator(weights_folder(row.place), bench.device)
    return bench.makers[name]
