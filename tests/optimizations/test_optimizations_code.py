"""The shown code applies the same stack: it is run in a process of its own and gives the same pixels."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from optimizations.conftest import choice, picture
from PIL import Image
from tiny_kandinsky import make_rows, make_settings

from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.types import OptimizationChoice
from harness.optimizations.stack import as_at_first
from harness.pipelines.code import show_code
from harness.pipelines.load import Loaded

#: What sets something for the whole process goes last.
STACKS: list[tuple[str, str, list[OptimizationChoice]]] = [
    ("2.2", "two-stage", [choice("sdpa", parts="unet+prior+movq"), choice("channels-last", parts="unet+movq")]),
    ("2.2", "combined", [choice("plain-attention", parts="unet+prior")]),
    ("2.1", "two-stage", [choice("layerwise-casting", parts="unet+prior")]),
    ("3", "combined", [choice("attention-slicing", slice_size="max")]),
    ("2.2", "two-stage", [choice("attention-slicing"), choice("release-prior")]),
    ("2.2", "two-stage", [choice("int8-weights")]),
    ("2.2", "combined", [choice("model-offload")]),
    ("3", "combined", [choice("group-offload", offload_type="block_level")]),
    ("2.2", "two-stage", [choice("group-offload", parts="unet+prior")]),
    ("2.2", "two-stage", [choice("matmul-precision", precision="medium"), choice("again")]),
]


@pytest.mark.slow
def test_the_printed_code_makes_the_same_pixels(load: Callable[..., Loaded], tmp_path: Path) -> None:
    script, expected = "import os\n", {}
    for number, (version, api, stack) in enumerate(STACKS):
        loaded = load(*stack, version=version, api=api)
        expected[number] = picture(loaded)
        settings = make_settings(version, api=api, num_inference_steps=2, optimizations=tuple(stack))
        (tmp_path / str(number)).mkdir()
        script += f"os.chdir({str(tmp_path / str(number))!r})\n"
        script += show_code(settings, loaded.model, make_rows(1), {}, threads=1)
    as_at_first()
    (tmp_path / "shown.py").write_text(script)
    command = [sys.executable, "-W", "ignore", str(tmp_path / "shown.py")]
    done = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    for number, pictures in expected.items():
        (made,) = [np.asarray(Image.open(path)) for path in (tmp_path / str(number)).glob("*.png")]
        assert np.array_equal(made, pictures[0]), STACKS[number]


@pytest.mark.parametrize("name", [name for name, row in OPTIMIZATIONS.items() if not row.refused])
@pytest.mark.parametrize("api", ["two-stage", "combined"])
def test_every_optimization_is_python_and_names_no_harness(load: Callable[..., Loaded], name: str, api: str) -> None:
    parts = {"parts": "+".join(OPTIMIZATIONS[name].may)} if OPTIMIZATIONS[name].may else {}
    settings = make_settings("2.2", api=api, optimizations=(choice(name, **parts),))  # type: ignore[arg-type]  # a word
    code = show_code(settings, load().model, make_rows(1), {})
    compile(code, "shown", "exec")
    assert "harness" not in code and all(len(line) < 200 for line in code.splitlines())


def test_the_guides_way_is_shown_as_the_guide_writes_it(load: Callable[..., Loaded]) -> None:
    stack = (choice("compile", assign="combined", mode="reduce-overhead", fullgraph=True),)
    code = show_code(
        make_settings("2.2", api="combined", optimizations=stack), load(api="combined").model, make_rows(1), {}
    )
    assert 'pipeline.unet = torch.compile(pipeline.unet, mode="reduce-overhead", fullgraph=True)' in code
    running = show_code(
        make_settings("2.2", api="combined", optimizations=(choice("compile"),)), load().model, make_rows(1), {}
    )
    assert 'pipeline.decoder_pipe.unet = torch.compile(pipeline.decoder_pipe.unet, mode="default"' in running
