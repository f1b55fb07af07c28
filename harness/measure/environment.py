"""What a number was measured on: hardware, versions, flags, the harness's own revision. Importing it imports no torch.

Four groups, so that a reader can tell what must be equal from what always differs: ``hardware``, ``software`` and
``torch`` decide results and speed; ``state`` (load, governor, free memory) is how busy the machine was. Nothing here
names a person, a host, a home or an environment variable's value, but for those of ``OVERRIDES``.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

import harness
from harness.measure import system

PACKAGES = (
    "kandinsky-harness", "torch", "torchvision", "diffusers", "transformers", "accelerate", "safetensors", "tokenizers",
    "huggingface-hub", "torchao", "triton", "xformers", "open-clip-torch", "torchmetrics", "numpy", "scipy", "pillow",
)  # fmt: skip
#: Variables by which the libraries below torch change bits or speed without a flag of torch's that would tell.
OVERRIDES = (
    "ATEN_CPU_CAPABILITY", "CUBLAS_WORKSPACE_CONFIG", "CUBLASLT_WORKSPACE_SIZE", "DNNL_DEFAULT_FPMATH_MODE",
    "DNNL_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "NVIDIA_TF32_OVERRIDE", "ONEDNN_DEFAULT_FPMATH_MODE",
    "ONEDNN_MAX_CPU_ISA", "PYTORCH_ALLOC_CONF", "PYTORCH_CUDA_ALLOC_CONF", "TORCHDYNAMO_DISABLE",
    "TORCH_COMPILE_DISABLE", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE",
)  # fmt: skip


def environment(device: str) -> dict[str, Any]:
    """Everything, as JSON; imports torch. ``device`` is "cpu", "cuda:0" or "mps"."""
    return {**machine(), "torch": torch_flags(device), "device": device_facts(device)}


def machine() -> dict[str, Any]:
    """What can be known without torch: ``hardware``, ``software``, ``source`` and ``state``."""
    return {"hardware": hardware(), "software": software(), "source": source(), "state": state()}


def hardware() -> dict[str, Any]:
    """Processor, cores, memory and what a container leaves of them."""
    physical, logical = system.cores()
    return {
        "architecture": platform.machine(),
        "cpu_model": cpu_model(),
        "cores_physical": physical,
        "cores_logical": logical,
        "cores_usable": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical,
        "memory_bytes": system.memory()[0],
        "cgroup_cpus": _cgroup_cpus(_read("/sys/fs/cgroup/cpu.max")),
        "cgroup_memory_bytes": _cgroup_bytes(_read("/sys/fs/cgroup/memory.max")),
    }


def cpu_model() -> str | None:
    """The processor's name."""
    for line in _read("/proc/cpuinfo").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    if platform.system() == "Darwin":
        return _output("sysctl", "-n", "machdep.cpu.brand_string") or None
    return platform.processor() or None


def software() -> dict[str, Any]:
    """System, Python and the packages that decide a result."""
    return {
        "system": platform.system(),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
    }


def source() -> dict[str, Any]:
    """The harness's git revision, and whether its files differ from it; ``None`` where it is no checkout."""
    root = Path(harness.__file__).parent.parent
    if not (root / ".git").exists():
        return {"revision": None, "dirty": None}
    revision = _output("git", "-C", str(root), "rev-parse", "HEAD")
    changed = _output("git", "-C", str(root), "status", "--porcelain", "--untracked-files=no")
    return {"revision": revision or None, "dirty": bool(changed) if revision else None}


def state() -> dict[str, Any]:
    """How busy the machine is: never part of an identity."""
    load = os.getloadavg() if hasattr(os, "getloadavg") else (None, None, None)
    return {
        "load_average": list(load),
        "governor": governor(),
        "memory_available_bytes": system.memory()[1],
    }


def governor() -> str | None:
    """Who sets the processor's clock ("performance", "powersave"); ``None`` where the system does not show it."""
    return _read("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor").strip() or None


def torch_flags(device: str) -> dict[str, Any]:
    """Threads and the flags that change bits or speed."""
    import torch

    return {
        "device": device,
        "threads": torch.get_num_threads(),
        "interop_threads": torch.get_num_interop_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "mkldnn": torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]  # torch leaves it untyped
        "cuda_build": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),  # type: ignore[no-untyped-call]  # torch leaves it untyped
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "cudnn_deterministic": torch.backends.cudnn.deterministic,
        "cudnn_benchmark": torch.backends.cudnn.benchmark,
        "tf32_cudnn": torch.backends.cudnn.allow_tf32,
        "tf32_matmul": torch.backends.cuda.matmul.allow_tf32,
        "float32_matmul_precision": torch.get_float32_matmul_precision(),
        "overrides": {name: os.environ[name] for name in OVERRIDES if name in os.environ},
    }


def device_facts(device: str) -> dict[str, Any]:
    """The accelerator's name, memory and driver; of a CPU only its name."""
    import torch

    if not device.startswith("cuda"):
        return {"name": cpu_model() if device == "cpu" else "Apple GPU", "driver": None, "memory_bytes": None}
    found = torch.cuda.get_device_properties(device)
    driver = _output("nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader").splitlines()
    return {
        "name": found.name,
        "memory_bytes": found.total_memory,
        "capability": f"{found.major}.{found.minor}",
        "driver": driver[0] if driver else None,
    }


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cgroup_cpus(text: str) -> float | None:
    """``cpu.max`` holds a quota and a period in microseconds; ``max`` is no limit."""
    quota, _, period = text.strip().partition(" ")
    return int(quota) / int(period) if quota.isdigit() and period.isdigit() else None


def _cgroup_bytes(text: str) -> int | None:
    return int(text) if text.strip().isdigit() else None


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def _output(*command: str) -> str:
    """A command's output; nothing if it is not there or fails."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
