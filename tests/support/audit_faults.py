"""Five faults of optimizations, planted in the workers of one real run: does the audit flag each, and nothing else?

``nox -s audit-faults`` (minutes) writes docs/audit-faults.md from such a run.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from support.planting import planted_path
from support.runs import CAPTIONS, Lab
from tiny_kandinsky import save_tiny

from harness.report.optimizations.audit import read_audit
from harness.report.optimizations.flags import flags
from harness.report.view import load_view
from harness.store.records import RunRecord

PAGE = Path(__file__).parents[2] / "docs" / "audit-faults.md"
#: cell -> the fault that is planted in it, and words that its flag must have
FAULTS: dict[str, tuple[str, str]] = {
    "plain-attention": ("diffusers' own processors are put back after they were exchanged",
                        "plain-attention was asked for and is not there"),
    "compile": ("the compiled module calls the network's own forward, which nothing compiles",
                "compile was asked for and is not there"),
    "compile(dynamic=false)": ("something that the network reads changes in each call, so that it compiles again",
                               "recompiled in a timed call"),
    "model-offload": ("the MoVQ's hook is left off", "without a hook: movq"),
    "float16": ("the MoVQ makes values four times too large in half precision", "what decodes them clips"),
}  # fmt: skip
SOUND = ("channels-last", "sdpa")  # cells beside them that nothing is planted in
TIMED = "compile(dynamic=false)"  # what only a timed call shows
_PLANTED = """
def plant(module):
    import torch
    compile_, apply = torch.compile, module.apply_stack
    # graphs and guards as always, and no code: minutes less
    torch.compile = lambda model, *, mode, **keywords: compile_(model, backend="eager", **keywords)

    def apply_stack(target, stack):
        applied, label = apply(target, stack), "+".join(one.label for one in stack)
        if label == "compile":
            target.decoder.unet.forward = target.decoder.unet._orig_mod.forward
        if label == "plain-attention":
            target.decoder.unet.set_attn_processor(module_of_processors().AttnAddedKVProcessor2_0())
        if label == "compile(dynamic=false)":
            change_in_each_call(target.decoder.unet)
        if label == "model-offload":
            leave_a_hook_off(target.decoder)
        if target.group.dtype == "float16":
            target.decoder.movq.decoder.register_forward_hook(lambda module, given, made: 4 * made)
        return applied

    module.apply_stack = apply_stack

def module_of_processors():
    from diffusers.models import attention_processor
    return attention_processor

def leave_a_hook_off(pipeline):
    import accelerate
    enable = pipeline.enable_model_cpu_offload
    def all_but_one(*given, **named):  # the pipeline sets its hooks again at the end of each call
        enable(*given, **named)
        accelerate.hooks.remove_hook_from_module(pipeline.movq)
    pipeline.enable_model_cpu_offload = all_but_one
    accelerate.hooks.remove_hook_from_module(pipeline.movq)

def change_in_each_call(compiled):
    network = compiled._orig_mod
    network.calls = 0
    network.conv_in.register_forward_pre_hook(lambda module, given: None if network.calls >= 0 else given)
    def count(*_):
        network.calls += 1
    compiled.register_forward_pre_hook(count)
"""


def variables(folder: Path) -> dict[str, str]:
    """Of an environment in which every worker meets the faults."""
    folder.mkdir()
    return planted_path(folder, "harness.pipelines.load", _PLANTED)


@contextmanager
def planted(folder: Path) -> Iterator[None]:
    """While it lasts, workers meet the faults, and a plan offloads on a processor too: hooks that move nothing."""
    with patch.dict(os.environ, variables(folder)), patch("harness.run.forecast.lack_of", lambda *_: None):
        yield


def spec(*, timed: bool) -> dict[str, Any]:
    """The faulty cells and the sound ones beside their reference."""
    stacks: list[Any] = ["none", *SOUND, "plain-attention", "compile", "model-offload"]
    stacks += [{"compile": {"dynamic": False}}] if timed else []
    cases = [{"dtype": "float32", "optimizations": stacks}, {"dtype": "float16", "optimizations": "none"}]
    return {
        "prompts": CAPTIONS[:2], "num_inference_steps": 2, "prior_num_inference_steps": 2, "metrics": ["world_truth"],
        "cases": cases,
        "compare_to": {"optimizations": "none", "dtype": "float32"},
        "timing": {"repeats": 1, "rounds": 2, "warmups": 1} if timed else "off",
    }  # fmt: skip


def flagged(lab: Lab, run: RunRecord) -> dict[str, tuple[str, ...]]:
    """Cell -> the faults that the audit tells of it; a cell in half precision goes by its dtype."""
    audit = read_audit(load_view(lab.store, run.run_id))
    return {_name(one.cell.settings): flags(one) for one in audit.cells}


def _name(settings: Any) -> str:
    return str(settings.optimizations_label if settings.dtype == "float32" else settings.dtype)


def page(found: Mapping[str, tuple[str, ...]]) -> str:
    """The page's text."""
    lines = [f"| `{name}` | {what} | {'; '.join(found[name]) or '—'} | {'yes' if _is_told(name, found) else 'NO'} |"
             for name, (what, _) in FAULTS.items()]  # fmt: skip
    sound = [f"`{name}`" for name in SOUND if not found[name]]
    caught = sum(_is_told(name, found) for name in FAULTS)
    return _PAGE.format(lines="\n".join(lines), caught=caught, faults=len(FAULTS), sound=" and ".join(sound) or "none")


def _is_told(name: str, found: Mapping[str, tuple[str, ...]]) -> bool:
    return any(FAULTS[name][1] in sentence for sentence in found[name])


_PAGE = """# Planted faults, and what the audit says of them

Each fault is planted in the workers of one real run of a tiny model with random weights (`nox -s audit-faults` writes
this page; `tests/support/audit_faults.py` plants them). Compiling makes graphs and guards as always and no code, and
offloading has the processor as its device: its hooks are set, and nothing moves.

| cell | fault | what the audit flags | found |
| --- | --- | --- | --- |
{lines}

{caught} of {faults} are flagged. Cells of the same run with nothing planted and nothing flagged: {sound}.
The suite keeps all of them but the recompile to it in each of its runs (`tests/run/test_run_whole_audit_faults.py`).
"""


def main() -> int:
    """Run it and write the page; 1 where a fault was not found or a sound cell was flagged."""
    with tempfile.TemporaryDirectory(prefix="audit-faults-") as scratch:
        folder = Path(scratch)
        (folder / "tiny").mkdir()
        lab = Lab(folder, save_tiny(folder / "tiny"))
        lab.spec(**spec(timed=True))
        with planted(folder / "planted"):
            found = flagged(lab, lab.run())
    PAGE.write_text(page(found), encoding="utf-8")
    print(page(found))
    return 0 if all(_is_told(name, found) for name in FAULTS) and not any(found[name] for name in SOUND) else 1


if __name__ == "__main__":
    raise SystemExit(main())
