"""The facts in words: a name and a sentence for each, by section."""

from __future__ import annotations

from harness.run.doctor.types import Device, Facts, Hub, Machine, StoreRoom

Pairs = list[tuple[str, str]]


def facts_in_words(facts: Facts) -> dict[str, Pairs]:
    """Section → name and sentence of each fact."""
    return {
        "machine": [*_machine(facts.machine), *_torch(facts), *_programs(facts)],
        "hub": _hub(facts.hub),
        "store": _store(facts.store),
    }


def _machine(one: Machine) -> Pairs:
    usable = "" if one.cores_usable == one.cores_logical else f", {one.cores_usable} usable by this process"
    cores = f"{_known(one.cores_physical)} cores, {_known(one.cores_logical)} threads{usable}"
    load = "" if one.load_average[0] is None else f", load {one.load_average[0]:.1f}"
    limit = _limit(one.cgroup_cpus and f"{one.cgroup_cpus:g} processors")
    room = _limit(one.cgroup_memory_bytes and gib(one.cgroup_memory_bytes))
    return [
        ("processor", f"{one.cpu_model or 'unknown'} ({one.architecture})"),
        ("cores", f"{cores}; {limit}; governor {one.governor or 'unknown'}{load}"),
        ("memory", f"{gib(one.memory_bytes)}, {gib(one.memory_available_bytes)} available; {room}"),
        ("system", f"{one.system} {one.kernel}"),
        ("Python", f"{one.python}, {one.interpreter}"),
        ("NVIDIA driver", one.nvidia_driver or "none shown"),
    ]


def _limit(most: object) -> str:
    return f"a container's limit of {most}" if most else "no limit by a container"


def _torch(facts: Facts) -> Pairs:
    """torch's build and threads, and the devices that it sees."""
    found = facts.torch
    if found is None:
        return [("torch", f"could not be asked: {facts.torch_reason}")]
    builds = {"CUDA": found["cuda_build"], "HIP": found["hip_build"], "cuDNN": found["cudnn"]}
    told = ", ".join(f"{name} {build}" for name, build in builds.items() if build) or "without CUDA"
    threads = f"{found['threads']} {'thread' if found['threads'] == 1 else 'threads'}"
    pairs = [("torch", f"{found['version']}, built {'with ' if told != 'without CUDA' else ''}{told}; {threads}, "
                       f"{found['cpu_capability']}")]  # fmt: skip
    pairs += [(one.name, _device(one)) for one in facts.devices]
    return pairs + ([("no CUDA", found["no_cuda"])] if found["no_cuda"] else [])


def _device(one: Device) -> str:
    facts = [one.model or "unknown"]
    if one.memory_bytes is not None:
        free = "" if one.free_bytes is None else f" ({gib(one.free_bytes)} free)"
        facts.append(f"{gib(one.memory_bytes)}{free}")
    facts += [f"capability {one.capability}"] if one.capability else []
    facts += [f"driver {one.driver}"] if one.driver else []
    return f"{', '.join(facts)}: {'computes' if one.reason is None else f'does not compute: {one.reason}'}"


def _programs(facts: Facts) -> Pairs:
    return [(one.name, one.reason or one.path or "unknown") for one in facts.programs]


def _hub(one: Hub) -> Pairs:
    reach = {True: "answers", False: "does not answer", None: "was not asked"}[one.reached]
    free = "unknown space" if one.cache_free_bytes is None else gigabytes(one.cache_free_bytes)
    return [
        ("endpoint", f"{one.endpoint} {reach}{f': {one.reason}' if one.reason else ''}"),
        ("token", "one is set" if one.token else "none"),
        ("HF_HOME", one.home),
        ("cache", f"{one.cache}, {free} free"),
    ]


def _store(one: StoreRoom) -> Pairs:
    if one.usable:
        state = f"{one.runs} runs, {gigabytes(one.bytes)}" if one.runs is not None else one.reason or "no store yet"
        state = f"{state}; can be written to" if one.exists else f"{state}; the first run can make it"
    else:
        state = f"cannot be used: {one.reason}"
    least = "" if one.least_bytes is None else f"; the quickstart takes about {gigabytes(one.least_bytes)}"
    free = "unknown" if one.free_bytes is None else gigabytes(one.free_bytes)
    return [("folder", one.path), ("state", state), ("free", f"{free}{least}")]


def _known(number: int | None) -> str:
    return "an unknown number of" if number is None else str(number)


def gib(count: int | None) -> str:
    """Memory, as ``23.5 GiB``."""
    return "unknown" if count is None else f"{count / 2**30:.1f} GiB"


def gigabytes(count: int | None) -> str:
    """Disk, as ``13.6 MB`` or ``1.2 GB``."""
    if count is None:
        return "unknown"
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.1f} GB"
