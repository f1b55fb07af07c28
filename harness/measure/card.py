"""Which physical card a torch device is, so that others than CUDA find the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class CardId:
    """A card by the names that NVML knows: ``uuids`` in the order to try, and its place on the bus."""

    uuids: tuple[str, ...]
    pci: str | None


def card_of(device: str) -> CardId:
    """The card of ``device`` ("cuda:0"); imports torch."""
    import torch

    return card_from(torch.cuda.get_device_properties(device))


def card_from(properties: Any) -> CardId:
    """The card of torch's device properties. CUDA does not say whether a UUID is a card's or a slice's (MIG)."""
    uuid, bus = getattr(properties, "uuid", None), getattr(properties, "pci_bus_id", None)
    uuids = (f"GPU-{uuid}", f"MIG-{uuid}") if uuid is not None else ()
    if bus is None:
        return CardId(uuids, None)
    return CardId(uuids, f"{properties.pci_domain_id:08x}:{bus:02x}:{properties.pci_device_id:02x}.0")
