"""What pictures start from is in the store before anything is made of it, and is what the spec saw."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from harness.errors import MissingError
from harness.plan.build import plan_file
from harness.plan.types import Plan
from harness.run.inputs import keep_inputs
from harness.store.store import open_store


def _plan(folder: Path) -> Plan:
    (folder / "spec.yaml").write_text("task: image-to-image\ninputs: [{prompt: x, image: a.png}]\n")
    return plan_file(str(folder / "spec.yaml"))


def test_inputs_are_kept_under_their_pixels(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    plan, store = _plan(tmp_path), open_store(tmp_path / "runs")
    keep_inputs(store, plan)
    (key,) = plan.assets
    assert store.get("inputs", key).startswith(b"\x89PNG")
    (tmp_path / "a.png").unlink()
    keep_inputs(store, plan)  # the store has it


def test_a_picture_that_changed_since_it_was_planned_is_told(tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.png")
    plan = _plan(tmp_path)
    Image.new("RGB", (64, 64), "blue").save(tmp_path / "a.png")
    with pytest.raises(MissingError, match="has changed since the spec was read"):
        keep_inputs(open_store(tmp_path / "runs"), plan)


def test_a_picture_that_was_not_fetched_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    text = "task: image-to-image\nallow_urls: true\ninputs: [{prompt: x, image: 'http://127.0.0.1:9/a.png'}]\n"
    (tmp_path / "spec.yaml").write_text(text)
    plan = plan_file(str(tmp_path / "spec.yaml"))  # planning leaves it where it is
    with pytest.raises(MissingError, match="was not fetched"):
        keep_inputs(open_store(tmp_path / "runs"), plan)
