"""The lines of the shown code that apply a stack of optimizations to the loaded pipelines."""

from __future__ import annotations

from collections.abc import Callable

from harness.catalog.optimizations import NOT_CAST, OFFLOADS
from harness.catalog.stacks import option, parts_of_choice
from harness.catalog.types import OptimizationChoice
from harness.pipelines.code_words import quoted
from harness.plan.types import Settings

_OFFLOADS = {
    "model-offload": "enable_model_cpu_offload",
    "sequential-offload": "enable_sequential_cpu_offload",
}
_PROCESSORS = {
    "sdpa": ("AttnAddedKVProcessor2_0", "AttnProcessor2_0"),
    "plain-attention": ("AttnAddedKVProcessor", "AttnProcessor"),
}


def hooks_bring_weights(settings: Settings) -> bool:
    """Whether the pipelines stay in the machine's memory when they are loaded."""
    return any(one.name in OFFLOADS for one in settings.optimizations)


def optimization_imports(settings: Settings) -> list[str]:
    """Imports beyond torch and the pipelines."""
    names = {one.name for one in settings.optimizations}
    processors = sorted({name for one in names & set(_PROCESSORS) for name in _PROCESSORS[one]})
    lines = [f"from diffusers.models.attention_processor import {', '.join(processors)}"] if processors else []
    if "layerwise-casting" in names:
        lines.append("from diffusers.hooks.layerwise_casting import DEFAULT_SKIP_MODULES_PATTERN")
    if "int8-weights" in names:
        lines.append("from torchao.quantization import Int8WeightOnlyConfig, quantize_")
    return lines


def optimization_lines(settings: Settings, decoder: str, prior: str | None, device: str) -> str:
    """One block for each optimization of the stack.

    Args:
        settings: of the cell.
        decoder: the variable of the pipeline that runs the decoder.
        prior: likewise of the prior; ``None`` where there is none.
        device: where the pipelines run.
    """
    holders = {"prior": prior}
    blocks = []
    for choice in settings.optimizations:
        networks = [f"{holders.get(part, decoder)}.{part}" for part in parts_of_choice(choice)]
        blocks.append(_LINES[choice.name](choice, networks, [one for one in (prior, decoder) if one], device))
    return "\n".join(block for block in blocks if block)


def _attention(choice: OptimizationChoice, networks: list[str], _: list[str], __: str) -> str:
    added, other = _PROCESSORS[choice.name]
    return (
        f"for network in ({', '.join(networks)},):\n"
        "    for attention in network.modules():\n"
        '        if hasattr(attention, "set_processor"):\n'
        '            added = getattr(attention, "added_kv_proj_dim", None) is not None\n'
        f"            attention.set_processor({added}() if added else {other}())"
    )


def _slicing(choice: OptimizationChoice, networks: list[str], _: list[str], __: str) -> str:
    size = option(choice, "slice_size")
    return (
        f"unet = {networks[0]}\n"
        'if hasattr(unet, "set_attention_slice"):\n'
        f'    unet.set_attention_slice("{size}")\n'
        "else:\n"
        "    for attention in unet.modules():\n"
        '        if hasattr(attention, "set_processor"):\n'
        "            heads = attention.sliceable_head_dim\n"
        f"            attention.set_attention_slice({1 if size == 'max' else 'max(heads // 2, 1)'})"
    )


def _xformers(_: OptimizationChoice, networks: list[str], __: list[str], ___: str) -> str:
    return "\n".join(f"{network}.enable_xformers_memory_efficient_attention()" for network in networks)


def _channels_last(_: OptimizationChoice, networks: list[str], __: list[str], ___: str) -> str:
    return "\n".join(f"{network}.to(memory_format=torch.channels_last)" for network in networks)


def _compiled(choice: OptimizationChoice, networks: list[str], _: list[str], __: str) -> str:
    dynamic = option(choice, "dynamic")
    knobs = f'mode="{option(choice, "mode")}", fullgraph={option(choice, "fullgraph")}'
    knobs += "" if dynamic == "auto" else f", dynamic={dynamic}"
    if option(choice, "assign") == "combined":
        return "\n".join(
            f"pipeline.{name} = torch.compile(pipeline.{name}, {knobs})  # the inner pipeline keeps its own"
            for name in (
                "prior_prior" if network.endswith(".prior") else network.split(".")[-1] for network in networks
            )
        )
    called = [f"{network}.decode" if network.endswith(".movq") else network for network in networks]
    return "\n".join(f"{one} = torch.compile({one}, {knobs})" for one in called)


def _casting(choice: OptimizationChoice, networks: list[str], _: list[str], __: str) -> str:
    return "\n".join(
        f"{network}.enable_layerwise_casting(\n"
        f"    storage_dtype=torch.{option(choice, 'storage')}, compute_dtype={network}.dtype,\n"
        f"    skip_modules_pattern=(*DEFAULT_SKIP_MODULES_PATTERN, {', '.join(map(quoted, NOT_CAST))}),\n)"
        for network in networks
    )


def _int8(_: OptimizationChoice, networks: list[str], __: list[str], ___: str) -> str:
    return "\n".join(f"quantize_({network}, Int8WeightOnlyConfig())" for network in networks)


def _offload(choice: OptimizationChoice, _: list[str], pipelines: list[str], device: str) -> str:
    return "\n".join(f'{pipeline}.{_OFFLOADS[choice.name]}(device="{device}")' for pipeline in pipelines)


def _group(choice: OptimizationChoice, networks: list[str], pipelines: list[str], device: str) -> str:
    kind = option(choice, "offload_type")
    blocks = ", num_blocks_per_group=1" if kind == "block_level" else ""
    lines = [
        f'{network}.enable_group_offload(\n    onload_device=torch.device("{device}"), '
        f'offload_device=torch.device("cpu"),\n    offload_type="{kind}", use_stream={option(choice, "use_stream")}'
        f"{blocks},\n)"
        for network in networks
    ]
    kept = f"[{', '.join(networks)}]"
    return "\n".join(
        [*lines, f"for pipeline_ in ({', '.join(pipelines)},):",
         "    for component in pipeline_.components.values():",
         f"        if isinstance(component, torch.nn.Module) and not any(component is one for one in {kept}):",
         f'            component.to("{device}")']
    )  # fmt: skip


def _precision(choice: OptimizationChoice, _: list[str], __: list[str], ___: str) -> str:
    if choice.name == "tf32":
        return "torch.backends.cuda.matmul.allow_tf32 = True\ntorch.backends.cudnn.allow_tf32 = True"
    return f'torch.set_float32_matmul_precision("{option(choice, "precision")}")'


_RELEASE = "# Load the prior, call it, release it, and only then load the decoder: here both are loaded."

_LINES: dict[str, Callable[[OptimizationChoice, list[str], list[str], str], str]] = {
    "again": lambda *_: "",
    "tf32": _precision,
    "matmul-precision": _precision,
    "layerwise-casting": _casting,
    "int8-weights": _int8,
    "sdpa": _attention,
    "plain-attention": _attention,
    "xformers": _xformers,
    "attention-slicing": _slicing,
    "channels-last": _channels_last,
    "release-prior": lambda *_: _RELEASE,
    "model-offload": _offload,
    "sequential-offload": _offload,
    "group-offload": _group,
    "compile": _compiled,
}
