"""The probing process: packages that raise, leave, kill or hang, planted on its path."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.doctor import TORCH, TORCH_ON_GPUS, stub

from harness.run.doctor.asking import Answer, ask


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose modules the probe finds first."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path


def _ask(path: Path, limit_s: float = 60.0, **sources: str) -> dict[str, Answer]:
    for name, source in sources.items():
        stub(path, name, source)
    return ask(list(sources), limit_s)


def test_a_package_that_imports_has_no_fault_whatever_it_prints(path: Path) -> None:
    forged = '{"target": "forged", "error": null, "content": null}'
    found = _ask(path, sound=f"import os\nprint({forged!r}, flush=True)\nos.write(1, {forged.encode()!r})\n")
    assert found == {"sound": Answer(None, {})}


def test_what_a_package_raises_is_its_answer_and_the_next_are_asked(path: Path) -> None:
    found = _ask(path, broken="raise ImportError('libcudart.so.12: cannot open\\nmore')", leaves="raise SystemExit(3)",
                 sound="")  # fmt: skip
    assert found["broken"].error == "ImportError: libcudart.so.12: cannot open"
    assert found["leaves"].error == "SystemExit: 3"
    assert found["sound"].error is None


def test_the_root_of_a_chain_is_told(path: Path) -> None:
    chain = "try:\n    {}['x']\nexcept KeyError as e:\n    raise RuntimeError('look up to see it') from e\n"
    assert _ask(path, wrapped=chain)["wrapped"].error == "KeyError: 'x'"


def test_a_name_that_the_module_lacks_is_a_fault(path: Path) -> None:
    stub(path, "some:There")
    found = ask(["some:There", "some:Gone"], 60)
    assert found["some:There"].error is None
    assert "has no attribute 'Gone'" in str(found["some:Gone"].error)


def test_a_package_that_kills_the_process_is_named_and_the_next_are_asked(path: Path) -> None:
    killing, leaving = (
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        ("import os, sys; sys.stderr.write('bad build\\n'); sys.stderr.flush(); os._exit(4)"),
    )
    found = _ask(path, first="", killing=killing, leaving=leaving, last="")
    assert found["killing"].error == "killed its process (SIGSEGV)"
    assert found["leaving"].error == "ended its process (status 4): bad build"
    assert found["first"].error is None is found["last"].error


def test_a_package_that_hangs_costs_the_time_and_no_more(path: Path) -> None:
    found = _ask(path, 3, first="", hanging="import threading; threading.Event().wait()", last="")
    assert found["first"] == Answer(None, {})
    assert (
        found["hanging"].error == "gave no answer before the 3 s for all packages were over" and found["hanging"].asked
    )
    assert not found["last"].asked and "--timeout" in str(found["last"].error)


def test_what_a_hanging_package_started_goes_with_it(path: Path) -> None:
    """A child that holds the pipe open must not hold the answer up."""
    source = "import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
    assert _ask(path, 3, parent=source)["parent"].asked


def test_devices_are_computed_on(path: Path) -> None:
    found = _ask(path, torch=TORCH) | ask(["devices"], 60)
    content = found["devices"].content
    assert content is not None and content["no_cuda"] == "RuntimeError: no NVIDIA driver here"
    assert content["torch"]["version"] == "9.9+stub"
    (cpu,) = content["devices"]
    assert cpu["name"] == "cpu" and "error" not in cpu


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("raise RuntimeError('no kernel image is available')", "RuntimeError: no kernel image is available"),
        ("return 7", "ArithmeticError: a product of ones sums to 7.0, not 512"),
    ],
)
def test_a_device_that_is_listed_and_cannot_compute_says_why(path: Path, fault: str, told: str) -> None:
    stub(path, "torch", TORCH.replace("return self.n ** 3", fault))
    content = ask(["devices"], 60)["devices"].content
    assert content is not None and content["devices"][0]["error"] == told


def test_a_gpu_is_told_with_its_memory_and_driver(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two GPUs, of which the second has no memory left to compute with."""
    stub(path, "torch", TORCH_ON_GPUS)
    (path / "nvidia-smi").write_text("#!/bin/sh\necho 580.1\necho 580.1\n")
    (path / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", f"{path}:{os.environ['PATH']}")
    content = ask(["devices"], 60)["devices"].content
    assert content is not None and content["no_cuda"] is None
    _, first, second = content["devices"]
    assert first == {"name": "cuda:0", "model": "H100", "memory_bytes": 8 << 30, "free_bytes": 7 << 30,
                     "capability": "9.0", "driver": "580.1"}  # fmt: skip
    assert second == first | {"name": "cuda:1", "error": "ZeroDivisionError: integer division or modulo by zero"}


def test_without_torch_there_is_a_reason_and_no_device(path: Path) -> None:
    stub(path, "torch", "raise OSError('libtorch.so is not there')")
    assert ask(["devices"], 60)["devices"] == Answer("OSError: libtorch.so is not there", None)
