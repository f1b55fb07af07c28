"""Estimates from configurations are held against what the miniature really holds, and the real decoder held."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from estimate.cases import CASES, Asked, case_of, footprint_of, full_case, mini_case
from estimate.measured import STORED, Peaks, idle_bytes, load_mini, measured_peaks, networks_of, stored_decoder
from torch._subclasses.fake_tensor import FakeTensorMode

from harness.catalog.models import MODELS
from harness.catalog.sizes import parameters_of
from harness.catalog.types import DType, Version
from harness.estimate import calls
from harness.estimate.footprint import answer, footprint
from harness.estimate.networks import BareNetwork, bare_networks, fake_network
from harness.pipelines.load import Loaded
from harness.plan.fits import ERROR
from harness.plan.footprint import Case, Footprint, Network

#: Of a noise schedule's tables, random states and the row before: what the stages do not know of, and no size changes.
SMALL = 50_000
STEPS = 2  # the second has what the first left behind; more hold no more


@pytest.fixture(scope="module")
def loaded() -> Callable[[Case], Loaded]:
    """A miniature's pipelines for a case, loaded as a run does."""
    torch.set_num_threads(1)
    known: dict[str, Loaded] = {}

    def load(case: Case) -> Loaded:
        mark = f"{case.version} {case.task} {case.api} {case.dtype}"
        if mark not in known:
            known[mark] = load_mini(case)
        return known[mark]

    return load


def _beyond(measured: Peaks, found: Footprint) -> list[str]:
    """The stages whose estimate is off by more than the bar."""
    off = {
        stage.name: abs(stage.active_bytes - measured[stage.name]) for stage in found.stages if stage.name in measured
    }
    return [name for name, by in off.items() if by > max(ERROR * measured[name], SMALL)]


@pytest.mark.parametrize("asked", CASES, ids=lambda asked: "-".join(map(str, asked)))
def test_the_miniature_holds_what_was_estimated(loaded: Callable[[Case], Loaded], asked: Asked) -> None:
    case = case_of(asked)
    found, pipelines = footprint_of(case), loaded(case)
    weights = {key: sum(t.numel() * t.element_size() for t in (*module.parameters(), *module.buffers()))
               for key, module in networks_of(pipelines).items()}  # fmt: skip
    assert {(one.part, one.name): one.weight_bytes for one in found.networks} == weights
    measured = measured_peaks(pipelines, case, STEPS)
    assert set(measured) - {stage.name for stage in found.stages} == {"weights"}
    assert not _beyond(measured, found)
    top = max(size for name, size in measured.items() if name != "weights")
    assert max(stage.active_bytes for stage in found.stages) == pytest.approx(top, rel=ERROR)
    assert found.peak_bytes == pytest.approx(measured["weights"] + top, rel=ERROR)


def test_a_leak_in_the_decoder_is_beyond_the_bar(loaded: Callable[[Case], Loaded]) -> None:
    """The planted fault: a MoVQ whose layers keep what they made."""
    case, leaked = mini_case("2.2", batch=2), []
    pipelines = loaded(case)
    hooks = [module.register_forward_hook(lambda _, __, made: leaked.append(made))
             for module in pipelines.decoder.movq.decoder.modules()]  # fmt: skip
    try:
        measured = measured_peaks(pipelines, case, STEPS)
    finally:
        for hook in hooks:
            hook.remove()
    assert _beyond(measured, footprint_of(case)) == ["decoder: decode"]


def test_an_estimate_that_forgets_guidance_is_beyond_the_bar(
    loaded: Callable[[Case], Loaded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault on the other side: the UNet is given each row once."""
    case = mini_case("2.2", batch=4)
    step = calls._step
    once = lambda unet, movq, rows, case, kept: step(unet, movq, rows, case.model_copy(update={"guided": False}), kept)  # noqa: E731
    monkeypatch.setattr(calls, "_step", once)
    unguided = footprint(case)
    assert "decoder: step" in _beyond(measured_peaks(loaded(case), case, STEPS), unguided)


@pytest.mark.parametrize("version", ["2.1", "2.2", "3"])
def test_the_real_models_have_the_parameters_of_the_catalog(version: Version) -> None:
    case = full_case(version, "bfloat16")
    model = MODELS[f"kandinsky-{version}"]
    wanted = {
        (part, name): count for part in case.parts for name, count in (parameters_of(model.parts[part]) or {}).items()
    }
    found = _loaded_as(case)
    assert {(one.part, one.name): one.parameters for one in found} == wanted
    assert sum(one.weight_bytes for one in found) == pytest.approx(2 * sum(wanted.values()), rel=1e-3)


def test_half_precision_leaves_some_of_3s_text_encoder_whole() -> None:
    """transformers keeps T5's ``wo`` in single precision in float16: 32 layers of 16384 × 4096."""
    bare = [one for one in bare_networks(full_case("3")) if one.name == "text_encoder"]
    half, brain = (sum(one.weight_bytes for one in _rows(bare, dtype)) for dtype in ("float16", "bfloat16"))
    assert half - brain == 2 * 32 * 16384 * 4096


def _loaded_as(case: Case) -> list[Network]:
    """The networks of a case as it loads them; none is called."""
    return _rows(bare_networks(case), case.dtype)


def _rows(bare: list[BareNetwork], dtype: DType) -> list[Network]:
    with FakeTensorMode():
        return [fake_network(one, dtype).row for one in bare]


@pytest.mark.slow
def test_the_real_decoder_held_what_is_estimated() -> None:
    """Against the stored measurement: resident memory over that of a process that has only imported what it runs."""
    stored = json.loads(STORED.read_text())
    decoder = stored_decoder(stored)
    assert decoder.parameters == stored["parameters"]
    assert decoder.peak_bytes == pytest.approx(stored["peak_bytes"] - idle_bytes(), rel=ERROR)


def test_a_model_whose_configuration_is_not_here_is_null_with_the_reason(tmp_path: Path) -> None:
    unknown = mini_case("2.2").model_copy(update={"parts": {"prior": "hub:someone/prior", "decoder": "hub:some/one"}})
    found = answer(unknown)
    assert found.footprint is None and "someone/prior" in str(found.reason)
    (tmp_path / "unet").mkdir()
    (tmp_path / "unet" / "config.json").write_text("{not JSON")
    broken = answer(mini_case("3").model_copy(update={"parts": {"decoder": str(tmp_path)}}))
    assert broken.footprint is None and "config.json cannot be read" in str(broken.reason)


def test_a_configuration_that_its_class_refuses_is_a_reason_too(tmp_path: Path) -> None:
    case = mini_case("2.2")
    for part, where in case.parts.items():
        for path in _configurations(Path(where)):
            target = tmp_path / part / path.parent.name / path.name
            target.parent.mkdir(parents=True)
            target.write_text(path.read_text().replace('"block_out_channels"', '"no_such_channels"'))
    moved = case.model_copy(update={"parts": {part: str(tmp_path / part) for part in case.parts}})
    found = answer(moved)
    assert found.footprint is None and "no_such_channels" in str(found.reason)


def _configurations(folder: Path) -> Iterator[Any]:
    return folder.glob("*/config.json")
