"""Kinds of requirement, one row and one small function each: whether the facts meet it, and what would."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from harness.run.doctor.fetching import Way, lack_of
from harness.run.doctor.packages import pip
from harness.run.doctor.types import Facts, Kind, Lack, Requirement


def package(name: str) -> Requirement:
    """A package that is installed, new enough, and imports."""
    return Requirement(kind="package", name=name)


def package_on(kind: str, name: str) -> Requirement:
    """A package that is needed where the machine has a device of that kind; without one it is not asked for."""
    return Requirement(kind="package on a device", name=f"{kind}:{name}")


def weights(where: str) -> Requirement:
    """A part of a model or a scorer's weights, whole on this machine."""
    return Requirement(kind="weights", name=where)


def memory(count: int) -> Requirement:
    """So many bytes in one piece, in the machine or on a device."""
    return Requirement(kind="memory", name=str(count))


def device(kind: str) -> Requirement:
    """A device of that kind on which torch computes."""
    return Requirement(kind="device", name=kind)


def program(name: str) -> Requirement:
    """A program beside Python."""
    return Requirement(kind="program", name=name)


STORE = Requirement(kind="store", name="store")


def lacks(wanted: Sequence[Requirement], facts: Facts, ways: Sequence[Way]) -> tuple[Lack, ...]:
    """Everything that keeps the requirements from being met, each line that mends once; empty if they are met."""
    found = [lack for one in wanted if (lack := CHECKS[one.kind](facts, one.name)) is not None]
    named = {one.name for one in wanted if one.kind == "weights"}
    parts = [part for part in facts.parts if part.where in named]
    absent = [part for part in parts if not part.here]
    if absent:
        found.append(lack_of(absent, [part for part in parts if part.kind == "hub"], facts.hub, ways))
    first: dict[str, Lack] = {}
    for lack in found:
        first.setdefault(lack.line or lack.reason, lack)
    return tuple(first.values())


def _package(facts: Facts, name: str) -> Lack | None:
    found = next(one for one in facts.packages if one.name == name)
    if found.state == "works":
        return None
    return Lack(reason=found.reason or found.state, line=found.line)


def _package_on(facts: Facts, name: str) -> Lack | None:
    kind, _, wanted = name.partition(":")
    driven = kind == "cuda" and facts.machine.nvidia_driver is not None
    there = driven or any(one.kind == kind for one in facts.devices)
    lack = _package(facts, wanted) if there else None
    return None if lack is None else lack.model_copy(update={"reason": f"on a {kind} device: {lack.reason}"})


def _weights(facts: Facts, name: str) -> Lack | None:
    """Weights are judged together: one line brings all of a row's."""
    if any(part.where == name for part in facts.parts):
        return None
    return Lack(reason=f"{name} is in no catalog of models or weights")


def _memory(facts: Facts, name: str) -> Lack | None:
    sizes = [facts.machine.usable_memory_bytes, *(one.memory_bytes or 0 for one in facts.devices)]
    if max(sizes) >= int(name):
        return None
    wanted, most = (f"{size / 2**30:.1f} GiB" for size in (int(name), max(sizes)))
    return Lack(
        reason=f"the weights of one part alone take {wanted}, and this machine has {most} in one place",
        do="run on a machine with more memory",
    )


def _device(facts: Facts, kind: str) -> Lack | None:
    found = [one for one in facts.devices if one.kind == kind]
    if any(one.reason is None for one in found):
        return None
    if facts.torch is None:
        line = next(one.line for one in facts.packages if one.name == "torch")
        return Lack(reason=f"torch could not be asked for devices: {facts.torch_reason}", line=line)
    if found:
        return Lack(reason=f"{found[0].name}: {found[0].reason}", do="mend the driver, or choose a torch made for it")
    if kind == "cuda" and facts.machine.nvidia_driver is not None:
        return _unseen(facts.torch)
    return Lack(reason=f"torch sees no {kind} device here", do="run on a machine that has one")


def _unseen(torch: dict[str, object]) -> Lack:
    """A driver is there, and torch sees no device."""
    if torch.get("cuda_build") is None and torch.get("hip_build") is None:
        line = f"{pip()} install --force-reinstall torch torchvision"
        return Lack(reason="this torch is a build without CUDA", line=line)
    return Lack(
        reason=f"an NVIDIA driver is there, but torch sees no device: {torch.get('no_cuda')}",
        do="mend the driver, or look at CUDA_VISIBLE_DEVICES",
    )


def _program(facts: Facts, name: str) -> Lack | None:
    found = next(one for one in facts.programs if one.name == name)
    return None if found.reason is None else Lack(reason=found.reason, do=found.do)


def _store(facts: Facts, _: str) -> Lack | None:
    return None if facts.store.usable else Lack(reason=facts.store.reason or "no store", do=facts.store.do)


CHECKS: dict[Kind, Callable[[Facts, str], Lack | None]] = {
    "package": _package,
    "package on a device": _package_on,
    "weights": _weights,
    "memory": _memory,
    "device": _device,
    "program": _program,
    "store": _store,
}
