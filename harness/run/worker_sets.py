"""A worker's look at a reference set: its pictures one by one, a batch of one size at a time. Heavy imports wait."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from harness.errors import HarnessError
from harness.plan.types import ReferenceSet
from harness.run.bench import Bench, Finish
from harness.run.protocol import ExtractDone, ExtractSet
from harness.store.digests import digest_file

_BATCH = 64
Seen = tuple[str, Image.Image]  # what the picture's content is called, and the picture


def extract_set(bench: Bench, request: ExtractSet) -> Finish:
    """Features of the set's pictures under one network, kept with what the set is."""
    from safetensors.numpy import save

    from harness.run.aggregate_sets import array_of
    from harness.run.worker_ops import maker_of
    from harness.score.reference_set import content_digest

    began = time.perf_counter()
    make, names = maker_of(bench, request.weights), []
    rows = []
    for batch in _batches(_pictures(request.asked)):
        names += [name for name, _ in batch]
        rows.append(_features(make, [picture for _, picture in batch], array_of(request.weights.kind)))
    content = content_digest(names)
    if request.content not in (None, content):
        raise HarnessError(
            f"The pictures in {request.asked.path} changed while they were looked at.", do="run the command again"
        )
    about = {**make.made_by, **_about(request.asked, len(names)), "content": content, "made_in": request.made_in}
    bench.kept.put("features", request.features_key, save({"features": np.concatenate(rows)}, metadata=about))
    done = ExtractDone(seconds=time.perf_counter() - began)
    return lambda: done


def _pictures(asked: ReferenceSet) -> Iterator[Seen]:
    from harness.score.reference_set import picture_files, pixel_digest, world_pictures
    from harness.spec.pictures import picture_of

    if asked.kind == "world":
        assert asked.count is not None and asked.seed is not None
        yield from ((pixel_digest(picture), picture) for picture in world_pictures(asked.count, asked.seed))
    else:
        assert asked.path is not None
        for path in picture_files(Path(asked.path))[0]:
            yield digest_file(path), picture_of({"file": str(path), "as": "image"})


def _batches(pictures: Iterator[Seen]) -> Iterator[list[Seen]]:
    """Neighbours of one size, so many at a time: a network looks at a batch of one size."""
    for _, alike in itertools.groupby(pictures, key=lambda seen: seen[1].size):
        while batch := list(itertools.islice(alike, _BATCH)):
            yield batch


def _features(make: Any, pictures: list[Image.Image], array: str) -> NDArray[np.float32]:
    from harness.score.view import View

    features = np.asarray(make([View(picture=picture, prompt="") for picture in pictures])[array], dtype=np.float32)
    if not np.isfinite(features).all():
        raise HarnessError("The reference set's features hold values that are not finite numbers.")
    return features


def _about(asked: ReferenceSet, count: int) -> dict[str, str]:
    """What is known of the set, without where it lies on this machine."""
    if asked.kind == "world":
        return {"pictures": str(count), "of": "captions held out from training", "seed": str(asked.seed)}
    return {"pictures": str(count), "of": f"the folder {Path(asked.path or '').name}"}
