"""What the doctor finds: facts of the machine, and rows of the catalogs that these facts open or close."""

from __future__ import annotations

from typing import Any, Literal

from harness.base import Frozen

PackageState = Literal["works", "missing", "too old", "broken", "not looked at"]
RowStatus = Literal["open", "closed", "refused", "unknown"]
Kind = Literal["package", "package on a device", "weights", "memory", "device", "program", "store"]


class Machine(Frozen):
    """Processor, memory and system; of limits set by a container the tightest. ``None``: none is set, or not known."""

    system: str
    kernel: str
    architecture: str
    cpu_model: str | None
    cores_physical: int | None
    cores_logical: int | None
    cores_usable: int | None
    cgroup_cpus: float | None
    governor: str | None
    load_average: tuple[float | None, ...]
    memory_bytes: int
    memory_available_bytes: int
    cgroup_memory_bytes: int | None
    python: str
    interpreter: str
    nvidia_driver: str | None  # its own words, torch or not

    @property
    def usable_memory_bytes(self) -> int:
        """What a process may fill: the machine's memory, or what a container leaves of it."""
        return min(self.memory_bytes, self.cgroup_memory_bytes or self.memory_bytes)


class Package(Frozen):
    """A package: installed or not, and whether it really imports. ``line`` mends it."""

    name: str  # as pip knows it
    needed: bool  # by the shipped miniature
    purpose: str
    version: str | None
    least: str | None  # the lowest version that the harness takes
    state: PackageState
    reason: str | None = None
    line: str | None = None


class Device(Frozen):
    """A device as torch sees it; ``reason``: why torch cannot compute on it."""

    name: str  # "cpu", "cuda:0", "mps"
    kind: Literal["cpu", "cuda", "mps"]
    model: str | None
    memory_bytes: int | None
    free_bytes: int | None
    capability: str | None
    driver: str | None
    reason: str | None = None


class Program(Frozen):
    """What torch.compile needs beside packages: a compiler that is there and takes a small file."""

    name: str
    path: str | None
    reason: str | None = None
    do: str = ""


class Hub(Frozen):
    """The hub of models: whether it answers, and where its files are kept on this machine."""

    endpoint: str
    offline_by: str | None  # the variables that forbid asking, with spaces between
    reached: bool | None  # None: it was not asked
    reason: str | None
    token: bool  # whether there is one; never which
    home: str
    cache: str
    cache_free_bytes: int | None


class Part(Frozen):
    """A part of a model, or a scorer's weights: whether they are whole on this machine.

    ``bytes``: on the disk; ``missing_bytes``: about what a download brings, ``None`` where that is not known or
    nothing is missing.
    """

    what: str
    owner: str  # the catalog's name of the model or of the weights
    kind: Literal["package", "folder", "hub"]
    where: str
    here: bool
    reason: str | None
    bytes: int | None
    missing_bytes: int | None
    elsewhere: str | None  # another cache of the hub's on this machine that holds it: a value for HF_HOME


class StoreRoom(Frozen):
    """The store's folder: whether a run could write there, and for how long there is room."""

    path: str
    exists: bool
    usable: bool
    reason: str | None
    do: str
    free_bytes: int | None
    least_bytes: int | None  # what the quickstart takes, as its plan forecasts
    bytes: int | None
    runs: int | None


class Facts(Frozen):
    """All that was found on this machine."""

    machine: Machine
    packages: tuple[Package, ...]
    torch: dict[str, Any] | None  # its build, threads and flags; None: it could not be asked
    torch_reason: str | None  # why not
    devices: tuple[Device, ...]
    programs: tuple[Program, ...]
    hub: Hub
    parts: tuple[Part, ...]
    store: StoreRoom


class Requirement(Frozen):
    """One thing that a row of a catalog needs; ``name`` says which: a package, a place, a kind of device, bytes."""

    kind: Kind
    name: str


class Lack(Frozen):
    """A requirement that is not met: why, the line that mends it (if one does), and what else to do."""

    reason: str
    line: str | None = None
    do: str = ""


class Row(Frozen):
    """A row of a catalog on this machine. ``refused``: no machine opens it; ``unknown``: it could not be judged."""

    catalog: str
    name: str
    status: RowStatus
    lacks: tuple[Lack, ...] = ()


class Examination(Frozen):
    """What the doctor says. ``miniature`` is the one row that decides the exit code."""

    harness: str  # its version
    facts: Facts
    miniature: Row
    rows: tuple[Row, ...]
