"""The right card is read, its bits are words, and what is not there has a reason."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from support.nvml import Card, FakeNvml

from harness.measure.card import CardId, card_from
from harness.measure.nvml import FoundGpu, Gpu, NvmlError, find_gpu, gpu_of, limits, settings, started

UUID = "5f6c1c2e-0000-1111-2222-333344445555"


def _gpu(card: Card) -> Gpu:
    found = gpu_of(FakeNvml(Card(uuid="GPU-other"), card), CardId((card.uuid,), None))
    assert found.gpu is not None and found.reason is None
    return found.gpu


def _properties(**changed: Any) -> Any:
    known = {"uuid": UUID, "pci_domain_id": 0, "pci_bus_id": 0x1B, "pci_device_id": 0}
    return SimpleNamespace(**known | changed)


def test_a_card_is_named_as_nvml_names_it() -> None:
    assert card_from(_properties()) == CardId((f"GPU-{UUID}", f"MIG-{UUID}"), "00000000:1b:00.0")
    assert card_from(SimpleNamespace()) == CardId((), None)


def test_the_card_is_the_one_that_cuda_means_and_not_the_first_of_the_machine() -> None:
    """With CUDA_VISIBLE_DEVICES=1 torch's cuda:0 is the machine's second card."""
    first, second = Card(uuid="GPU-first", energy_mj=iter([1])), Card(uuid=f"GPU-{UUID}", energy_mj=iter([2]))
    found = gpu_of(FakeNvml(first, second), card_from(_properties()))
    assert found.gpu is not None and found.gpu.energy_mj() == 2


def test_a_slice_is_found_by_its_own_name() -> None:
    found = gpu_of(FakeNvml(Card(), Card(uuid=f"MIG-{UUID}", bits=4)), card_from(_properties()))
    assert found.gpu is not None and found.gpu.clock_reasons() == 4


def test_without_a_uuid_the_place_on_the_bus_tells() -> None:
    cards = Card(), Card(uuid="GPU-b", pci="00000000:1b:00.0", bits=8)
    found = gpu_of(FakeNvml(*cards), card_from(_properties(uuid=None)))
    assert found.gpu is not None and found.gpu.clock_reasons() == 8


def test_another_card_is_never_taken_instead() -> None:
    """A UUID that NVML does not know is not looked for by its place: that might be the card a slice is of."""
    found = gpu_of(FakeNvml(Card(pci="00000000:1b:00.0")), card_from(_properties()))
    assert found == FoundGpu(None, f"NVML does not find the device (MIG-{UUID}: Not Found)")
    assert gpu_of(FakeNvml(Card()), CardId((), None)).reason == (
        "NVML does not find the device (torch tells neither its UUID nor its place on the bus)"
    )


def test_no_package_no_driver_and_no_nvidia_device_have_their_reasons() -> None:
    def absent() -> Any:
        raise ModuleNotFoundError("No module named 'pynvml'")

    without_package = "the package nvidia-ml-py is not installed (pip install 'kandinsky-harness[nvml]')"
    assert started(absent) == (None, without_package)
    assert started(lambda: FakeNvml(driver=False)) == (None, "NVML does not start: Driver Not Loaded")
    assert find_gpu("mps") == FoundGpu(None, "NVML reads NVIDIA's devices only, and this one is mps")


def test_the_library_is_started_before_it_is_used() -> None:
    library = FakeNvml()
    assert started(lambda: library) == (library, None) and library.started == 1


def test_readings_of_a_card() -> None:
    gpu = _gpu(Card(energy_mj=iter([7]), bits=0x24, computing=[10, 11], drawing=[11, 12], split=False))
    assert gpu.driver == "580.65.06" and gpu.energy_mj() == 7 and gpu.clock_reasons() == 0x24
    assert gpu.processes() == (10, 11, 12)  # one that computes and draws is one


@pytest.mark.parametrize(
    ("refused", "read", "reason"),
    [
        ("energy", lambda gpu: gpu.energy_mj(), "NVML does not give the energy counter: Not Supported"),
        ("clocks", lambda gpu: gpu.clock_reasons(), "NVML does not give the clocks' reasons: Not Supported"),
        ("processes", lambda gpu: gpu.processes(), "NVML does not give the processes: Not Supported"),
    ],
)
def test_what_a_card_does_not_give_has_its_reason(refused: str, read: Any, reason: str) -> None:
    with pytest.raises(NvmlError, match=f"^{reason}$"):
        read(_gpu(Card(refuses={refused})))


def test_a_split_cards_energy_is_everybodys() -> None:
    with pytest.raises(NvmlError, match="the whole card"):
        _gpu(Card(energy_mj=iter([7]), split=True)).energy_mj()


def test_bits_are_words() -> None:
    assert limits(0x004 | 0x040 | 0x001) == ("power cap", "hardware thermal slowdown")
    assert limits(0x001 | 0x002 | 0x100) == () and limits(0) == ()
    assert settings(0x002 | 0x100 | 0x004) == ("application clocks", "display clocks")


def test_a_bit_that_is_not_known_is_not_lost() -> None:
    assert limits(0x1004) == ("power cap", "unknown reason 0x1000")


def test_the_bits_are_those_of_the_installed_package() -> None:
    library = pytest.importorskip("pynvml", reason="nvidia-ml-py is not installed")
    assert limits(library.nvmlClocksEventReasonSwPowerCap) == ("power cap",)
    assert limits(library.nvmlClocksEventReasonHwThermalSlowdown) == ("hardware thermal slowdown",)
    assert limits(library.nvmlClocksEventReasonGpuIdle) == ()
    assert not [word for word in limits(library.nvmlClocksThrottleReasonAll) if "unknown" in word]
    used = [name for name in dir(FakeNvml) if name.startswith("nvml")]
    assert all(hasattr(library, name) for name in used) and issubclass(library.NVMLError, Exception)


def test_nvml_is_imported_when_a_device_is_asked_for_and_not_before() -> None:
    script = (
        "import sys\n"
        "from harness.measure import disturbance, energy, nvml\n"
        "assert nvml.find_gpu('cpu').gpu is None\n"
        "assert not {'pynvml', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
