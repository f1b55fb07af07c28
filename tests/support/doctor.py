"""A healthy machine's facts, to be made ill; and packages that are there, or break, as a test wants them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.catalog.models import MODELS
from harness.catalog.types import PartName, Version
from harness.catalog.weights import WEIGHTS
from harness.pipelines.places import components
from harness.run.doctor.machine import COMPILER
from harness.run.doctor.packages import PACKAGES
from harness.run.doctor.types import Device, Facts, Hub, Machine, Package, Part, Program, StoreRoom

GIB = 2**30
#: Slow to import, and nothing that the command itself needs.
HEAVY = ("torch", "torchvision", "transformers", "diffusers", "accelerate", "open-clip-torch", "torchmetrics", "mlflow",
         "pandas", "pyarrow", "scipy", "altair", "vl-convert-python", "torchsde", "triton")  # fmt: skip
#: As much of torch as says that there is a processor and nothing else.
TORCH = """
from types import SimpleNamespace as S
__version__ = "9.9+stub"
class Ones:
    def __init__(self, *shape, device="cpu"): self.n = shape[0]
    def __matmul__(self, other): return self
    def sum(self): return self.n ** 3
ones = Ones
def _none(): raise RuntimeError("no NVIDIA driver here")
cuda = S(device_count=lambda: 0, init=_none)
version = S(cuda=None, hip=None)
backends = S(mps=S(is_available=lambda: False), cpu=S(get_cpu_capability=lambda: "AVX"),
             mkldnn=S(is_available=lambda: True), cuda=S(matmul=S(allow_tf32=False)),
             cudnn=S(version=lambda: None, deterministic=False, benchmark=False, allow_tf32=True))
get_num_threads = get_num_interop_threads = lambda: 1
are_deterministic_algorithms_enabled = lambda: False
get_float32_matmul_precision = lambda: "highest"
"""


_TWO_GPUS = """
def _facts(name): return S(name="H100", total_memory=8 << 30, major=9, minor=0)
cuda = S(device_count=lambda: 2, get_device_properties=_facts, mem_get_info=lambda name: (7 << 30, 8 << 30))
"""
#: The same with two GPUs, the second of which cannot compute.
TORCH_ON_GPUS = TORCH.replace("self.n = shape[0]", "self.n = shape[0] // (device != 'cuda:1')") + _TWO_GPUS


def stub(folder: Path, target: str, source: str = "") -> None:
    """A module for a probe's target, in a folder for PYTHONPATH; ``source`` is that of the outermost package."""
    module, _, name = target.partition(":")
    first, *inner = module.split(".")
    package = folder / first
    package.mkdir(parents=True, exist_ok=True)
    (package / "__init__.py").write_text(source + ("" if inner or not name else f"\n{name} = None\n"))
    for part in inner:
        (package / f"{part}.py").write_text(f"{name} = None\n" if name else "")


def stubs(folder: Path, **sources: str) -> Path:
    """Light stand-ins for the heavy packages; ``torch="raise ImportError('x')"`` breaks one."""
    for row in PACKAGES:
        if row.name in HEAVY or row.name in sources:
            stub(folder, row.target, sources.get(row.name, TORCH if row.name == "torch" else ""))
    return folder


def safetensors(size: int = 64) -> bytes:
    """A real file with one tensor of ``size`` bytes."""
    header = json.dumps({"w": {"dtype": "U8", "shape": [size], "data_offsets": [0, size]}}).encode()
    return len(header).to_bytes(8, "little") + header + bytes(size)


def write_part(folder: Path, part: PartName, version: Version) -> None:
    """The smallest repository that holds a part of a model: every component, weights where it has some."""
    for name in components(part, version):
        (folder / name).mkdir(parents=True)
        (folder / name / "config.json").write_text("{}")
        if name not in ("tokenizer", "scheduler", "image_processor"):
            (folder / name / "model.safetensors").write_bytes(safetensors())
    index = {name: ["diffusers", "Some"] for name in components(part, version)}
    (folder / "model_index.json").write_text(json.dumps(index))


def _machine() -> Machine:
    return Machine(
        system="Linux", kernel="6.1", architecture="x86_64", cpu_model="A processor", cores_physical=2,
        cores_logical=4, cores_usable=4, cgroup_cpus=None, governor=None, load_average=(0.5, 0.5, 0.5),
        memory_bytes=64 * GIB, memory_available_bytes=60 * GIB, cgroup_memory_bytes=None, python="3.11.9",
        interpreter="/env/bin/python", nvidia_driver="NVRM version: 580.1",
    )  # fmt: skip


def _parts() -> tuple[Part, ...]:
    places = [(model.name, part, place) for model in MODELS.values() for part, place in model.parts.items()]
    places += [(row.name, row.kind, row.place) for row in WEIGHTS.values() if row.place is not None]
    return tuple(
        Part(what=what, owner=owner, kind=place.kind, where=place.where, here=True, reason=None, bytes=1,
             missing_bytes=None, elsewhere=None)
        for owner, what, place in places
    )  # fmt: skip


def healthy(**changes: Any) -> Facts:
    """A machine with a GPU, every package, all weights, a hub within reach and room for the store."""
    packages = tuple(
        Package(name=row.name, needed=row.needed, purpose=row.purpose, version="9", least=None, state="works")
        for row in PACKAGES
    )
    known: dict[str, Any] = {
        "model": None,
        "memory_bytes": None,
        "free_bytes": None,
        "capability": None,
        "driver": None,
    }
    gpu = known | {"model": "H100", "memory_bytes": 80 * GIB, "free_bytes": 79 * GIB, "capability": "9.0"}
    facts = Facts(
        machine=_machine(),
        packages=packages,
        torch={"version": "9.9+cu130", "cuda_build": "13.0", "hip_build": None, "cudnn": 92400, "threads": 2,
               "cpu_capability": "AVX2", "no_cuda": None},
        torch_reason=None,
        devices=(Device(name="cpu", kind="cpu", **known), Device(name="cuda:0", kind="cuda", **gpu),
                 Device(name="mps", kind="mps", **known)),
        programs=(Program(name=COMPILER, path="/usr/bin/g++"),),
        hub=Hub(endpoint="https://huggingface.co", offline_by=None, reached=True, reason=None, token=False,
                home="/home/me/hf", cache="/home/me/hf/hub", cache_free_bytes=10**12),
        parts=_parts(),
        store=StoreRoom(path="runs", exists=False, usable=True, reason=None, do="", free_bytes=10**12,
                        least_bytes=10**7, bytes=None, runs=None),
    )  # fmt: skip
    return facts.model_copy(update=changes)


def without_package(name: str, facts: Facts | None = None, **how: Any) -> Facts:
    """A machine on which one package does not work."""
    base = facts or healthy()
    ill = {"state": "missing", "reason": f"{name} is not installed", "line": f"pip install {name}", **how}
    packages = (one.model_copy(update=ill) if one.name == name else one for one in base.packages)
    return base.model_copy(update={"packages": tuple(packages)})


def without_parts(*wheres: str, facts: Facts | None = None, **how: Any) -> Facts:
    """A machine that lacks some repositories or folders."""
    base = facts or healthy()
    ill = {"here": False, "reason": "not on this machine", "bytes": None, "missing_bytes": 10**9, **how}
    parts = (one.model_copy(update=ill) if one.where in wheres else one for one in base.parts)
    return base.model_copy(update={"parts": tuple(parts)})
