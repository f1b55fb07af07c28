"""Which rows of the catalogs a machine's facts open or close, and the line that opens each closed one."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from support.doctor import GIB, healthy, without_package, without_parts

from harness.catalog.metrics import METRICS
from harness.catalog.models import MODELS
from harness.catalog.optimizations import OPTIMIZATIONS
from harness.catalog.weights import WEIGHTS
from harness.cli.verbs import cli
from harness.errors import MissingError
from harness.plan.build import plan_file
from harness.run import availability
from harness.run.doctor import rows as told
from harness.run.doctor.examine import judge
from harness.run.doctor.fetching import Way, ways
from harness.run.doctor.machine import COMPILER
from harness.run.doctor.packages import NEEDED
from harness.run.doctor.rows import CATALOGS, EXTRAS, Entry, miniature
from harness.run.doctor.types import Facts, Lack, Program, Row
from harness.run.wanted import needed

COMMUNITY = "kandinsky-community"
PRIOR, DECODER = f"{COMMUNITY}/kandinsky-2-2-prior", f"{COMMUNITY}/kandinsky-2-2-decoder"
SCORER = "laion/CLIP-ViT-B-32-laion2B-s34B-b79K"


@pytest.fixture(scope="module")
def known() -> list[Way]:
    """The ways to fetch, from the shipped specs."""
    return ways()


def _rows(facts: Facts, known: list[Way] | None = None) -> dict[str, Row]:
    """Every row, as ``catalog: name``."""
    found = [row for name, entries in CATALOGS.items() for row in judge(name, entries, facts, known or [])]
    return {f"{row.catalog}: {row.name}": row for row in found}


def _closed(facts: Facts, known: list[Way] | None = None) -> dict[str, tuple[Lack, ...]]:
    return {name: row.lacks for name, row in _rows(facts, known).items() if row.status == "closed"}


def _mini(facts: Facts) -> Row:
    (row,) = judge("miniature", lambda: iter((miniature(),)), facts, [])
    return row


def test_a_healthy_machine_closes_nothing() -> None:
    assert _closed(healthy()) == {} and _mini(healthy()).status == "open"
    assert not [row for row in _rows(healthy()).values() if row.status == "unknown"]


def test_what_the_design_refuses_is_refused_on_every_machine() -> None:
    row = _rows(healthy())["tasks: inpainting with kandinsky-3"]
    assert row.status == "refused" and "no inpainting pipeline" in row.lacks[0].reason
    assert _rows(healthy())["schedulers: IPNDM"].status == "refused"


def test_an_absent_optional_package_closes_its_row_with_its_line() -> None:
    facts = without_package("torchsde", line="pip install 'torchsde>=0.2.6'")
    lack = Lack(reason="torchsde is not installed", line="pip install 'torchsde>=0.2.6'")
    assert _closed(facts) == {"schedulers: DPMSolverSDE": (lack,)}
    assert _mini(facts).status == "open"


def test_the_scheduler_s_own_catalog_may_say_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the package is absent the catalog refuses the row; here it is closed, for a line opens it."""
    import importlib.util

    from harness.catalog.schedulers import schedulers

    schedulers.cache_clear()
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    try:
        assert schedulers()["DPMSolverSDE"].verdict == "refused"
        assert list(_closed(without_package("torchsde"))) == ["schedulers: DPMSolverSDE"]
    finally:
        schedulers.cache_clear()


@pytest.mark.parametrize("name", NEEDED)
def test_each_package_that_is_needed_closes_the_miniature(name: str) -> None:
    (lack,) = _mini(without_package(name)).lacks
    assert lack == Lack(reason=f"{name} is not installed", line=f"pip install {name}")


def test_a_broken_torch_is_one_line_however_much_stands_on_it() -> None:
    line = "pip install --force-reinstall torch torchvision"
    facts = healthy(torch=None, torch_reason="OSError: libcudart", devices=())
    for name in ("torch", "torchvision", "diffusers", "transformers", "accelerate"):
        facts = without_package(name, facts, state="broken", reason=f"{name}: libcudart", line=line)
    row = _rows(facts)["models: mini-2.2"]
    assert row.lacks == (Lack(reason="torch: libcudart", line=line),)
    assert _mini(facts).lacks == row.lacks
    (lack,) = _rows(facts)["devices: cpu"].lacks
    assert lack == Lack(reason="torch could not be asked for devices: OSError: libcudart", line=line)
    assert "metrics: outside_error" not in _closed(facts), "pixels need no torch"


def test_a_part_that_is_absent_closes_what_loads_it_and_no_more(known: list[Way]) -> None:
    closed = _closed(without_parts(f"{COMMUNITY}/kandinsky-2-2-controlnet-depth"), known)
    assert set(closed) == {
        "models: kandinsky-2.2",
        "tasks: controlnet-depth-text-to-image with kandinsky-2.2",
        "tasks: controlnet-depth-image-to-image with kandinsky-2.2",
    }
    (lack,) = closed["tasks: controlnet-depth-text-to-image with kandinsky-2.2"]
    assert lack.reason == "controlnet of kandinsky-2.2: not on this machine (about 1.0 GB to bring)"
    assert lack.line == "harness fetch guide --only model=kandinsky-2.2 --only task=controlnet-depth-text-to-image"


def test_the_smallest_fetch_that_brings_everything_is_chosen(known: list[Way]) -> None:
    closed = _closed(without_parts(PRIOR, DECODER), known)
    (lack,) = closed["tasks: text-to-image with kandinsky-2.2"]
    assert lack.line == "harness fetch kandinsky-2.2-schedulers"
    (lack,) = closed["tasks: inpainting with kandinsky-2.2"]
    assert "prior of kandinsky-2.2" in lack.reason and "decoder" not in lack.reason


def test_every_closed_row_of_the_hub_has_a_fetch_that_brings_what_it_lacks(known: list[Way]) -> None:
    places = [place for model in MODELS.values() for place in model.parts.values() if place.kind == "hub"]
    closed = _closed(without_parts(*(place.where for place in places)), known)
    assert len(closed) > 10
    for name, (lack,) in closed.items():
        command, verb, spec, *flags = shlex.split(str(lack.line))
        assert (command, verb) == ("harness", "fetch"), name
        cli.commands[verb].make_context(verb, [spec, *flags])  # the verb knows these flags
        only = dict(one.split("=") for one in flags[1::2])
        plan = plan_file(spec, only={knob: [value] for knob, value in only.items()})
        brought = {need.place.where for need in needed(plan)}
        task, _, model = name.partition(": ")[2].rpartition(" with ")
        owner = MODELS[model or name.partition(": ")[2]]
        wanted = owner.parts.values() if not task else [owner.parts[part] for part in told.parts_of(owner, task)]  # type: ignore[arg-type]
        assert {place.where for place in wanted} <= brought, name


def test_a_scorer_is_brought_without_a_model(known: list[Way]) -> None:
    closed = _closed(without_parts(SCORER), known)
    judged = [name for name, row in METRICS.items() if row.uses == "open_clip"]
    assert set(closed) == {f"metrics: {name} by ViT-B-32-laion2b" for name in judged} and "clip_score" in judged
    line = closed["metrics: clip_score by ViT-B-32-laion2b"][0].line
    assert line == f"hf download {SCORER} --include '*.safetensors' --include '*.json' --include '*.txt'"


def test_what_no_spec_brings_is_downloaded_by_name() -> None:
    (lack,) = _closed(without_parts(DECODER))["models: kandinsky-2.2"]
    assert str(lack.line).startswith(f"hf download {DECODER} ")


def _hub(**changes: Any) -> Facts:
    return without_parts(PRIOR, facts=healthy(hub=healthy().hub.model_copy(update=changes)))


def test_offline_the_line_lifts_it_first(known: list[Way]) -> None:
    facts = _hub(offline_by="HF_HUB_OFFLINE", reached=None)
    (lack,) = _closed(facts, known)["tasks: text-to-image with kandinsky-2.2"]
    assert lack.line == "unset HF_HUB_OFFLINE && harness fetch kandinsky-2.2-schedulers"


def test_out_of_reach_the_way_is_another_machine(known: list[Way]) -> None:
    (lack,) = _closed(_hub(reached=False), known)["tasks: text-to-image with kandinsky-2.2"]
    assert lack.line == "harness fetch kandinsky-2.2-schedulers" and "export HF_HOME" in lack.do


def test_another_cache_that_holds_all_of_a_row_is_named(known: list[Way], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    facts = without_parts(PRIOR, elsewhere="/home/me/my files/hub")
    task = "tasks: text-to-image with kandinsky-2.2"
    (lack,) = _closed(facts, known)[task]
    assert str(lack.line).startswith("harness fetch"), "the decoder is not in that cache"
    facts = without_parts(DECODER, facts=facts, here=True, elsewhere="/home/me/my files/hub")
    (lack,) = _closed(facts, known)[task]
    assert lack.line == "export HF_HOME='/home/me/my files'"
    monkeypatch.setenv("HF_HUB_CACHE", "/somewhere")
    assert _closed(facts, known)[task][0].line == "export HF_HUB_CACHE='/home/me/my files/hub'"


def test_damaged_weights_of_the_miniature_ask_for_a_new_installation() -> None:
    where = MODELS["mini-3"].parts["decoder"].where
    (lack,) = _mini(without_parts(where, reason="torn", missing_bytes=None)).lacks
    assert lack == Lack(reason="decoder of mini-3: torn", do="install the harness again: its weights come with it")


def test_too_little_memory_closes_the_large_model_only() -> None:
    machine = healthy().machine.model_copy(update={"cgroup_memory_bytes": 8 * GIB})
    facts = healthy(machine=machine, devices=healthy().devices[:1])
    closed = _closed(facts)
    assert {name for name in closed if name.startswith("models")} == {"models: kandinsky-3"}
    assert "take 22.4 GiB, and this machine has 8.0 GiB" in closed["models: kandinsky-3"][0].reason
    assert not [name for name in _closed(healthy(machine=machine)) if name.startswith("models")], "the GPU has 80 GiB"


def _without_cuda(**torch: Any) -> Facts:
    facts = healthy(devices=healthy().devices[:1])
    assert facts.torch is not None
    return facts.model_copy(update={"torch": {**facts.torch, **torch}})


def test_a_driver_without_a_device_is_told_apart_from_no_driver() -> None:
    (lack,) = _closed(_without_cuda(no_cuda="driver too old"))["devices: cuda"]
    assert "torch sees no device: driver too old" in lack.reason and lack.line is None
    (lack,) = _closed(_without_cuda(cuda_build=None))["devices: cuda"]
    assert "a build without CUDA" in lack.reason and "--force-reinstall torch torchvision" in str(lack.line)
    bare = _without_cuda(cuda_build=None)
    bare = bare.model_copy(update={"machine": bare.machine.model_copy(update={"nvidia_driver": None})})
    (lack,) = _closed(bare)["devices: cuda"]
    assert lack == Lack(reason="torch sees no cuda device here", do="run on a machine that has one")


def test_a_device_that_does_not_compute_is_closed_with_torch_s_reason() -> None:
    cpu, cuda, mps = healthy().devices
    ill = cuda.model_copy(update={"reason": "RuntimeError: no kernel image"})
    assert (
        _closed(healthy(devices=(cpu, ill, mps)))["devices: cuda"][0].reason == "cuda:0: RuntimeError: no kernel image"
    )
    other = cuda.model_copy(update={"name": "cuda:1"})
    assert "devices: cuda" not in _closed(healthy(devices=(cpu, ill, other, mps)))


def test_a_missing_compiler_closes_torch_compile() -> None:
    facts = healthy(programs=(Program(name=COMPILER, path=None, reason="no g++", do="install it"),))
    assert set(_closed(facts)) == {"optimizations: compile", "extras: torch.compile on a GPU"}
    assert _closed(facts)["optimizations: compile"] == (Lack(reason="no g++", do="install it"),)


def test_a_store_that_cannot_be_used_closes_the_miniature() -> None:
    store = healthy().store.model_copy(update={"usable": False, "reason": "read-only", "do": "another"})
    assert _mini(healthy(store=store)).lacks == (Lack(reason="read-only", do="another"),)


@pytest.mark.parametrize(
    ("name", "catalog"),
    [("xformers", "optimizations"), ("torchao", "optimizations"), ("triton", "optimizations extras"),
     ("nvidia-ml-py", "extras"), ("ray", "extras")],
)  # fmt: skip
def test_each_optional_package_opens_something(name: str, catalog: str) -> None:
    assert [row.split(":")[0] for row in _closed(without_package(name))] == catalog.split()


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
@pytest.mark.parametrize("there", [True, False])
def test_compile_without_triton_is_open_to_the_doctor_where_it_is_to_the_plan(
    monkeypatch: pytest.MonkeyPatch, kind: str, there: bool
) -> None:
    """One rule for both: triton is needed on a GPU and nowhere else."""
    facts = healthy() if there else without_package("triton")
    if kind == "cpu":
        machine = facts.machine.model_copy(update={"nvidia_driver": None})
        facts = facts.model_copy(update={"devices": facts.devices[:1], "machine": machine})
    known = {"triton": "9" if there else None}
    monkeypatch.setattr(availability, "installed_version", lambda name: known.get(name, "9"))
    monkeypatch.setattr(availability, "compiler", lambda: facts.programs[0])
    planned = availability._lack(OPTIMIZATIONS["compile"], kind)
    closed = _closed(facts).get("optimizations: compile")
    assert (planned is None) == (closed is None) == (there or kind == "cpu")
    assert closed is None or "on a cuda device: triton is not installed" in closed[0].reason


def test_an_optimization_needs_what_its_row_says() -> None:
    found = _rows(healthy())
    for name, row in OPTIMIZATIONS.items():
        assert found[f"optimizations: {name}"].status == ("refused" if row.refused else "open")
    closed = {name for name in _closed(without_package("torchao")) if name.startswith("optimizations")}
    assert closed == {"optimizations: int8-weights"}


def test_a_row_whose_needs_are_not_written_down_is_unknown_and_not_open() -> None:
    (row,) = judge("optimizations", lambda: iter((Entry("new", None),)), healthy(), [])
    assert (row.status, row.lacks) == ("unknown", (Lack(reason="what it needs is not written down"),))


def test_a_catalog_that_cannot_be_read_is_one_unknown_row() -> None:
    def broken() -> Any:
        raise MissingError("The installed diffusers cannot be looked at", do="reinstall diffusers")
        yield

    (row,) = judge("schedulers", broken, healthy(), [])
    assert row.status == "unknown" and row.lacks[0].do == "reinstall diffusers"


def test_a_need_that_no_catalog_knows_is_not_met() -> None:
    (row,) = judge("x", lambda: iter((Entry("x", (told.weights("nobody/nothing"),)),)), healthy(), [])
    assert row.status == "closed" and "nobody/nothing is in no catalog" in row.lacks[0].reason


def test_every_row_has_a_place_in_the_catalogs() -> None:
    names = [name for name in _rows(healthy()) if name.startswith("models")]
    assert names == [f"models: {name}" for name in MODELS]
    assert set(EXTRAS) <= {name.partition(": ")[2] for name in _rows(healthy())}
    by_weights = {name.partition(" by ")[2] for name in _rows(healthy()) if " by " in name}
    assert by_weights == {name for name, row in WEIGHTS.items() if row.place is not None or row.closed}
    closed = [row for row in _rows(healthy()).values() if " by HPSv2.1" in row.name]
    assert [row.status for row in closed] == ["refused"] and "pickle only" in closed[0].lacks[0].reason
