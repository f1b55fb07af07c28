"""Whose weights: a hub's commit and variant, a folder's content."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.catalog.models import MODELS
from harness.catalog.types import Place
from harness.run.weights import model_weights
from harness.store.store import open_store

COMMIT = "c" * 40


def test_variants_of_one_commit_are_different_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    reference = tmp_path / "hub" / "models--someone--model" / "refs" / "main"
    reference.parent.mkdir(parents=True)
    reference.write_text(COMMIT)
    store, found = open_store(tmp_path / "runs"), {}
    for variant in (None, "fp16", "bf16"):
        place = Place(kind="hub", where="someone/model", variant=variant)
        row = MODELS["kandinsky-2.2"].model_copy(update={"parts": {"prior": place, "decoder": place}})
        resolved, weights = model_weights(store, row, ["prior"])
        assert (resolved.parts["prior"].revision, resolved.parts["prior"].variant) == (COMMIT, variant)
        found[variant] = weights.digests()["prior"]
    assert found[None] == COMMIT and len(set(found.values())) == 3
