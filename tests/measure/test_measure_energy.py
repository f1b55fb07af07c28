"""Joules are a difference of two readings; where there is none, there is a reason and no zero."""

from __future__ import annotations

import pytest
from support.nvml import Card, FakeNvml

from harness.measure.card import CardId
from harness.measure.energy import Energy, energy, joules_between
from harness.measure.nvml import FoundGpu, gpu_of


def _energy(*readings: int, log: list[str] | None = None, **card: object) -> Energy:
    heard = [] if log is None else log

    def counter():  # type: ignore[no-untyped-def]
        for reading in readings:
            heard.append("read")
            yield reading

    library = FakeNvml(Card(energy_mj=counter(), **card))  # type: ignore[arg-type]
    return Energy(gpu_of(library, CardId(("GPU-a",), None)), lambda: heard.append("wait"))


def test_a_block_of_known_energy() -> None:
    log: list[str] = []
    with _energy(1_000_000, 1_012_500, log=log) as found:
        log.append("work")
    assert found.joules == 12.5 and found.reason is None
    assert log == ["wait", "read", "work", "wait", "read"]  # the device's own work is inside, and earlier work is not


def test_the_energy_is_there_when_the_block_has_ended() -> None:
    with _energy(1, 2) as found:
        assert found.joules is None and found.reason == "the block has not ended"


def test_a_counter_that_goes_backwards_is_told_and_never_negative() -> None:
    with _energy(9_000, 40) as found:
        pass
    assert found.joules is None and found.reason is not None
    assert found.reason.startswith("the energy counter went backwards, from 9000 to 40 mJ")


def test_a_counter_that_did_not_move_is_no_zero() -> None:
    assert joules_between(5, 5) == (
        None,
        "the energy counter did not move: the block is shorter than its step of about 0.1 s",
    )
    assert joules_between(5, 6) == (0.001, None)


def test_a_card_without_a_counter_has_its_reason() -> None:
    with _energy(refuses={"energy"}) as found:
        pass
    assert (found.joules, found.reason) == (None, "NVML does not give the energy counter: Not Supported")


def test_a_counter_that_fails_at_the_end_has_its_reason() -> None:
    card = Card(energy_mj=iter([7]))
    found = Energy(gpu_of(FakeNvml(card), CardId(("GPU-a",), None)), lambda: None)
    with found:
        card.refuses = {"energy"}
    assert (found.joules, found.reason) == (None, "NVML does not give the energy counter: Not Supported")


def test_a_block_that_fails_has_no_energy_and_the_device_is_left_alone() -> None:
    log: list[str] = []
    found = _energy(1, 500, log=log)
    with pytest.raises(ZeroDivisionError), found:
        raise ZeroDivisionError
    assert (found.joules, found.reason) == (None, "the block ended with ZeroDivisionError")
    assert log == ["wait", "read"]


@pytest.mark.parametrize("device", ["cpu", "mps"])
def test_where_nvml_reads_nothing(device: str) -> None:
    with energy(device) as found:
        pass
    assert found.joules is None and found.reason == f"NVML reads NVIDIA's devices only, and this one is {device}"


def test_without_nvml_nothing_waits_for_the_device() -> None:
    log: list[str] = []
    with Energy(FoundGpu(None, "no driver"), lambda: log.append("wait")) as found:
        pass
    assert (found.joules, found.reason, log) == (None, "no driver", [])
